// CPace, draft-irtf-cfrg-cpace-21, over ristretto255 with SHA-512, initiator and responder: two sides that know
// the same few letters get the same key, and one that does not know them gets one guess for each run.
//
// Only the arithmetic of the draft is here. Who may guess when, and what the key is for, is in the files beside.

import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, utf8 } from "../../protocol/bytes.ts";
import type { RandomBytes } from "../crypto.ts";

const { Point } = ristretto255;
type Element = InstanceType<typeof ristretto255.Point>;

const DSI = utf8("CPaceRistretto255");
const DSI_ISK = utf8("CPaceRistretto255_ISK");
/** SHA-512 takes its input in blocks of this size; the secret fills up the first one alone. */
const HASH_BLOCK_BYTES = 128;

export interface CpaceInput {
  /** PRS: what both know. */
  secret: Uint8Array;
  /** CI: what the run is bound to. */
  channel: Uint8Array;
  /** sid: fresh of both sides. */
  session: Uint8Array;
}

/** One side's scalar with what it sends. The scalar is for `cpaceKey`, once. */
export interface CpaceShare {
  readonly scalar: bigint;
  readonly share: Uint8Array;
}

/** What each side sent: its share and the data that the key is bound to. */
export interface CpaceSent {
  share: Uint8Array;
  data: Uint8Array;
}

export function makeShare(randomBytes: RandomBytes, input: CpaceInput): CpaceShare {
  const generator = generatorOf(input);
  let scalar = 0n;
  // 64 bytes, so that reducing them favours no scalar that anyone could notice.
  while (scalar === 0n) scalar = Point.Fn.create(littleEndian(randomBytes(64)));
  return { scalar, share: generator.multiply(scalar).toBytes() };
}

/** The share of a scalar that is given: for the draft's vectors. */
export function shareOf(scalar: bigint, input: CpaceInput): Uint8Array {
  return generatorOf(input).multiply(scalar).toBytes();
}

/** ISK, 64 bytes; undefined when the draft says to abort: the other's share is no element, or the neutral one. */
export function cpaceKey(
  own: CpaceShare,
  session: Uint8Array,
  sent: { initiator: CpaceSent; responder: CpaceSent; theirs: "initiator" | "responder" },
): Uint8Array | undefined {
  const shared = multiplyChecked(own.scalar, sent[sent.theirs].share);
  if (shared === undefined) return undefined;
  const { initiator, responder } = sent;
  const input = concat(
    ...[DSI_ISK, session, shared, initiator.share, initiator.data, responder.share, responder.data].map(
      prefixed,
    ),
  );
  const key = sha512(input);
  shared.fill(0);
  input.fill(0);
  return key;
}

/** The draft's `scalar_mult_vfy`; undefined in place of the neutral element. */
export function multiplyChecked(scalar: bigint, encoded: Uint8Array): Uint8Array | undefined {
  const element = decode(encoded);
  if (element === undefined || element.equals(Point.ZERO)) return undefined;
  // The group's order is prime: neither factor is zero, so nor is the product.
  return element.multiply(scalar).toBytes();
}

/** The draft's `calculate_generator`. */
export function generatorOf(input: CpaceInput): Element {
  const padding = HASH_BLOCK_BYTES - 1 - prefixed(input.secret).length - prefixed(DSI).length;
  const text = concat(
    ...[DSI, input.secret, new Uint8Array(Math.max(0, padding)), input.channel, input.session].map(prefixed),
  );
  const digest = sha512(text);
  text.fill(0);
  const generator = toElement(digest);
  digest.fill(0);
  return generator;
}

/** RFC 9496, element derivation. The library's type leaves the method open; for this group it is there. */
function toElement(digest: Uint8Array): Element {
  const element = ristretto255_hasher.deriveToCurve?.(digest);
  if (element === undefined) throw new TypeError("the library cannot derive elements of ristretto255");
  return element;
}

function decode(encoded: Uint8Array): Element | undefined {
  try {
    return Point.fromBytes(encoded);
  } catch {
    return undefined; // the library's only answer to bytes that are no canonical encoding
  }
}

/** The draft's `prepend_len`: the length in LEB128, then the bytes. */
function prefixed(bytes: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = bytes.length;
  while (rest >= 0x80) {
    length.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  length.push(rest);
  return concat(Uint8Array.from(length), bytes);
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  return value;
}
