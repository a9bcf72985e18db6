// The owner logs that live on a hub, and the accounts they belong to.

import type { Kysely, Selectable } from "kysely";
import type { HubDatabase, OwnersTable } from "./hub-schema.ts";

export type OwnerRow = Selectable<OwnersTable>;

/** False when it is there already. */
export async function addOwner(db: Kysely<HubDatabase>, owner: OwnerRow): Promise<boolean> {
  const result = await db
    .insertInto("owners")
    .values(owner)
    .onConflict((conflict) => conflict.column("owner_root").doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export function findOwner(db: Kysely<HubDatabase>, ownerRoot: string): Promise<OwnerRow | undefined> {
  return db.selectFrom("owners").selectAll().where("owner_root", "=", ownerRoot).executeTakeFirst();
}

/** By the 16 bytes that a setup token carries. */
export function findOwnerByPin(db: Kysely<HubDatabase>, pin: Uint8Array): Promise<OwnerRow | undefined> {
  return db.selectFrom("owners").selectAll().where("pin", "=", pin).executeTakeFirst();
}

export function listOwners(db: Kysely<HubDatabase>): Promise<OwnerRow[]> {
  return db.selectFrom("owners").selectAll().orderBy("created_at").execute();
}

/** Gives an owner log to an account, once: false when it has another one or doesn't exist. */
export async function setOwnerUser(
  db: Kysely<HubDatabase>,
  ownerRoot: string,
  userId: string,
): Promise<boolean> {
  const result = await db
    .updateTable("owners")
    .set({ user_id: userId })
    .where("owner_root", "=", ownerRoot)
    .where((where) => where.or([where("user_id", "is", null), where("user_id", "=", userId)]))
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
