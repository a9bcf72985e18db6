// Files that come: how much of each is here for sure, and which have come. One that is kept is known for good, so
// that its sender, who may not have heard of it, does not send it twice.
import { sql, type Kysely, type Selectable } from "kysely";
import { utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import type { StateDatabase } from "../state-migrations.ts";
import type { FileArrivalsTable } from "./file-tables.ts";

export type ArrivalRow = Selectable<FileArrivalsTable>;
export type ArrivalName = Pick<ArrivalRow, "peer" | "id">;

/** Begun and not whole, of one peer. */
const UNFINISHED_MAX = 200;
/** Known as kept or refused, of one peer; older ones are forgotten. */
const KNOWN_MAX = 10_000;
/** In the inbox they stand under this epoch, which no message has. */
const EPOCH = "files";
/** What the body of such a row is. */
export const KEPT_FILE = "kept_file";

export function findArrival(
  db: Kysely<StateDatabase>,
  { peer, id }: ArrivalName,
): Promise<ArrivalRow | undefined> {
  return db
    .selectFrom("file_arrivals")
    .selectAll()
    .where("peer", "=", peer)
    .where("id", "=", id)
    .executeTakeFirst();
}

export function listArriving(db: Kysely<StateDatabase>): Promise<ArrivalRow[]> {
  return db
    .selectFrom("file_arrivals")
    .selectAll()
    .where("state", "=", "arriving")
    .orderBy("created_at")
    .execute();
}

/** The row of this offer, new or known. Throws `too_many`; `conflict` where the id meant another file. */
export function beginArrival(
  db: Kysely<StateDatabase>,
  offer: ArrivalName & { name: string; size: number },
  nowMs: number,
): Promise<ArrivalRow> {
  return inTransaction(db, async (transaction) => {
    const known = await findArrival(transaction, offer);
    if (known !== undefined && known.size === offer.size) return known;
    if (known !== undefined) {
      throw new MusterError("conflict", "another file was offered under this id before");
    }
    const { count } = await transaction
      .selectFrom("file_arrivals")
      .select((row) => row.fn.countAll<number>().as("count"))
      .where("peer", "=", offer.peer)
      .where("state", "=", "arriving")
      .executeTakeFirstOrThrow();
    if (count >= UNFINISHED_MAX) throw new MusterError("too_many", "too many files of yours are unfinished");
    return transaction
      .insertInto("file_arrivals")
      .values({ ...offer, held: 0, state: "arriving", sha256: null, created_at: nowMs, moved_at: nowMs })
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

export async function noteHeld(
  db: Kysely<StateDatabase>,
  { peer, id, held }: ArrivalName & { held: number },
  nowMs: number,
): Promise<void> {
  await db
    .updateTable("file_arrivals")
    .set({ held, moved_at: nowMs })
    .where("peer", "=", peer)
    .where("id", "=", id)
    .where("state", "=", "arriving")
    .execute();
}

export async function refuseArrival(db: Kysely<StateDatabase>, { peer, id }: ArrivalName): Promise<boolean> {
  const result = await db
    .updateTable("file_arrivals")
    .set({ state: "refused", held: 0 })
    .where("peer", "=", peer)
    .where("id", "=", id)
    .where("state", "=", "arriving")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** As if it had never been offered. */
export async function forgetArrival(db: Kysely<StateDatabase>, { peer, id }: ArrivalName): Promise<void> {
  await db
    .deleteFrom("file_arrivals")
    .where("peer", "=", peer)
    .where("id", "=", id)
    .where("state", "!=", "kept")
    .execute();
}

/** Kept, and in the inbox, in one commit. Repeatable. */
export function keepArrival(
  db: Kysely<StateDatabase>,
  arrival: ArrivalName & { name: string; size: number; sha256: string },
  nowMs: number,
): Promise<void> {
  return inTransaction(db, async (transaction) => {
    const { peer, id, name, size, sha256 } = arrival;
    const kept = await transaction
      .updateTable("file_arrivals")
      .set({ state: "kept", held: size, sha256, moved_at: nowMs })
      .where("peer", "=", peer)
      .where("id", "=", id)
      .where("state", "=", "arriving")
      .executeTakeFirst();
    if (kept.numUpdatedRows === 0n) return;
    await transaction
      .insertInto("inbox")
      .values({
        peer,
        epoch: EPOCH,
        sequence: sql`(select coalesce(max(sequence), 0) + 1 from inbox where peer = ${peer} and epoch = ${EPOCH})`,
        position: sql`(select coalesce(max(position), 0) + 1 from inbox)`,
        id,
        kind: KEPT_FILE,
        body: utf8(JSON.stringify({ name, size, sha256 })),
        at: nowMs,
        read: 0,
      })
      .execute();
    await forgetOldest(transaction, peer);
  });
}

/** Those that nothing has come of since. */
export function staleArrivals(db: Kysely<StateDatabase>, beforeMs: number): Promise<ArrivalRow[]> {
  return db
    .selectFrom("file_arrivals")
    .selectAll()
    .where("state", "=", "arriving")
    .where("moved_at", "<", beforeMs)
    .execute();
}

async function forgetOldest(db: Kysely<StateDatabase>, peer: string): Promise<void> {
  const oldest = await db
    .selectFrom("file_arrivals")
    .select("moved_at")
    .where("peer", "=", peer)
    .where("state", "!=", "arriving")
    .orderBy("moved_at", "desc")
    .offset(KNOWN_MAX)
    .limit(1)
    .executeTakeFirst();
  if (oldest === undefined) return;
  await db
    .deleteFrom("file_arrivals")
    .where("peer", "=", peer)
    .where("state", "!=", "arriving")
    .where("moved_at", "<=", oldest.moved_at)
    .execute();
}
