// What has come from paired devices, each message once: unique by (sender, epoch, number), and committed before
// it is acknowledged. Readers see a peer's messages in the order in which they were sent; what comes before its
// turn is kept and waits.
import type { EpochOf, InboundRow, Place } from "./rows.ts";
import type { PeerRows } from "./store.ts";

interface Arrived extends Place {
  id: string;
  kind: string;
  body: Uint8Array;
}

/** How far ahead of a gap something is still kept. */
const AHEAD_MAX = 1_000;
/** New ones come with a restored peer; a peer that makes more is not heard. */
const EPOCHS_MAX = 1_000;
/** Of one peer, not yet read. */
const UNREAD_MAX = 20_000;
/** For numbers that were given up by their sender, and for messages that came under an earlier number. */
const NOTHING = { kind: "nothing", body: new Uint8Array(0), read: 1 } as const;

export type Arrival = "new" | "known" | "too_far" | "full";

export async function keepArrived(rows: PeerRows, message: Arrived, nowMs: number): Promise<Arrival> {
  const { inbox } = rows;
  const known = await inbox.inbound(message);
  const complete = known?.complete ?? 0;
  if (message.sequence <= complete) return "known";
  if (message.sequence > complete + AHEAD_MAX) return "too_far";
  if (known === undefined && (await inbox.countEpochs(message.peer)) >= EPOCHS_MAX) return "full";
  if (message.kind !== "control" && (await isFull(rows, message))) return "full";
  // Under another number: its sender was restored from an older copy and sends again what it does not know of.
  const again = await inbox.cameInAnother(message, message.id);
  const { peer, epoch, sequence, id, kind, body } = message;
  const content = again || kind === "control" ? NOTHING : { kind, body, read: 0 };
  const added = await inbox.add({ peer, epoch, sequence, id, ...content, position: null, at: nowMs });
  return added && !again ? "new" : "known";
}

/** The sender has given these numbers up. Returns how many of them had not come. */
export async function giveUp(
  rows: PeerRows,
  range: EpochOf & { from: number; to: number },
  nowMs: number,
): Promise<number> {
  const { peer, epoch, from, to } = range;
  const { complete } = await inboundOf(rows, range);
  let given = 0;
  const last = Math.min(to, complete + AHEAD_MAX);
  for (let sequence = Math.max(from, complete + 1); sequence <= last; sequence++) {
    const row = { peer, epoch, sequence, id: `lost-${sequence}`, ...NOTHING, position: null, at: nowMs };
    if (await rows.inbox.add(row)) given += 1;
  }
  return given;
}

/**
 * Gives every message whose turn has come its place in the list. Returns how far the epoch is complete now, and
 * how many became readable.
 */
export async function advance(
  rows: PeerRows,
  { peer, epoch }: EpochOf,
  nowMs: number,
): Promise<{ complete: number; readable: number }> {
  const { inbox } = rows;
  const before = await inboundOf(rows, { peer, epoch });
  let { complete, last_id } = before;
  let readable = 0;
  for (const row of await inbox.after({ peer, epoch, sequence: complete }, AHEAD_MAX)) {
    if (row.sequence !== complete + 1) break;
    complete = row.sequence;
    last_id = row.id;
    if (row.kind === NOTHING.kind) continue;
    readable += 1;
    await inbox.show({ peer, epoch, sequence: complete });
  }
  if (complete > before.complete) {
    await inbox.putInbound({ peer, epoch, complete, last_id, seen_at: nowMs });
    // Their numbers are known by `complete` from now on.
    await inbox.dropUpTo({ peer, epoch, sequence: complete }, NOTHING.kind);
  }
  return { complete, readable };
}

/**
 * The first numbers that are missing before something that has come, or up to one that is known to have been sent;
 * undefined where nothing is.
 */
export async function holeOf(
  rows: PeerRows,
  epoch: EpochOf,
  sentUpTo: number,
): Promise<{ from: number; to: number } | undefined> {
  const { complete } = await inboundOf(rows, epoch);
  const [next] = await rows.inbox.after({ ...epoch, sequence: complete }, 1);
  const to = next === undefined ? sentUpTo : next.sequence - 1;
  return to > complete ? { from: complete + 1, to } : undefined;
}

export async function inboundOf(
  rows: PeerRows,
  epoch: EpochOf,
): Promise<Pick<InboundRow, "complete" | "last_id">> {
  return (await rows.inbox.inbound(epoch)) ?? { complete: 0, last_id: "" };
}

async function isFull(rows: PeerRows, { peer, body }: Arrived): Promise<boolean> {
  const { count, bytes } = await rows.inbox.unread(peer);
  return count >= UNREAD_MAX || bytes + body.length > rows.room.inboxBytes;
}
