// One direction of a Noise session (its CipherState): a key and the number of the next record. Each number is
// used once, in order, so what is replayed, reordered, dropped or changed does not open.

import { MusterError } from "../../protocol/errors.ts";
import { AEAD_KEY_BYTES, AEAD_NONCE_BYTES } from "./session-crypto.ts";
import type { Aead, SessionCrypto } from "./session-crypto.ts";

const NOTHING = new Uint8Array(0);
/** Noise allows 2^64 - 2 records. Ours are counted in whole numbers, and nobody lives to see 2^53 of them. */
const LAST_RECORD = Number.MAX_SAFE_INTEGER;
/** 2^64 - 1 is no record's: Noise keeps it for making the next key. */
const REKEY_NONCE = nonceOf(2n ** 64n - 1n);

export class NoiseCipher {
  readonly #crypto: SessionCrypto;
  #aead: Aead;
  #next: number;

  constructor(crypto: SessionCrypto, aead: Aead, next = 0) {
    this.#crypto = crypto;
    this.#aead = aead;
    this.#next = next;
  }

  /** Throws `unavailable` when every number is used up. */
  async seal(bytes: Uint8Array, associated: Uint8Array = NOTHING): Promise<Uint8Array> {
    return this.#aead.seal(this.#number(), { bytes, associated });
  }

  /** The same with `lead` free bytes in front, so that a header needs no copy. */
  async sealBehind(lead: number, bytes: Uint8Array): Promise<Uint8Array> {
    return this.#aead.seal(this.#number(), { bytes, associated: NOTHING, lead });
  }

  /** Throws `seal_broken`, after which this cipher is of no use any more. */
  async open(bytes: Uint8Array, associated: Uint8Array = NOTHING): Promise<Uint8Array> {
    const opened = await this.#aead.open(this.#number(), { bytes, associated });
    if (opened !== undefined) return opened;
    throw new MusterError("seal_broken", "a sealed record does not open: it was changed, or is out of order");
  }

  /** Noise's REKEY: from the new key nobody gets back to the old one. The numbers go on. */
  async rekey(): Promise<void> {
    const made = await this.#aead.seal(REKEY_NONCE, {
      bytes: new Uint8Array(AEAD_KEY_BYTES),
      associated: NOTHING,
    });
    const key = made.subarray(0, AEAD_KEY_BYTES);
    this.#aead = await this.#crypto.aead(key);
    made.fill(0);
  }

  #number(): Uint8Array {
    if (this.#next >= LAST_RECORD) {
      throw new MusterError("unavailable", "this session has used up its records: open another one");
    }
    return nonceOf(BigInt(this.#next++));
  }
}

/** Four zeros, then the number in eight bytes, big endian (Noise, section 12.4). */
function nonceOf(value: bigint): Uint8Array {
  const nonce = new Uint8Array(AEAD_NONCE_BYTES);
  new DataView(nonce.buffer).setBigUint64(4, value);
  return nonce;
}
