// The primitives of a sealed session over WebCrypto, for a browser: its keys cannot be exported, by us neither.

import { concat } from "../../protocol/bytes.ts";
import type { Crypto } from "../crypto.ts";
import { AEAD_TAG_BYTES, DH_BYTES, isZero } from "./session-crypto.ts";
import type { Aead, DhKey, SessionCrypto } from "./session-crypto.ts";

/** `crypto` is for the hashes alone, of which WebCrypto has no synchronous form. */
export function webSessionCrypto(
  subtle: SubtleCrypto,
  crypto: Pick<Crypto, "sha256" | "hmacSha256">,
): SessionCrypto {
  return {
    sha256: (bytes) => crypto.sha256(bytes),
    hmacSha256: (key, bytes) => crypto.hmacSha256(key, bytes),
    makeDhKey: async () => webDhKey(subtle, await makePair(subtle)),
    aead: (key) => aesGcm(subtle, key),
  };
}

/** Of an X25519 pair whose private half may be one that cannot be exported. */
export async function webDhKey(subtle: SubtleCrypto, pair: CryptoKeyPair): Promise<DhKey> {
  const publicKey = new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
  return { publicKey, agree: (theirs) => agree(subtle, pair.privateKey, theirs) };
}

async function makePair(subtle: SubtleCrypto): Promise<CryptoKeyPair> {
  const made = await subtle.generateKey("X25519", false, ["deriveBits"]);
  if ("privateKey" in made) return made;
  throw new TypeError("X25519 is not a key pair here");
}

async function agree(
  subtle: SubtleCrypto,
  key: CryptoKey,
  publicKey: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (publicKey.length !== DH_BYTES) return undefined;
  // Copies own their memory, which is what WebCrypto's types ask for.
  const theirs = await subtle.importKey("raw", publicKey.slice(), "X25519", false, []);
  try {
    const bits = await subtle.deriveBits({ name: "X25519", public: theirs }, key, 8 * DH_BYTES);
    const shared = new Uint8Array(bits);
    return isZero(shared) ? undefined : shared;
  } catch {
    return undefined; // WebCrypto throws at the zero that points of small order give
  }
}

async function aesGcm(subtle: SubtleCrypto, key: Uint8Array): Promise<Aead> {
  const secret = await subtle.importKey("raw", key.slice(), "AES-GCM", false, ["encrypt", "decrypt"]);
  const parameters = (nonce: Uint8Array, associated: Uint8Array): AesGcmParams => ({
    name: "AES-GCM",
    iv: nonce.slice(),
    additionalData: associated.slice(),
    tagLength: 8 * AEAD_TAG_BYTES,
  });
  return {
    async seal(nonce, { bytes, associated, lead = 0 }) {
      const sealed = new Uint8Array(
        await subtle.encrypt(parameters(nonce, associated), secret, bytes.slice()),
      );
      return lead === 0 ? sealed : concat(new Uint8Array(lead), sealed);
    },
    async open(nonce, { bytes, associated }) {
      if (bytes.length < AEAD_TAG_BYTES) return undefined;
      try {
        return new Uint8Array(await subtle.decrypt(parameters(nonce, associated), secret, bytes.slice()));
      } catch {
        return undefined; // the tag does not fit
      }
    },
  };
}
