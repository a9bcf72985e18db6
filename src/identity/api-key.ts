// Keys of programs. What a program shows makes an Ed25519 key whose public half stands in the owner log: whoever has
// the text can sign a request in flight, and nobody keeps anything that could be stolen.
//
//   mk1_ + base64url(seed[32])
import { fromBase64Url, toBase64Url, utf8 } from "../protocol/bytes.ts";
import type { Crypto, Signer } from "./crypto.ts";
import { Secret } from "./secret.ts";

export const API_KEY_PREFIX = "mk1_";
const SEED_BYTES = 32;
/** Keeps the seed apart from every other use of the same bytes. */
const LABEL = "muster/v1/api key";
const TEXT_MAX_CHARACTERS = 64;

export function makeApiKey(crypto: Crypto): { text: Secret<string>; signer: Signer } {
  const seed = crypto.randomBytes(SEED_BYTES);
  return { text: new Secret(API_KEY_PREFIX + toBase64Url(seed)), signer: signerOf(crypto, seed) };
}

/** Undefined for what is no such key; one that nobody granted anything looks the same until it is looked up. */
export function apiKeySigner(crypto: Crypto, text: string): Signer | undefined {
  if (!text.startsWith(API_KEY_PREFIX) || text.length > TEXT_MAX_CHARACTERS) return undefined;
  const seed = fromBase64Url(text.slice(API_KEY_PREFIX.length));
  return seed?.length === SEED_BYTES ? signerOf(crypto, seed) : undefined;
}

function signerOf(crypto: Crypto, seed: Uint8Array): Signer {
  return crypto.ed25519Signer(crypto.hmacSha256(seed, utf8(LABEL)));
}
