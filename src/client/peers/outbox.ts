// What is on its way to paired devices. A row is kept, with its body, until the peer itself has signed that it
// has it; the hub's word only moves it from `queued` to `relayed`.
import { MusterError } from "../../protocol/errors.ts";
import type { OutboxRow } from "./rows.ts";
import type { PeerRows } from "./store.ts";

/** What may wait for one peer, as much as a hub keeps, and more that has not gone there yet. */
const OUTBOX_MAX = 20_000;
/** What this device itself has to say to a peer has room beside what a person sends, and a bound as well. */
const OUTBOX_MAX_WITH_CONTROL = OUTBOX_MAX + 1_000;
/** For how long a delivered message can still be asked about. */
const DELIVERED_KEPT_MS = 7 * 86_400_000;

export interface NewMessage {
  id: string;
  peer: string;
  kind: string;
  body: Uint8Array;
}

/** With the next number of its peer. Throws `too_many`, `not_found`. */
export async function queueMessage(rows: PeerRows, message: NewMessage, nowMs: number): Promise<OutboxRow> {
  const peer = await rows.peers.find(message.peer);
  if (peer === undefined) throw new MusterError("not_found", "the pairing with that device is over");
  const { count, bytes } = await rows.outbox.waiting(message.peer);
  const full =
    message.kind === "control"
      ? count >= OUTBOX_MAX_WITH_CONTROL
      : count >= OUTBOX_MAX || bytes + message.body.length > rows.room.outboxBytes;
  if (full) {
    throw new MusterError("too_many", `too much waits for ${peer.petname} already`, {
      hint: "it is sent by itself once that device is online",
    });
  }
  const row: OutboxRow = {
    ...message,
    epoch: peer.epoch,
    sequence: peer.next_sequence,
    state: "queued",
    created_at: nowMs,
  };
  await rows.peers.change(peer.key, { next_sequence: peer.next_sequence + 1 });
  await rows.outbox.add(row);
  return row;
}

/**
 * This device's state is an older copy: the peer knows numbers that were never given here. What has not arrived
 * gets new numbers of a new epoch, under the same ids, by which the peer knows what it has.
 */
export async function beginEpoch(rows: PeerRows, peer: string, epoch: Uint8Array): Promise<void> {
  const waiting = await rows.outbox.renumber(peer, epoch);
  await rows.peers.change(peer, { epoch, next_sequence: waiting + 1 });
}

export function forgetOld(rows: PeerRows, nowMs: number): Promise<void> {
  return rows.outbox.forgetBefore(nowMs - DELIVERED_KEPT_MS);
}
