// Which keys a hub relays between. A pairing is there once both sides have reported their pin of the other; a
// report without its counterpart waits for a while, for a hub may be restarted between the two.

import type { Kysely } from "kysely";
import type { HubDatabase } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";

/** Reports that one key may have made. */
export const PAIRS_PER_KEY = 1_000;
/** How long one side's report waits for the other's. */
export const HALF_PAIR_KEPT_MS = 7 * 86_400_000;

export type ReportOutcome = "whole" | "half" | "too_many";

/** `by` has pinned `peer`. Repeatable. Keys are base64url. */
export function reportPin(
  db: Kysely<HubDatabase>,
  { by, peer }: { by: string; peer: string },
  now: number,
): Promise<ReportOutcome> {
  return inTransaction(db, async (transaction) => {
    const [low, high] = inOrder(by, peer);
    const mine = by === low ? { low_at: now } : { high_at: now };
    if (!(await hasRoom(transaction, by, { low, high }))) return "too_many";
    const row = await transaction
      .insertInto("pairs")
      .values({ low, high, low_at: null, high_at: null, ...mine })
      .onConflict((conflict) => conflict.columns(["low", "high"]).doUpdateSet(mine))
      .returning(["low_at", "high_at"])
      .executeTakeFirstOrThrow();
    return row.low_at !== null && row.high_at !== null ? "whole" : "half";
  });
}

/** False when they were not paired. */
export async function removePair(db: Kysely<HubDatabase>, one: string, other: string): Promise<boolean> {
  const [low, high] = inOrder(one, other);
  const result = await db
    .deleteFrom("pairs")
    .where("low", "=", low)
    .where("high", "=", high)
    .executeTakeFirst();
  return result.numDeletedRows === 1n;
}

/** Every whole pairing, for a hub that starts. */
export function listPairs(db: Kysely<HubDatabase>): Promise<{ low: string; high: string }[]> {
  return db
    .selectFrom("pairs")
    .select(["low", "high"])
    .where("low_at", "is not", null)
    .where("high_at", "is not", null)
    .execute();
}

export async function dropHalfPairs(db: Kysely<HubDatabase>, now: number): Promise<void> {
  const before = now - HALF_PAIR_KEPT_MS;
  await db
    .deleteFrom("pairs")
    .where((where) =>
      where.or([
        where.and([where("low_at", "is", null), where("high_at", "<", before)]),
        where.and([where("high_at", "is", null), where("low_at", "<", before)]),
      ]),
    )
    .execute();
}

async function hasRoom(
  db: Kysely<HubDatabase>,
  by: string,
  pair: { low: string; high: string },
): Promise<boolean> {
  const known = await db
    .selectFrom("pairs")
    .select("low")
    .where("low", "=", pair.low)
    .where("high", "=", pair.high)
    .executeTakeFirst();
  if (known !== undefined) return true;
  const { count } = await db
    .selectFrom("pairs")
    .select((row) => row.fn.countAll<number>().as("count"))
    .where((where) =>
      where.or([
        where.and([where("low", "=", by), where("low_at", "is not", null)]),
        where.and([where("high", "=", by), where("high_at", "is not", null)]),
      ]),
    )
    .executeTakeFirstOrThrow();
  return count < PAIRS_PER_KEY;
}

function inOrder(one: string, other: string): [string, string] {
  return one < other ? [one, other] : [other, one];
}
