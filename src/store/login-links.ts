// Links that let the home that printed them sign one browser in: once, for 15 minutes. Only a hash is kept.

import type { Kysely } from "kysely";
import type { HubDatabase } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";

export interface NewLoginLink {
  id: string;
  /** SHA-256 of the link's 256-bit secret. */
  secretHash: Uint8Array;
  expiresAt: number;
}

/** Also clears away the links that are over, so that the table stays small. */
export function addLoginLink(db: Kysely<HubDatabase>, link: NewLoginLink, now: number): Promise<void> {
  return inTransaction(db, async (transaction) => {
    await transaction.deleteFrom("login_links").where("expires_at", "<=", now).execute();
    await transaction
      .insertInto("login_links")
      .values({
        id: link.id,
        secret_hash: link.secretHash,
        created_at: now,
        expires_at: link.expiresAt,
        spent_at: null,
      })
      .execute();
  });
}

/**
 * True for exactly one caller with the right secret in time. The database compares digests of 256 random bits:
 * how long that takes says nothing about the secret.
 */
export async function spendLoginLink(
  db: Kysely<HubDatabase>,
  { id, secretHash, now }: { id: string; secretHash: Uint8Array; now: number },
): Promise<boolean> {
  const result = await db
    .updateTable("login_links")
    .set({ spent_at: now })
    .where("id", "=", id)
    .where("secret_hash", "=", secretHash)
    .where("spent_at", "is", null)
    .where("expires_at", ">", now)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
