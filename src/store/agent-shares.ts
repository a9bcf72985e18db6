// What the user of this device asked to share. Nothing here says whether it runs: that is runtime.ts.

import type { Insertable, Kysely, Selectable, Updateable } from "kysely";
import { MusterError } from "../protocol/errors.ts";
import { SHARES_PER_DEVICE } from "../protocol/limits.ts";
import type { AgentDatabase, AgentSharesTable } from "./agent-schema.ts";
import { inTransaction } from "./in-transaction.ts";
import { isUniqueViolation } from "./sqlite-errors.ts";

export type AgentShareRow = Selectable<AgentSharesTable>;
export type NewAgentShare = Insertable<AgentSharesTable>;
export type AgentShareChange = Omit<Updateable<AgentSharesTable>, "id" | "created_at">;

/** Throws `name_taken`, or `too_many` past the number of shares a device may have. */
export function addAgentShare(db: Kysely<AgentDatabase>, share: NewAgentShare): Promise<void> {
  return inTransaction(db, async (transaction) => {
    const { count } = await transaction
      .selectFrom("shares")
      .select((row) => row.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count >= SHARES_PER_DEVICE) {
      throw new MusterError("too_many", `this device has ${SHARES_PER_DEVICE} shares, which is the most`, {
        hint: "remove one first: muster rm ID",
      });
    }
    try {
      await transaction.insertInto("shares").values(share).execute();
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new MusterError("name_taken", `there is a share "${share.name}" already`, { cause: error });
    }
  });
}

/** The row as it is now, or undefined when there is none of this id. */
export function changeAgentShare(
  db: Kysely<AgentDatabase>,
  id: string,
  change: AgentShareChange,
): Promise<AgentShareRow | undefined> {
  return db.updateTable("shares").set(change).where("id", "=", id).returningAll().executeTakeFirst();
}

/** Its runtime row goes with it. False when there is none of this id. */
export async function removeAgentShare(db: Kysely<AgentDatabase>, id: string): Promise<boolean> {
  const result = await db.deleteFrom("shares").where("id", "=", id).executeTakeFirst();
  return result.numDeletedRows === 1n;
}

export function findAgentShare(db: Kysely<AgentDatabase>, id: string): Promise<AgentShareRow | undefined> {
  return db.selectFrom("shares").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Oldest first. */
export function listAgentShares(db: Kysely<AgentDatabase>): Promise<AgentShareRow[]> {
  return db.selectFrom("shares").selectAll().orderBy("created_at").orderBy("id").execute();
}
