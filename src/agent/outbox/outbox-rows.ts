// What is on its way to paired devices. A row is kept, with its body, until the peer itself has signed that it
// has it; the hub's word only moves it from `queued` to `relayed`.
import { sql, type Kysely, type Selectable } from "kysely";
import { MusterError } from "../../protocol/errors.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import type { OutboxState, OutboxTable } from "../peers/peer-tables.ts";
import type { StateDatabase } from "../state-migrations.ts";

export type OutboxRow = Selectable<OutboxTable>;

/** What may wait for one peer, as much as a hub keeps, and more that has not gone there yet. */
export const OUTBOX_MAX = 20_000;
export const OUTBOX_MAX_BYTES = 256 * 1024 * 1024;
/** For how long a delivered message can still be asked about. */
const DELIVERED_KEPT_MS = 7 * 86_400_000;
const NOTHING = new Uint8Array(0);

export interface NewMessage {
  id: string;
  peer: string;
  kind: string;
  body: Uint8Array;
}

/** Durable when it resolves, with the next number of its peer. Throws `too_many`, `not_found`. */
export function queueMessage(
  db: Kysely<StateDatabase>,
  message: NewMessage,
  nowMs: number,
): Promise<OutboxRow> {
  return inTransaction(db, async (transaction) => {
    const peer = await transaction
      .selectFrom("peers")
      .select(["key", "petname", "epoch", "next_sequence"])
      .where("key", "=", message.peer)
      .executeTakeFirst();
    if (peer === undefined) throw new MusterError("not_found", "the pairing with that device is over");
    const { count, bytes } = await waitingFor(transaction, message.peer);
    const full = count >= OUTBOX_MAX || bytes + message.body.length > OUTBOX_MAX_BYTES;
    if (full && message.kind !== "control") {
      throw new MusterError("too_many", `too much waits for ${peer.petname} already`, {
        hint: "it is sent by itself once that device is online",
      });
    }
    await transaction
      .updateTable("peers")
      .set({ next_sequence: peer.next_sequence + 1 })
      .where("key", "=", peer.key)
      .execute();
    return transaction
      .insertInto("outbox")
      .values({
        ...message,
        epoch: peer.epoch,
        sequence: peer.next_sequence,
        state: "queued",
        created_at: nowMs,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

export function findMessage(db: Kysely<StateDatabase>, id: string): Promise<OutboxRow | undefined> {
  return db.selectFrom("outbox").selectAll().where("id", "=", id).executeTakeFirst();
}

/** In their order, after a number that is under way already. */
export function nextQueued(
  db: Kysely<StateDatabase>,
  peer: string,
  { after, limit }: { after: number; limit: number },
): Promise<OutboxRow[]> {
  return db
    .selectFrom("outbox")
    .selectAll()
    .where("peer", "=", peer)
    .where("state", "=", "queued")
    .where("sequence", ">", after)
    .orderBy("sequence")
    .limit(limit)
    .execute();
}

export function oldestRelayed(db: Kysely<StateDatabase>, peer: string): Promise<OutboxRow | undefined> {
  return db
    .selectFrom("outbox")
    .selectAll()
    .where("peer", "=", peer)
    .where("state", "=", "relayed")
    .orderBy("sequence")
    .limit(1)
    .executeTakeFirst();
}

/** Only from `queued`: a signed acknowledgement may have been quicker than the hub's answer. */
export async function markRelayed(db: Kysely<StateDatabase>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db
    .updateTable("outbox")
    .set({ state: "relayed" })
    .where("id", "in", [...ids])
    .where("state", "=", "queued")
    .execute();
}

/** This number and all before it have arrived. Returns whether any of them was not known to have. */
export async function markDelivered(
  db: Kysely<StateDatabase>,
  place: { peer: string; epoch: Uint8Array; sequence: number },
): Promise<boolean> {
  const result = await db
    .updateTable("outbox")
    .set({ state: "delivered", body: NOTHING })
    .where("peer", "=", place.peer)
    .where("epoch", "=", place.epoch)
    .where("sequence", "<=", place.sequence)
    .where("state", "in", ["queued", "relayed"])
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** To be sent once more. Returns which of the numbers there is something to send for. */
export async function queueAgain(
  db: Kysely<StateDatabase>,
  place: { peer: string; epoch: Uint8Array; from: number; to: number },
): Promise<number[]> {
  const rows = await db
    .updateTable("outbox")
    .set({ state: "queued" })
    .where("peer", "=", place.peer)
    .where("epoch", "=", place.epoch)
    .where("sequence", ">=", place.from)
    .where("sequence", "<=", place.to)
    .where("state", "in", ["queued", "relayed"])
    .returning("sequence")
    .execute();
  return rows.map(({ sequence }) => sequence);
}

/**
 * This device's state is an older copy: the peer knows numbers that were never given here. What has not arrived
 * gets new numbers of a new epoch, under the same ids, by which the peer knows what it has.
 */
export function beginEpoch(
  db: Kysely<StateDatabase>,
  { peer, epoch }: { peer: string; epoch: Uint8Array },
): Promise<void> {
  return inTransaction(db, async (transaction) => {
    const rows = await transaction
      .selectFrom("outbox")
      .select("id")
      .where("peer", "=", peer)
      .where("state", "in", ["queued", "relayed"])
      .orderBy("sequence")
      .execute();
    for (const [at, { id }] of rows.entries()) {
      const place = { epoch, sequence: at + 1, state: "queued" as const };
      await transaction.updateTable("outbox").set(place).where("id", "=", id).execute();
    }
    await transaction
      .updateTable("peers")
      .set({ epoch, next_sequence: rows.length + 1 })
      .where("key", "=", peer)
      .execute();
  });
}

/** The pairing is over; their sender is told by their state. Returns how many there were. */
export async function dropWaiting(db: Kysely<StateDatabase>, peer: string): Promise<number> {
  const result = await db
    .updateTable("outbox")
    .set({ state: "dropped" satisfies OutboxState, body: NOTHING })
    .where("peer", "=", peer)
    .where("state", "in", ["queued", "relayed"])
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}

export async function dropOldDelivered(db: Kysely<StateDatabase>, nowMs: number): Promise<void> {
  await db
    .deleteFrom("outbox")
    .where("state", "in", ["delivered", "dropped"])
    .where("created_at", "<", nowMs - DELIVERED_KEPT_MS)
    .execute();
}

async function waitingFor(
  db: Kysely<StateDatabase>,
  peer: string,
): Promise<{ count: number; bytes: number }> {
  return db
    .selectFrom("outbox")
    .select((row) => [
      row.fn.countAll<number>().as("count"),
      sql<number>`coalesce(sum(length(body)), 0)`.as("bytes"),
    ])
    .where("peer", "=", peer)
    .where("state", "in", ["queued", "relayed"])
    .executeTakeFirstOrThrow();
}
