// What has come from paired devices, each message once: unique by (sender, epoch, number), and committed before
// it is acknowledged. Readers see a peer's messages in the order in which they were sent; what comes before its
// turn is kept and waits.
import { sql, type Kysely, type Selectable } from "kysely";
import type { InboxTable } from "../peers/peer-tables.ts";
import type { StateDatabase } from "../state-migrations.ts";

export type InboxRow = Selectable<InboxTable>;

export interface Place {
  peer: string;
  /** base64url. */
  epoch: string;
  sequence: number;
}

export interface Arrived extends Place {
  id: string;
  kind: string;
  body: Uint8Array;
}

/** How far ahead of a gap something is still kept. */
export const AHEAD_MAX = 1_000;
/** New ones come with a restored peer; a peer that makes more is not heard. */
export const EPOCHS_MAX = 1_000;
/** Of one peer, not yet read. */
export const UNREAD_MAX = 20_000;
export const UNREAD_MAX_BYTES = 512 * 1024 * 1024;
/** For numbers that were given up by their sender, and for messages that came under an earlier number. */
const NOTHING = { kind: "nothing", body: new Uint8Array(0), read: 1 } as const;

export type Arrival = "new" | "known" | "too_far" | "full";

/** Inside the caller's transaction. */
export async function keepArrived(
  db: Kysely<StateDatabase>,
  message: Arrived,
  nowMs: number,
): Promise<Arrival> {
  const { complete, isNew } = await inboundOf(db, message);
  if (message.sequence <= complete) return "known";
  if (message.sequence > complete + AHEAD_MAX) return "too_far";
  if (isNew && (await countEpochs(db, message.peer)) >= EPOCHS_MAX) return "full";
  if (message.kind !== "control" && (await isFull(db, message))) return "full";
  const again = await cameBefore(db, message);
  const { peer, epoch, sequence, id, kind, body } = message;
  const content = again || kind === "control" ? NOTHING : { kind, body, read: 0 };
  const inserted = await db
    .insertInto("inbox")
    .values({ peer, epoch, sequence, id, ...content, position: null, at: nowMs })
    .onConflict((conflict) => conflict.columns(["peer", "epoch", "sequence"]).doNothing())
    .executeTakeFirst();
  return inserted.numInsertedOrUpdatedRows === 1n && !again ? "new" : "known";
}

/** The sender has given these numbers up. Inside the caller's transaction. */
export async function giveUp(
  db: Kysely<StateDatabase>,
  place: Omit<Place, "sequence"> & { from: number; to: number },
  nowMs: number,
): Promise<number> {
  const { peer, epoch, from, to } = place;
  const { complete } = await inboundOf(db, place);
  let given = 0;
  const last = Math.min(to, complete + AHEAD_MAX);
  for (let sequence = Math.max(from, complete + 1); sequence <= last; sequence++) {
    const row = { peer, epoch, sequence, id: `lost-${sequence}`, ...NOTHING, position: null, at: nowMs };
    const result = await db
      .insertInto("inbox")
      .values(row)
      .onConflict((conflict) => conflict.columns(["peer", "epoch", "sequence"]).doNothing())
      .executeTakeFirst();
    given += Number(result.numInsertedOrUpdatedRows);
  }
  return given;
}

/**
 * Gives every message whose turn has come its place in the list. Returns how far the epoch is complete now, and
 * what became readable. Inside the caller's transaction.
 */
