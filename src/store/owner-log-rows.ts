// The entries of owner logs, as they were signed. Appending is compare-and-set: an entry goes in only behind
// the one that its writer saw. Whether it is signed rightly and within its scope is checked before.

import type { Kysely } from "kysely";
import { OWNER_LOG_MAX_ENTRIES } from "../protocol/limits.ts";
import type { CommonDatabase, OwnerLogTable } from "./common-schema.ts";
import { inTransaction } from "./in-transaction.ts";

export interface NewLogEntry extends OwnerLogTable {
  /** Hash of the entry before; undefined for entry 0. */
  previous: Uint8Array | undefined;
}

export interface LogHead {
  number: number;
  hash: Uint8Array;
}

export type AppendOutcome =
  | { outcome: "appended" }
  /** The very same entry is there already: a repeat after a lost answer. */
  | { outcome: "known" }
  /** The log has moved on, or never was where the writer thought. */
  | { outcome: "conflict"; head: LogHead | undefined }
  | { outcome: "full" };

export function appendLogEntry(db: Kysely<CommonDatabase>, entry: NewLogEntry): Promise<AppendOutcome> {
  return inTransaction(db, async (transaction) => {
    const head = await logHead(transaction, entry.owner_root);
    if (!follows(entry, head)) {
      const same = await hasLogEntry(transaction, entry);
      return same ? { outcome: "known" } : { outcome: "conflict", head };
    }
    if (entry.number >= OWNER_LOG_MAX_ENTRIES) return { outcome: "full" };
    const { owner_root, number, hash, json } = entry;
    await transaction.insertInto("owner_log").values({ owner_root, number, hash, json }).execute();
    return { outcome: "appended" };
  });
}

/** For a `recover` entry, which takes the place of what stands there. */
export async function dropLogTail(
  db: Kysely<CommonDatabase>,
  ownerRoot: string,
  from: number,
): Promise<void> {
  await db.deleteFrom("owner_log").where("owner_root", "=", ownerRoot).where("number", ">=", from).execute();
}

export async function logHead(db: Kysely<CommonDatabase>, ownerRoot: string): Promise<LogHead | undefined> {
  return db
    .selectFrom("owner_log")
    .select(["number", "hash"])
    .where("owner_root", "=", ownerRoot)
    .orderBy("number", "desc")
    .limit(1)
    .executeTakeFirst();
}

/** In order, `from` included; never more than a log can have. */
export async function listLogEntries(
  db: Kysely<CommonDatabase>,
  ownerRoot: string,
  from = 0,
): Promise<OwnerLogTable[]> {
  return db
    .selectFrom("owner_log")
    .selectAll()
    .where("owner_root", "=", ownerRoot)
    .where("number", ">=", from)
    .orderBy("number")
    .limit(OWNER_LOG_MAX_ENTRIES)
    .execute();
}

export async function listOwnerRoots(db: Kysely<CommonDatabase>): Promise<string[]> {
  const rows = await db.selectFrom("owner_log").select("owner_root").where("number", "=", 0).execute();
  return rows.map((row) => row.owner_root);
}

/** Whether this very entry stands at its number. */
export async function hasLogEntry(db: Kysely<CommonDatabase>, entry: OwnerLogTable): Promise<boolean> {
  const row = await db
    .selectFrom("owner_log")
    .select("number")
    .where("owner_root", "=", entry.owner_root)
    .where("number", "=", entry.number)
    .where("hash", "=", entry.hash)
    .executeTakeFirst();
  return row !== undefined;
}

function follows(entry: NewLogEntry, head: LogHead | undefined): boolean {
  if (head === undefined) return entry.number === 0 && entry.previous === undefined;
  if (entry.number !== head.number + 1 || entry.previous === undefined) return false;
  return sameBytes(entry.previous, head.hash);
}

// Hashes of a public chain: nothing secret is compared here.
function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
