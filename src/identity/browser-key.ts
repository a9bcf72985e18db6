// The keys of a browser: made by WebCrypto so that no script can read their secret halves, not even ours.
// IndexedDB keeps `CryptoKey` objects as they are; this file only makes them and signs with them.

import type { Signer } from "./crypto.ts";

export interface BrowserKeys {
  /** Ed25519. */
  readonly identity: CryptoKeyPair;
  /** X25519. */
  readonly link: CryptoKeyPair;
}

export async function makeBrowserKeys(subtle: SubtleCrypto): Promise<BrowserKeys> {
  return {
    identity: await makePair(subtle, "Ed25519", ["sign", "verify"]),
    link: await makePair(subtle, "X25519", ["deriveBits"]),
  };
}

export async function browserSigner(subtle: SubtleCrypto, keys: BrowserKeys): Promise<Signer> {
  const publicKey = await rawPublicKey(subtle, keys.identity);
  return {
    publicKey,
    // A copy owns its memory, which is what WebCrypto's type asks for.
    sign: async (bytes) =>
      new Uint8Array(await subtle.sign("Ed25519", keys.identity.privateKey, bytes.slice())),
  };
}

/** The public half of the link key. */
export function browserLinkKey(subtle: SubtleCrypto, keys: BrowserKeys): Promise<Uint8Array> {
  return rawPublicKey(subtle, keys.link);
}

async function makePair(
  subtle: SubtleCrypto,
  algorithm: "Ed25519" | "X25519",
  usages: KeyUsage[],
): Promise<CryptoKeyPair> {
  const made = await subtle.generateKey(algorithm, false, usages);
  if ("privateKey" in made) return made;
  throw new TypeError(`${algorithm} is not a key pair here`);
}

async function rawPublicKey(subtle: SubtleCrypto, pair: CryptoKeyPair): Promise<Uint8Array> {
  return new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
}