export async function advance(
  db: Kysely<StateDatabase>,
  place: Omit<Place, "sequence">,
  nowMs: number,
): Promise<{ complete: number; lastId: string; readable: number }> {
  const { peer, epoch } = place;
  const before = await inboundOf(db, place);
  let { complete, last_id: lastId } = before;
  let readable = 0;
  const rows = await db
    .selectFrom("inbox")
    .select(["sequence", "id", "kind"])
    .where("peer", "=", peer)
    .where("epoch", "=", epoch)
    .where("sequence", ">", complete)
    .orderBy("sequence")
    .limit(AHEAD_MAX)
    .execute();
  for (const { sequence, id, kind } of rows) {
    if (sequence !== complete + 1) break;
    complete = sequence;
    lastId = id;
    if (kind === "nothing") continue;
    readable += 1;
    await db
      .updateTable("inbox")
      .set({ position: sql`(select coalesce(max(position), 0) + 1 from inbox)` })
      .where("peer", "=", peer)
      .where("epoch", "=", epoch)
      .where("sequence", "=", sequence)
      .execute();
  }
  if (complete > before.complete) {
    const row = { complete, last_id: lastId, seen_at: nowMs };
    await db
      .insertInto("inbound")
      .values({ peer, epoch, ...row })
      .onConflict((conflict) => conflict.columns(["peer", "epoch"]).doUpdateSet(row))
      .execute();
    // Their numbers are known by `complete` from now on.
    await db
      .deleteFrom("inbox")
      .where("peer", "=", peer)
      .where("epoch", "=", epoch)
      .where("kind", "=", "nothing")
      .where("sequence", "<=", complete)
      .execute();
  }
  return { complete, lastId, readable };
}

/** The first numbers that are missing before something that has come; undefined where nothing is. */
export async function gapOf(
  db: Kysely<StateDatabase>,
  place: Omit<Place, "sequence">,
): Promise<{ from: number; to: number } | undefined> {
  const { complete } = await inboundOf(db, place);
  const next = await db
    .selectFrom("inbox")
    .select("sequence")
    .where("peer", "=", place.peer)
    .where("epoch", "=", place.epoch)
    .where("sequence", ">", complete)
    .orderBy("sequence")
    .limit(1)
    .executeTakeFirst();
  return next === undefined ? undefined : { from: complete + 1, to: next.sequence - 1 };
}

export async function inboundOf(
  db: Kysely<StateDatabase>,
  { peer, epoch }: Omit<Place, "sequence">,
): Promise<{ complete: number; last_id: string; isNew: boolean }> {
  const row = await db
    .selectFrom("inbound")
    .select(["complete", "last_id"])
    .where("peer", "=", peer)
    .where("epoch", "=", epoch)
    .executeTakeFirst();
  return row === undefined ? { complete: 0, last_id: "", isNew: true } : { ...row, isNew: false };
}

/** Readable ones, in order, after a place in the list. */
export function listInbox(
  db: Kysely<StateDatabase>,
  { after, limit, unread }: { after: number; limit: number; unread: boolean },
): Promise<InboxRow[]> {
  return db
    .selectFrom("inbox")
    .selectAll()
    .where("position", ">", after)
    .$if(unread, (query) => query.where("read", "=", 0))
    .orderBy("position")
    .limit(limit)
    .execute();
}

/** A reader has this one and all before it. */
export async function markRead(db: Kysely<StateDatabase>, upTo: number): Promise<void> {
  await db
    .updateTable("inbox")
    .set({ read: 1 })
    .where("position", "<=", upTo)
    .where("read", "=", 0)
    .execute();
}

async function countEpochs(db: Kysely<StateDatabase>, peer: string): Promise<number> {
  const { count } = await db
    .selectFrom("inbound")
    .select((row) => row.fn.countAll<number>().as("count"))
    .where("peer", "=", peer)
    .executeTakeFirstOrThrow();
  return count;
}

async function isFull(db: Kysely<StateDatabase>, { peer, body }: Arrived): Promise<boolean> {
  const { count, bytes } = await db
    .selectFrom("inbox")
    .select((row) => [
      row.fn.countAll<number>().as("count"),
      sql<number>`coalesce(sum(length(body)), 0)`.as("bytes"),
    ])
    .where("peer", "=", peer)
    .where("read", "=", 0)
    .executeTakeFirstOrThrow();
  return count >= UNREAD_MAX || bytes + body.length > UNREAD_MAX_BYTES;
}

/** Under another number: its sender was restored from an older copy and sends again what it does not know of. */
async function cameBefore(db: Kysely<StateDatabase>, { peer, id, epoch }: Arrived): Promise<boolean> {
  const row = await db
    .selectFrom("inbox")
    .select("id")
    .where("peer", "=", peer)
    .where("id", "=", id)
    .where("epoch", "!=", epoch)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
