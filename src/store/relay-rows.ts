// Sealed messages that wait at a hub for a device that is away. A hub can read none of them; a row is there
// until its recipient has said that it has it, for seven days at most.

import { type Kysely, sql } from "kysely";
import type { HubDatabase, RelayedTable } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";

/** One statement of SQLite takes 32,766 values; a row has six. */
const ROWS_PER_STATEMENT = 500;

export interface Waiting {
  count: number;
  bytes: number;
}

/** One commit for all of them. True where it is new, false where it waited already. */
function keepRelayed(db: Kysely<HubDatabase>, rows: readonly RelayedTable[]): Promise<boolean[]> {
  return inTransaction(db, async (transaction) => {
    const added = new Set<number>();
    for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
      const part = await transaction
        .insertInto("relayed")
        .values(rows.slice(at, at + ROWS_PER_STATEMENT))
        .onConflict((conflict) => conflict.columns(["recipient", "sender", "message"]).doNothing())
        .returning("id")
        .execute();
      for (const { id } of part) added.add(id);
    }
    return rows.map(({ id }) => added.has(id));
  });
}

/** What comes next for a recipient: ids and sizes, oldest first. */
export function nextRelayed(
  db: Kysely<HubDatabase>,
  recipient: string,
  { after, limit }: { after: number; limit: number },
): Promise<{ id: number; bytes: number }[]> {
  return db
    .selectFrom("relayed")
    .select(["id", sql<number>`length(payload)`.as("bytes")])
    .where("recipient", "=", recipient)
    .where("id", ">", after)
    .orderBy("id")
    .limit(limit)
    .execute();
}

export function findRelayed(
  db: Kysely<HubDatabase>,
  id: number,
): Promise<Pick<RelayedTable, "sender" | "payload"> | undefined> {
  return db.selectFrom("relayed").select(["sender", "payload"]).where("id", "=", id).executeTakeFirst();
}

export interface Taken {
  recipient: string;
  /** This one and all before it. */
  upTo: number;
}

/** One commit for all of them. What each of them made free. */
function dropTaken(db: Kysely<HubDatabase>, taken: readonly Taken[]): Promise<Waiting[]> {
  return inTransaction(db, async (transaction) => {
    const freed: Waiting[] = [];
    for (const { recipient, upTo } of taken) {
      const rows = await transaction
        .deleteFrom("relayed")
        .where("recipient", "=", recipient)
        .where("id", "<=", upTo)
        .returning(sql<number>`length(payload)`.as("bytes"))
        .execute();
      freed.push({ count: rows.length, bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0) });
    }
    return freed;
  });
}

/** Both of the above in one commit: each waits for the disk. Results in the order of what was given. */
export function writeRelayed(
  db: Kysely<HubDatabase>,
  { keep, drop }: { keep: readonly RelayedTable[]; drop: readonly Taken[] },
): Promise<{ kept: boolean[]; freed: Waiting[] }> {
  return inTransaction(db, async (transaction) => ({
    kept: await keepRelayed(transaction, keep),
    freed: await dropTaken(transaction, drop),
  }));
}

export async function waitingFor(db: Kysely<HubDatabase>, recipient: string): Promise<Waiting> {
  return db
    .selectFrom("relayed")
    .select((row) => [
      row.fn.countAll<number>().as("count"),
      sql<number>`coalesce(sum(length(payload)), 0)`.as("bytes"),
    ])
    .where("recipient", "=", recipient)
    .executeTakeFirstOrThrow();
}

export function waitingByRecipient(db: Kysely<HubDatabase>): Promise<(Waiting & { recipient: string })[]> {
  return db
    .selectFrom("relayed")
    .select((row) => [
      "recipient",
      row.fn.countAll<number>().as("count"),
      sql<number>`coalesce(sum(length(payload)), 0)`.as("bytes"),
    ])
    .groupBy("recipient")
    .execute();
}

export async function dropBetween(db: Kysely<HubDatabase>, one: string, other: string): Promise<void> {
  for (const [sender, recipient] of [
    [one, other],
    [other, one],
  ] as const) {
    await db.deleteFrom("relayed").where("recipient", "=", recipient).where("sender", "=", sender).execute();
  }
}

/** True when there were some. */
export async function dropOldRelayed(db: Kysely<HubDatabase>, before: number): Promise<boolean> {
  const result = await db.deleteFrom("relayed").where("at", "<", before).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

export async function lastRelayId(db: Kysely<HubDatabase>): Promise<number> {
  const row = await db
    .selectFrom("relayed")
    .select((row) => row.fn.max<number | null>("id").as("id"))
    .executeTakeFirstOrThrow();
  return row.id ?? 0;
}
