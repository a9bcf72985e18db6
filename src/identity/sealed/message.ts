// A message, or the acknowledgement of one, sealed to the peer's receive key and signed by its sender. Both wait
// for nobody: the hub may keep them for days, and learns sizes and times.
//
// Here it is decided whether one is from that peer, for this device, unchanged, and can be opened. Whether it
// was seen before, comes too early or leaves a hole is for the delivery to say, by (sender, epoch, sequence).

import { concat, equalBytes, lv, u64, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { signedBytes } from "../../protocol/signed.ts";
import type { Crypto, Signer } from "../crypto.ts";
import { hpkeOpen, hpkeSeal } from "./hpke.ts";
import type { ReceiveKeyRow } from "./receive-keys.ts";

const MADE_AT_BYTES = 8;
const RECEIVE_KEY_BYTES = 32;

interface Place {
  /** 16 random bytes, new after a restore. */
  outboxEpoch: Uint8Array;
  /** From 1, one more for each message to this peer. */
  sequence: number;
  messageId: string;
}

interface Sealed extends Place {
  senderKey: Uint8Array;
  recipientKey: Uint8Array;
  /** SHA-256 of the receive key that it is sealed to. */
  receiveKeyId: Uint8Array;
  sealed: Uint8Array;
  signature: Uint8Array;
}

export interface SealedMessage extends Sealed {
  type: "message";
  /** What the body is: the hub may see it. */
  kind: string;
}

/** `outboxEpoch`, `sequence` and `messageId` are those of the message that has arrived for good. */
export interface SealedAck extends Sealed {
  type: "ack";
}

/** Seal to this from now on, unless a key is known that was made later. */
export interface ToldReceiveKey {
  receiveKey: Uint8Array;
  /** By the clock of whoever made it, and higher with each one: a key that comes late takes no newer one's place. */
  madeAt: number;
}

/** Who seals. */
export interface Sealer {
  crypto: Crypto;
  signer: Signer;
}

export interface SealTo {
  identityKey: Uint8Array;
  /** The newest that the peer has told. */
  receiveKey: Uint8Array;
}

/** Who opens, and whom it listens to: the pinned key, never one that came along. */
export interface Opener {
  crypto: Crypto;
  ownKey: Uint8Array;
  peerKey: Uint8Array;
}

/** The part of a ring that opening needs. */
export interface FindReceiveKey {
  find(id: Uint8Array): Pick<ReceiveKeyRow<CryptoKeyPair>, "key"> | "erased" | "unknown";
}

/** Throws `too_large`. */
export async function sealMessage(
  by: Sealer,
  to: SealTo,
  message: Place & { kind: string; body: Uint8Array },
): Promise<SealedMessage> {
  const { kind, body, ...place } = message;
  if (body.length > RELAY_MESSAGE_MAX_BYTES) {
    throw new MusterError("too_large", `a message has at most ${RELAY_MESSAGE_MAX_BYTES} bytes`, {
      hint: "send it as a file",
    });
  }
  const parts = { type: "message" as const, kind, ...(await sealFor("message", { by, to, place, body })) };
  return { ...parts, signature: await by.signer.sign(bytesToSign(by.crypto, parts)) };
}

/** Tells that a message is kept for good, and which receive key to use from now on. */
export async function sealAck(by: Sealer, to: SealTo, ack: Place & ToldReceiveKey): Promise<SealedAck> {
  const { receiveKey, madeAt, ...place } = ack;
  const body = concat(u64(madeAt), receiveKey);
  const parts = { type: "ack" as const, ...(await sealFor("ack", { by, to, place, body })) };
  return { ...parts, signature: await by.signer.sign(bytesToSign(by.crypto, parts)) };
}

/**
 * Whether it is for this device and from that peer, unchanged; cheap, so it comes first. Throws
 * `wrong_recipient` or `bad_signature`.
 */
export function verifySealed(opener: Opener, message: SealedMessage | SealedAck): void {
  if (!equalBytes(message.recipientKey, opener.ownKey)) {
    throw new MusterError("wrong_recipient", "a sealed message is for another device");
  }
  const { crypto, peerKey } = opener;
  const isSigned =
    equalBytes(message.senderKey, peerKey) &&
    crypto.verifyEd25519(peerKey, bytesToSign(crypto, message), message.signature);
  if (isSigned) return;
  throw new MusterError("bad_signature", "a sealed message is not from this peer, or was changed on its way");
}

/**
 * The body. Throws what `verifySealed` does, and `receive_key_erased`, `receive_key_unknown` or `seal_broken`.
 */
export async function openMessage(
  opener: Opener,
  keys: FindReceiveKey,
  message: SealedMessage,
): Promise<Uint8Array> {
  return openSealed(opener, keys, message);
}

/** The receive key that the peer has told. Throws as `openMessage` does. */
export async function openAck(opener: Opener, keys: FindReceiveKey, ack: SealedAck): Promise<ToldReceiveKey> {
  const body = await openSealed(opener, keys, ack);
  if (body.length === MADE_AT_BYTES + RECEIVE_KEY_BYTES) {
    const madeAt = Number(new DataView(body.buffer, body.byteOffset).getBigUint64(0));
    if (Number.isSafeInteger(madeAt)) return { madeAt, receiveKey: body.slice(MADE_AT_BYTES) };
  }
  throw new MusterError("protocol_error", "an acknowledgement brought no receive key");
}

/** The id of a receive key. */
export function receiveKeyId(crypto: Crypto, publicKey: Uint8Array): Uint8Array {
  return crypto.sha256(publicKey);
}

async function openSealed(
  opener: Opener,
  keys: FindReceiveKey,
  message: SealedMessage | SealedAck,
): Promise<Uint8Array> {
  verifySealed(opener, message);
  const found = keys.find(message.receiveKeyId);
  if (found === "erased") {
    throw new MusterError("receive_key_erased", "a sealed message came after its key was erased");
  }
  if (found === "unknown") {
    throw new MusterError("receive_key_unknown", "a sealed message is for a key that this device never had");
  }
  const opened = await hpkeOpen({ key: found.key, info: infoOf(message.type, message) }, message.sealed);
  if (opened !== undefined) return opened;
  throw new MusterError("seal_broken", "a sealed message does not open with the key that it names");
}

async function sealFor(
  type: "message" | "ack",
  what: { by: Sealer; to: SealTo; place: Place; body: Uint8Array },
): Promise<Omit<Sealed, "signature">> {
  const { by, to, place, body } = what;
  const ends = {
    senderKey: by.signer.publicKey,
    recipientKey: to.identityKey,
    receiveKeyId: receiveKeyId(by.crypto, to.receiveKey),
  };
  const target = { publicKey: to.receiveKey, info: infoOf(type, ends) };
  return { ...place, ...ends, sealed: await hpkeSeal(by.crypto.randomBytes, target, body) };
}

function infoOf(
  type: "message" | "ack",
  ends: Pick<Sealed, "senderKey" | "recipientKey" | "receiveKeyId">,
): Uint8Array {
  const parts = [utf8(`muster/v1/${type}`), ends.senderKey, ends.recipientKey, ends.receiveKeyId];
  return concat(...parts.map(lv));
}

type Unsigned<Message> = Omit<Message, "signature">;

function bytesToSign(crypto: Crypto, message: Unsigned<SealedMessage> | Unsigned<SealedAck>): Uint8Array {
  const { senderKey, recipientKey, receiveKeyId, outboxEpoch, sequence, messageId } = message;
  const fields = { senderKey, recipientKey, receiveKeyId, outboxEpoch, sequence, messageId };
  const sealedHash = crypto.sha256(message.sealed);
  return message.type === "message"
    ? signedBytes("message", { ...fields, kind: message.kind, sealedHash })
    : signedBytes("ack", { ...fields, sealedHash });
}
