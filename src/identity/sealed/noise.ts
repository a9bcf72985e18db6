// The handshake of the Noise Protocol Framework (revision 34) as Noise_<pattern>_25519_AESGCM_SHA256. Muster
// uses KK alone: both sides know the other's key beforehand. XX and IK are here because their published vectors
// check the same machinery from other sides.
//
// Calls come one after another, each awaited. One that throws ends the handshake.

import { concat, utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { NoiseCipher } from "./noise-cipher.ts";
import { AEAD_TAG_BYTES, DH_BYTES } from "./session-crypto.ts";
import type { DhKey, SessionCrypto } from "./session-crypto.ts";

type Token = "e" | "s" | "ee" | "es" | "se" | "ss";
export type NoiseRole = "initiator" | "responder";

interface Pattern {
  /** Whose static key the other side knows beforehand. */
  known: readonly NoiseRole[];
  /** Turn by turn, the initiator's first. */
  messages: readonly (readonly Token[])[];
}

export const NOISE_PATTERNS = {
  KK: {
    known: ["initiator", "responder"],
    messages: [
      ["e", "es", "ss"],
      ["e", "ee", "se"],
    ],
  },
  IK: {
    known: ["responder"],
    messages: [
      ["e", "es", "s", "ss"],
      ["e", "ee", "se"],
    ],
  },
  XX: { known: [], messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
} as const satisfies Record<string, Pattern>;

export interface NoiseOptions {
  crypto: SessionCrypto;
  pattern: keyof typeof NOISE_PATTERNS;
  role: NoiseRole;
  prologue: Uint8Array;
  ownKey: DhKey;
  /** Where the pattern has it known beforehand. */
  theirKey?: Uint8Array;
  /** Made fresh by default; given by the tests of published vectors. */
  ephemeral?: DhKey;
}

export interface NoiseResult {
  send: NoiseCipher;
  receive: NoiseCipher;
  /** 32 bytes that name this session and no other: signatures inside it are bound to them. */
  hash: Uint8Array;
}

export class NoiseHandshake {
  readonly #options: NoiseOptions;
  readonly #pattern: Pattern;
  #hash: Uint8Array;
  #chainingKey: Uint8Array;
  #cipher: NoiseCipher | undefined;
  #ephemeral: DhKey | undefined;
  #theirKey: Uint8Array | undefined;
  #theirEphemeral: Uint8Array | undefined;
  #turn = 0;

  constructor(options: NoiseOptions) {
    this.#options = options;
    this.#pattern = NOISE_PATTERNS[options.pattern];
    this.#ephemeral = options.ephemeral;
    this.#theirKey = options.theirKey;
    // The name of 32 bytes or less is itself its hash, filled up with zeros.
    const name = utf8(`Noise_${options.pattern}_25519_AESGCM_SHA256`);
    this.#hash = concat(name, new Uint8Array(32 - name.length));
    this.#chainingKey = this.#hash.slice();
    this.#mix(options.prologue);
    for (const role of this.#pattern.known) {
      this.#mix(role === options.role ? options.ownKey.publicKey : this.#theirs());
    }
  }

  get isDone(): boolean {
    return this.#turn === this.#pattern.messages.length;
  }

  async write(payload: Uint8Array): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (const token of this.#takeTurn(this.#options.role)) {
      if (token === "e") {
        this.#ephemeral ??= await this.#options.crypto.makeDhKey();
        parts.push(this.#ephemeral.publicKey);
        this.#mix(this.#ephemeral.publicKey);
      } else if (token === "s") parts.push(await this.#seal(this.#options.ownKey.publicKey));
      else await this.#agree(token);
    }
    parts.push(await this.#seal(payload));
    return concat(...parts);
  }

  /** Returns the payload. Throws `seal_broken`: another key, another prologue, a changed byte. */
  async read(message: Uint8Array): Promise<Uint8Array> {
    let rest = message;
    const take = (length: number): Uint8Array => {
      if (rest.length < length) throw brokenHandshake();
      const taken = rest.slice(0, length);
      rest = rest.subarray(length);
      return taken;
    };
    for (const token of this.#takeTurn(this.#options.role === "initiator" ? "responder" : "initiator")) {
      if (token === "e") {
        this.#theirEphemeral = take(DH_BYTES);
        this.#mix(this.#theirEphemeral);
      } else if (token === "s") {
        this.#theirKey = await this.#open(take(DH_BYTES + (this.#cipher ? AEAD_TAG_BYTES : 0)));
      } else await this.#agree(token);
    }
    return this.#open(rest);
  }

  /** After the last message, once. */
  async finish(): Promise<NoiseResult> {
    if (!this.isDone) throw new RangeError("the handshake has not ended");
    const [first, second] = hkdf(this.#options.crypto, this.#chainingKey, new Uint8Array(0));
    const toResponder = await this.#cipherOf(first);
    const toInitiator = await this.#cipherOf(second);
    this.#chainingKey.fill(0);
    this.#ephemeral = undefined;
    return this.#options.role === "initiator"
      ? { send: toResponder, receive: toInitiator, hash: this.#hash }
      : { send: toInitiator, receive: toResponder, hash: this.#hash };
  }

  #takeTurn(role: NoiseRole): readonly Token[] {
    const tokens = this.#pattern.messages[this.#turn];
    const whose: NoiseRole = this.#turn % 2 === 0 ? "initiator" : "responder";
    if (tokens === undefined || whose !== role) throw new RangeError("a handshake message out of turn");
    this.#turn++;
    return tokens;
  }

  async #agree(token: "ee" | "es" | "se" | "ss"): Promise<void> {
    // The first letter is the initiator's key, the second the responder's.
    const isInitiator = this.#options.role === "initiator";
    const ours =
      (isInitiator ? token.charAt(0) : token.charAt(1)) === "e" ? this.#ephemeral : this.#options.ownKey;
    const theirs =
      (isInitiator ? token.charAt(1) : token.charAt(0)) === "e" ? this.#theirEphemeral : this.#theirs();
    if (ours === undefined || theirs === undefined) throw new RangeError("the pattern uses a key too early");
    const shared = await ours.agree(theirs);
    if (shared === undefined) throw brokenHandshake();
    const [chainingKey, key] = hkdf(this.#options.crypto, this.#chainingKey, shared);
    shared.fill(0);
    this.#chainingKey.fill(0);
    this.#chainingKey = chainingKey;
    this.#cipher = await this.#cipherOf(key);
  }

  async #seal(plain: Uint8Array): Promise<Uint8Array> {
    const sealed = this.#cipher === undefined ? plain : await this.#cipher.seal(plain, this.#hash);
    this.#mix(sealed);
    return sealed;
  }

  async #open(sealed: Uint8Array): Promise<Uint8Array> {
    const plain = this.#cipher === undefined ? sealed : await this.#cipher.open(sealed, this.#hash);
    this.#mix(sealed);
    return plain;
  }

  #mix(bytes: Uint8Array): void {
    this.#hash = this.#options.crypto.sha256(concat(this.#hash, bytes));
  }

  #theirs(): Uint8Array {
    if (this.#theirKey === undefined) throw new RangeError("the pattern needs the other side's key");
    return this.#theirKey;
  }

  async #cipherOf(key: Uint8Array): Promise<NoiseCipher> {
    const { crypto } = this.#options;
    const cipher = new NoiseCipher(crypto, await crypto.aead(key));
    key.fill(0);
    return cipher;
  }
}

/** Noise's HKDF with two outputs. */
function hkdf(crypto: SessionCrypto, chainingKey: Uint8Array, input: Uint8Array): [Uint8Array, Uint8Array] {
  const secret = crypto.hmacSha256(chainingKey, input);
  const first = crypto.hmacSha256(secret, Uint8Array.of(1));
  const second = crypto.hmacSha256(secret, concat(first, Uint8Array.of(2)));
  secret.fill(0);
  return [first, second];
}

function brokenHandshake(): MusterError {
  return new MusterError(
    "seal_broken",
    "the session's handshake does not fit: another key, or changed on its way",
  );
}
