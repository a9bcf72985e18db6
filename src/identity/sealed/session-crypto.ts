// The primitives of a sealed session, handed in: over node:crypto in the program, over WebCrypto in a browser,
// where the link key is an object that no script can read. Both sides of a session may have either.
//
// Every answer may come at once or as a promise: node:crypto has no need to wait.

type Soon<Value> = Value | Promise<Value>;

/** An X25519 key that can be used and not be read. */
export interface DhKey {
  readonly publicKey: Uint8Array;
  /** RFC 7748; undefined for what is no key of 32 bytes or gives the zero that points of small order give. */
  agree(publicKey: Uint8Array): Soon<Uint8Array | undefined>;
}

/** AES-256-GCM under one key, tag of 16 bytes at the end. */
export interface Aead {
  seal(nonce: Uint8Array, text: AeadText): Soon<Uint8Array>;
  /** Undefined when the tag does not fit. */
  open(nonce: Uint8Array, text: AeadText): Soon<Uint8Array | undefined>;
}

export interface AeadText {
  /** What is sealed, or is to be. */
  bytes: Uint8Array;
  /** What the tag covers besides. */
  associated: Uint8Array;
  /** Bytes that `seal` leaves free in front of what it returns; none when absent. */
  lead?: number;
}

export interface SessionCrypto {
  sha256(bytes: Uint8Array): Uint8Array;
  hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array;
  /** A fresh key for one session. */
  makeDhKey(): Soon<DhKey>;
  /** Of 32 bytes, which the caller may wipe afterwards. */
  aead(key: Uint8Array): Soon<Aead>;
}

export const AEAD_KEY_BYTES = 32;
export const AEAD_NONCE_BYTES = 12;
export const AEAD_TAG_BYTES = 16;
export const DH_BYTES = 32;

/** Points of small order give zero with every key: whoever sends one would choose the secret. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
