// What an app's process was when it was last looked at. After a restart a row is a hint, not a fact: its pid
// counts only while the process still carries the same start mark.

import type { Kysely, Selectable } from "kysely";
import type { AgentDatabase, RuntimeTable } from "./agent-schema.ts";

export type RuntimeRow = Selectable<RuntimeTable>;

/** Writes the whole row. The share must exist. */
export async function setRuntime(db: Kysely<AgentDatabase>, row: RuntimeRow): Promise<void> {
  const { share_id, ...facts } = row;
  await db
    .insertInto("runtime")
    .values({ share_id, ...facts })
    .onConflict((conflict) => conflict.column("share_id").doUpdateSet(facts))
    .execute();
}

export function findRuntime(db: Kysely<AgentDatabase>, shareId: string): Promise<RuntimeRow | undefined> {
  return db.selectFrom("runtime").selectAll().where("share_id", "=", shareId).executeTakeFirst();
}

export function listRuntime(db: Kysely<AgentDatabase>): Promise<RuntimeRow[]> {
  return db.selectFrom("runtime").selectAll().execute();
}
