// The primitives in plain JavaScript, for browsers, where WebCrypto has no synchronous form and does not say
// how strictly it verifies.

import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { concat, equalBytes } from "../protocol/bytes.ts";
import type { Crypto, RandomBytes, Signer } from "./crypto.ts";

export function nobleCrypto(randomBytes: RandomBytes): Crypto {
  return {
    sha256: (bytes) => sha256(bytes),
    sha512: (bytes) => sha512(bytes),
    hmacSha256: (key, bytes) => hmac(sha256, key, bytes),
    verifyEd25519,
    ed25519Signer,
    x25519PublicKey: (secret) => x25519.getPublicKey(secret),
    randomBytes,
  };
}

function verifyEd25519(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  return (
    ed25519.verify(signature, bytes, publicKey, { zip215: false }) && isExact(publicKey, bytes, signature)
  );
}

/**
 * The library multiplies its equation by the cofactor, native verifiers do not: a signer who adds a point of
 * small order to R would be believed here and refused there, and two devices would hold different owner logs.
 * So R is computed once more, as S·B − k·A, and compared byte for byte.
 */
function isExact(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519;
  const r = signature.subarray(0, 32);
  const k = Point.Fn.create(littleEndian(sha512(concat(r, publicKey, bytes))));
  const s = littleEndian(signature.subarray(32));
  const key = Point.fromBytes(publicKey, false);
  return equalBytes(Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(k)).toBytes(), r);
}

function ed25519Signer(seed: Uint8Array): Signer {
  const secret = seed.slice();
  return {
    publicKey: ed25519.getPublicKey(secret),
    sign: (bytes) => Promise.resolve(ed25519.sign(bytes, secret)),
  };
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  return value;
}
