// Host names of shares that lead to their devices' tunnels. The rule: a row says which DNS record may exist before
// the provider is asked to make it, and goes only once the provider was seen without it.

import type { Kysely, Selectable } from "kysely";
import type { HubDatabase, NamedHostsTable } from "./hub-schema.ts";

export type NamedHostRow = Selectable<NamedHostsTable>;
export type NamedHostFacts = Pick<NamedHostRow, "hostname" | "share_id" | "holder" | "tunnel_id">;

/** Before the provider is called. A name that a former share left behind is this one's from now on. */
export async function beginNamedHost(
  db: Kysely<HubDatabase>,
  facts: NamedHostFacts,
  now: number,
): Promise<void> {
  const begun = { ...facts, state: "creating" as const, record_id: null, begun_at: now, next_try_at: now };
  await db
    .insertInto("named_hosts")
    .values({ ...begun, checked_at: null, tries: 0, reason: null })
    .onConflict((conflict) => conflict.column("hostname").doUpdateSet(begun))
    .execute();
}

export function findNamedHost(db: Kysely<HubDatabase>, hostname: string): Promise<NamedHostRow | undefined> {
  return db.selectFrom("named_hosts").selectAll().where("hostname", "=", hostname).executeTakeFirst();
}

export function listNamedHosts(db: Kysely<HubDatabase>): Promise<NamedHostRow[]> {
  return db.selectFrom("named_hosts").selectAll().orderBy("hostname").execute();
}

export async function changeNamedHost(
  db: Kysely<HubDatabase>,
  hostname: string,
  changes: Partial<Omit<NamedHostRow, "hostname">>,
): Promise<void> {
  await db.updateTable("named_hosts").set(changes).where("hostname", "=", hostname).execute();
}

export async function removeNamedHost(db: Kysely<HubDatabase>, hostname: string): Promise<void> {
  await db.deleteFrom("named_hosts").where("hostname", "=", hostname).execute();
}
