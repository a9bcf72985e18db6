// The primitives over node:crypto, for the program. Pure computation; randomness is handed in.

import { createHash, createHmac, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { concat, fromHex, toBase64Url } from "../protocol/bytes.ts";
import type { Crypto, RandomBytes, Signer } from "./crypto.ts";
import { isStrictKey } from "./strict-key.ts";

/** The DER around a raw secret of 32 bytes: PKCS #8 with the curve's OID (RFC 8410). */
const ED25519_PKCS8 = der("302e020100300506032b657004220420");
const X25519_PKCS8 = der("302e020100300506032b656e04220420");

export function nodeCrypto(randomBytes: RandomBytes): Crypto {
  return {
    sha256: (bytes) => hash("sha256", bytes),
    sha512: (bytes) => hash("sha512", bytes),
    hmacSha256: (key, bytes) => new Uint8Array(createHmac("sha256", key).update(bytes).digest()),
    verifyEd25519,
    ed25519Signer,
    x25519PublicKey: (secret) => rawPublicKey(privateKey(X25519_PKCS8, secret)),
    randomBytes,
  };
}

function hash(name: "sha256" | "sha512", bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash(name).update(bytes).digest());
}

function verifyEd25519(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64 || !isStrictKey(publicKey)) return false;
  try {
    const key = createPublicKey({
      format: "jwk",
      key: { kty: "OKP", crv: "Ed25519", x: toBase64Url(publicKey) },
    });
    return verify(null, bytes, key, signature);
  } catch {
    return false; // bytes that are no point of the curve
  }
}

function ed25519Signer(seed: Uint8Array): Signer {
  const key = privateKey(ED25519_PKCS8, seed);
  return {
    publicKey: rawPublicKey(key),
    sign: (bytes) => Promise.resolve(new Uint8Array(sign(null, bytes, key))),
  };
}

function privateKey(prefix: Uint8Array, secret: Uint8Array): KeyObject {
  if (secret.length !== 32) throw new RangeError(`a secret key has 32 bytes, not ${secret.length}`);
  // Buffer is what the type asks for; the call copies it.
  return createPrivateKey({ format: "der", type: "pkcs8", key: Buffer.from(concat(prefix, secret)) });
}

/** The last 32 bytes of the DER form are the key itself, for both curves. */
function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32));
}

function der(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error("the DER prefix is not hex");
  return bytes;
}
