// The primitives of a sealed session over node:crypto, for the program. Everything answers at once.

import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
} from "node:crypto";
import type { KeyObject } from "node:crypto";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { Crypto } from "../crypto.ts";
import { AEAD_TAG_BYTES, DH_BYTES, isZero } from "./session-crypto.ts";
import type { Aead, DhKey, SessionCrypto } from "./session-crypto.ts";

const AES = "aes-256-gcm";

export function nodeSessionCrypto(crypto: Crypto): SessionCrypto {
  return {
    sha256: (bytes) => crypto.sha256(bytes),
    hmacSha256: (key, bytes) => crypto.hmacSha256(key, bytes),
    makeDhKey: () => nodeDhKey(crypto, crypto.randomBytes(DH_BYTES)),
    aead: aesGcm,
  };
}

/** Of an X25519 secret of 32 bytes, which is copied. */
export function nodeDhKey(crypto: Crypto, secret: Uint8Array): DhKey {
  const publicKey = crypto.x25519PublicKey(secret);
  const key = createPrivateKey({
    format: "jwk",
    key: { kty: "OKP", crv: "X25519", d: toBase64Url(secret), x: toBase64Url(publicKey) },
  });
  return { publicKey, agree: (theirs) => agree(key, theirs) };
}

function agree(key: KeyObject, publicKey: Uint8Array): Uint8Array | undefined {
  if (publicKey.length !== DH_BYTES) return undefined;
  const theirs = createPublicKey({
    format: "jwk",
    key: { kty: "OKP", crv: "X25519", x: toBase64Url(publicKey) },
  });
  try {
    const shared = new Uint8Array(diffieHellman({ privateKey: key, publicKey: theirs }));
    return isZero(shared) ? undefined : shared;
  } catch {
    return undefined; // some versions throw at the zero themselves
  }
}

function aesGcm(key: Uint8Array): Aead {
  const secret = createSecretKey(key);
  return {
    seal(nonce, { bytes, associated, lead = 0 }) {
      const cipher = createCipheriv(AES, secret, nonce, { authTagLength: AEAD_TAG_BYTES });
      if (associated.length > 0) cipher.setAAD(associated);
      const sealed = new Uint8Array(lead + bytes.length + AEAD_TAG_BYTES);
      sealed.set(cipher.update(bytes), lead);
      cipher.final(); // of a stream cipher: nothing
      sealed.set(cipher.getAuthTag(), lead + bytes.length);
      return sealed;
    },
    open(nonce, { bytes, associated }) {
      const end = bytes.length - AEAD_TAG_BYTES;
      if (end < 0) return undefined;
      const decipher = createDecipheriv(AES, secret, nonce, { authTagLength: AEAD_TAG_BYTES });
      if (associated.length > 0) decipher.setAAD(associated);
      decipher.setAuthTag(bytes.subarray(end));
      const opened = decipher.update(bytes.subarray(0, end));
      try {
        decipher.final();
      } catch {
        opened.fill(0);
        return undefined; // the tag does not fit, which is all that this call can find
      }
      return new Uint8Array(opened.buffer, opened.byteOffset, opened.length);
    },
  };
}
