// One sealed thing from the relay, from bytes to what it changes here, in one transaction. Who it is from is
// decided by the pinned key; the hub's word only says which pin to try.
import type { Crypto } from "../../identity/crypto.ts";
import {
  openAck,
  openMessage,
  type SealedAck,
  type SealedMessage,
  type ToldReceiveKey,
} from "../../identity/sealed/message.ts";
import { parseSealed } from "../../identity/sealed/message-bytes.ts";
import { equalBytes, fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { encodeControl, RANGE_MAX, readControl, type Control } from "../../protocol/peer-control.ts";
import { advance, giveUp, inboundOf, keepArrived } from "./inbox.ts";
import { queueMessage } from "./outbox.ts";
import { freshen, loadRing, openWith, type MakeReceiveKey } from "./receive-ring.ts";
import type { PeerRow } from "./rows.ts";
import type { PeerRows, PeerStore } from "./store.ts";

export interface ArrivalsOptions {
  store: PeerStore;
  crypto: Crypto;
  subtle: SubtleCrypto;
  makeReceiveKey: MakeReceiveKey;
  ownKey: Uint8Array;
  now(): number;
  makeId(): string;
}

/** What is left to do once the transaction is durable. */
export type Outcome =
  /** Acknowledge what is complete; ask for what is missing. */
  | {
      type: "message";
      peer: string;
      epoch: string;
      sequence: number;
      /** It had been here before, and changed nothing. */
      isRepeated: boolean;
      readable: number;
      lost: number;
      resend: boolean;
      /** What it called itself before, where that is something else now. */
      formerNickname?: string;
    }
  /** Not kept, since it can't be opened any more or is too far ahead of a hole: to be sealed anew. */
  | { type: "missed"; peer: string; epoch: string; sequence: number; isOfAnotherLife?: boolean }
  | { type: "delivered"; peer: string }
  /** An acknowledgement that can't be opened any more: the peer does not know the newest receive key. */
  | { type: "unopened"; peer: string; isOfAnotherLife: boolean }
  /** The peer knows more than was ever sent from here. */
  | { type: "restored"; peer: string }
  | { type: "unpaired"; peer: string; epoch: string; sequence: number; id: string }
  /** Nothing changes: there is no room for it now. */
  | { type: "full"; peer: string };

export type Given = { from: string; payload: string };

/** Throws what is wrong with it, by name. */
export async function takeArrival(options: ArrivalsOptions, given: Given): Promise<Outcome> {
  const peer = await options.store.peers.find(given.from);
  if (peer === undefined) throw new MusterError("not_found", "a sealed message came from a key not paired");
  const bytes = fromBase64Url(given.payload);
  if (bytes === undefined) throw new MusterError("protocol_error", "a sealed message cannot be read");
  const sealed = parseSealed(bytes);
  return sealed.type === "ack" ? takeAck(options, peer, sealed) : takeMessage(options, peer, sealed);
}

async function takeMessage(options: ArrivalsOptions, peer: PeerRow, sealed: SealedMessage): Promise<Outcome> {
  const { store, now } = options;
  const epoch = toBase64Url(sealed.outboxEpoch);
  const place = { peer: peer.key, epoch, sequence: sealed.sequence };
  const ring = await loadRing(store, peer.key);
  let body: Uint8Array;
  try {
    const keys = await openWith(options.subtle, ring, sealed.receiveKeyId);
    body = await openMessage(openerOf(options, peer), keys, sealed);
  } catch (error) {
    if (!isOfOldKey(error)) throw error;
    const { complete } = await inboundOf(store, place);
    // Its key is gone because it was here: a hub that says it again is not to make this device ask for it.
    if (sealed.sequence > complete) {
      return { type: "missed", ...place, isOfAnotherLife: isOfUnknownKey(error) };
    }
    return { type: "message", ...place, isRepeated: true, readable: 0, lost: 0, resend: false };
  }
  return store.change(async (rows): Promise<Outcome> => {
    const nowMs = now();
    // Its sender is about to hear so, and counts as dropped what was not acknowledged.
    if (sealed.kind !== "control" && (await rows.peers.find(peer.key))?.state === "leaving") {
      throw new MusterError("not_found", "a message came of a pairing that has ended here");
    }
    const said = sealed.kind === "control" ? readControl(body) : undefined;
    // Not kept: until the peer is forgotten it is news, however often it comes.
    if (said?.do === "unpair" && sealed.sequence > (await inboundOf(rows, place)).complete) {
      return { type: "unpaired", ...place, id: sealed.messageId };
    }
    const message = { ...place, id: sealed.messageId, kind: sealed.kind, body };
    const arrival = await keepArrived(rows, message, nowMs);
    if (arrival === "full") return { type: "full", peer: peer.key };
    if (arrival === "too_far") return { type: "missed", ...place };
    const control = arrival === "new" ? said : undefined;
    const done = await apply(rows, { peer, control, nowMs, makeId: options.makeId });
    const { complete, readable } = await advance(rows, place, nowMs);
    // Read again: the ring may have changed while this was opened.
    const fresh = await loadRing(rows, peer.key);
    const isUsed = fresh.noteUse(sealed.receiveKeyId, { epoch, sequence: sealed.sequence });
    const isMade = await freshen(options.makeReceiveKey, fresh, { nowMs });
    const erased = fresh.erase(nowMs, { epoch, sequence: complete });
    if (isUsed || isMade || erased.length > 0) await rows.keys.save(peer.key, fresh, nowMs);
    const isRepeated = arrival === "known";
    return { type: "message", ...place, isRepeated, readable: readable + done.readable, ...done.told };
  });
}

interface Applied {
  readable: number;
  told: { lost: number; resend: boolean; formerNickname?: string };
}

async function apply(
  rows: PeerRows,
  given: {
    peer: PeerRow;
    control: Control | undefined;
    nowMs: number;
    makeId(): string;
  },
): Promise<Applied> {
  const { peer, control, nowMs, makeId } = given;
  const nothing = { readable: 0, told: { lost: 0, resend: false } };
  switch (control?.do) {
    case "receive_key":
      await takeKey(rows, peer.key, toldBy(control));
      return nothing;
    case "resend": {
      await takeKey(rows, peer.key, toldBy(control));
      if (control.epoch !== toBase64Url(peer.epoch)) return nothing;
      await sendAgain(rows, { peer, asked: control, nowMs, makeId });
      return { readable: 0, told: { lost: 0, resend: true } };
    }
    case "resync": {
      let lost = 0;
      let readable = 0;
      for (const [from, to] of control.lost) {
        lost += await giveUp(rows, { peer: peer.key, epoch: control.epoch, from, to }, nowMs);
        readable += (await advance(rows, { peer: peer.key, epoch: control.epoch }, nowMs)).readable;
      }
      return { readable, told: { lost, resend: false } };
    }
    case "nickname": {
      const { nickname } = control;
      if (nickname === peer.nickname) return nothing;
      await rows.peers.change(peer.key, { nickname });
      return { readable: 0, told: { ...nothing.told, formerNickname: peer.nickname } };
    }
    case "unpair":
    case undefined:
      return nothing;
  }
}

async function takeAck(options: ArrivalsOptions, peer: PeerRow, ack: SealedAck): Promise<Outcome> {
  const { store, now, subtle } = options;
  const keys = await openWith(subtle, await loadRing(store, peer.key), ack.receiveKeyId);
  let told: ToldReceiveKey;
  try {
    told = await openAck(openerOf(options, peer), keys, ack);
  } catch (error) {
    if (isOfOldKey(error)) {
      return { type: "unopened", peer: peer.key, isOfAnotherLife: isOfUnknownKey(error) };
    }
    throw error;
  }
  return store.change(async (rows): Promise<Outcome> => {
    const nowMs = now();
    const current = await rows.peers.find(peer.key);
    if (current === undefined) return { type: "delivered", peer: peer.key };
    await takeKey(rows, peer.key, told);
    const ring = await loadRing(rows, peer.key);
    ring.noteUse(ack.receiveKeyId, null);
    await freshen(options.makeReceiveKey, ring, { nowMs });
    await rows.keys.save(peer.key, ring, nowMs);
    if (!equalBytes(current.epoch, ack.outboxEpoch)) return { type: "delivered", peer: peer.key };
    const place = { peer: peer.key, epoch: current.epoch, sequence: ack.sequence };
    const isRestored = await isOfAnotherLife(rows, current, ack);
    if (isRestored) return { type: "restored", peer: peer.key };
    await rows.outbox.markDelivered(place);
    return { type: "delivered", peer: peer.key };
  });
}

/** The peer has signed that this device told it a key of which it knows nothing: it is an older copy of itself. */
function isOfUnknownKey(error: unknown): boolean {
  return error instanceof MusterError && error.code === "receive_key_unknown";
}

function isOfOldKey(error: unknown): boolean {
  if (!(error instanceof MusterError)) return false;
  return error.code === "receive_key_erased" || error.code === "receive_key_unknown";
}

/** A number that was never given here, or that was given to another message. */
async function isOfAnotherLife(
  rows: PeerRows,
  peer: PeerRow,
  { sequence, messageId }: SealedAck,
): Promise<boolean> {
  if (sequence >= peer.next_sequence) return true;
  const row = await rows.outbox.at({ peer: peer.key, epoch: peer.epoch, sequence });
  // One that was delivered long ago is in no table any more, and one given up has no id.
  if (row === undefined || messageId.startsWith("lost-")) return false;
  return row.id !== messageId && (await rows.outbox.find(messageId)) === undefined;
}

/** What is gone is named, so that the peer does not wait for it. */
async function sendAgain(
  rows: PeerRows,
  given: {
    peer: PeerRow;
    asked: Extract<Control, { do: "resend" }>;
    nowMs: number;
    makeId(): string;
  },
): Promise<void> {
  const { peer, asked, nowMs, makeId } = given;
  const current = (await rows.peers.find(peer.key)) ?? peer;
  const to = Math.min(asked.to, asked.from + RANGE_MAX - 1, current.next_sequence - 1);
  const place = { peer: peer.key, epoch: peer.epoch, from: asked.from, to };
  const there = new Set(await rows.outbox.queueAgain(place));
  const lost: [number, number][] = [];
  for (let sequence = asked.from; sequence <= to; sequence++) {
    const last = lost.at(-1);
    if (there.has(sequence)) continue;
    if (last?.[1] === sequence - 1) last[1] = sequence;
    else lost.push([sequence, sequence]);
  }
  if (lost.length === 0) return;
  const body = encodeControl({ do: "resync", epoch: asked.epoch, lost });
  await queueMessage(rows, { id: makeId(), peer: peer.key, kind: "control", body }, nowMs);
}

/** A recorded word played again, or one that comes late, takes back no newer key. */
async function takeKey(rows: PeerRows, peer: string, { receiveKey, madeAt }: ToldReceiveKey): Promise<void> {
  const known = (await rows.peers.find(peer))?.receive_key_at ?? 0;
  if (madeAt > known) await rows.peers.change(peer, { receive_key: receiveKey, receive_key_at: madeAt });
}

function toldBy({ receive_key, made_at }: { receive_key: string; made_at: number }): ToldReceiveKey {
  // Of text that the schema has checked.
  return { receiveKey: fromBase64Url(receive_key) ?? new Uint8Array(0), madeAt: made_at };
}

function openerOf({ crypto, ownKey }: ArrivalsOptions, peer: PeerRow) {
  return { crypto, ownKey, peerKey: fromBase64Url(peer.key) ?? new Uint8Array(0) };
}
