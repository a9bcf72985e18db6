// Which 32 bytes are fit to be an Ed25519 public key. Native verifiers decode leniently; this check beside
// them makes the result strict.

import { equalBytes } from "../protocol/bytes.ts";

const KEY_BYTES = 32;

/** p = 2^255 - 19, little endian. */
const P = littleEndian(2n ** 255n - 19n);

/**
 * The y coordinates of the eight points of small order: the identity (1), order 2 (-1), order 4 (0) and
 * order 8 (two values). With either sign bit. For such a key a signature can fit every message.
 */
const SMALL_ORDER_Y = [
  0n,
  1n,
  2n ** 255n - 20n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
].map(littleEndian);

/** False for a wrong length, a y that is not below p, and the points of small order. */
export function isStrictKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES) return false;
  const y = publicKey.slice();
  // The top bit is the sign of x. With x = 0 it would be a second encoding, but those points are of small order.
  y[KEY_BYTES - 1] = (y[KEY_BYTES - 1] ?? 0) & 0x7f;
  return isBelow(y, P) && !SMALL_ORDER_Y.some((small) => equalBytes(small, y));
}

function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = KEY_BYTES - 1; at >= 0; at--) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(KEY_BYTES);
  let rest = value;
  for (let at = 0; at < KEY_BYTES; at++) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}
