// The 24 words that take an owner log back: 32 random bytes and one byte of their hash, eleven bits a word. They are
// shown once and kept by nobody but the person; the log has only the public half of the key that they make.
import { concat, packBits, utf8 } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { safetyWordList } from "../protocol/safety-words.ts";
import type { Crypto, Signer } from "./crypto.ts";
import { Secret } from "./secret.ts";

const ENTROPY_BYTES = 32;
const WORDS = 24;
const BITS_PER_WORD = 11;
const PURPOSE = "muster/v1/recovery key";

export interface Recovery {
  words: Secret<readonly string[]>;
  signer: Signer;
}

export function makeRecovery(crypto: Crypto): Recovery {
  const entropy = crypto.randomBytes(ENTROPY_BYTES);
  const list = safetyWordList();
  const bits = packBits(concat(entropy, crypto.sha256(entropy).subarray(0, 1)), 1, "01");
  const words = Array.from({ length: WORDS }, (_, at) => {
    const number = Number.parseInt(bits.slice(at * BITS_PER_WORD, (at + 1) * BITS_PER_WORD), 2);
    // Eleven bits never point outside of 2,048 words; `?? ""` only satisfies the compiler.
    return list[number] ?? "";
  });
  return { words: new Secret(words), signer: signerOf(crypto, entropy) };
}

/** Of words as a person types them: any case, any blanks. Throws `invalid` for what no such list is. */
export function recoverySigner(crypto: Crypto, text: string): Signer {
  const list = safetyWordList();
  const numbers = text
    .trim()
    .toLowerCase()
    .split(/[\s,]+/)
    .map((word) => list.indexOf(word));
  if (numbers.length !== WORDS || numbers.includes(-1)) throw mistyped();
  const bits = numbers.map((number) => number.toString(2).padStart(BITS_PER_WORD, "0")).join("");
  const bytes = Uint8Array.from({ length: ENTROPY_BYTES + 1 }, (_, at) =>
    Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2),
  );
  const entropy = bytes.slice(0, ENTROPY_BYTES);
  if (crypto.sha256(entropy)[0] !== bytes[ENTROPY_BYTES]) throw mistyped();
  return signerOf(crypto, entropy);
}

function signerOf(crypto: Crypto, entropy: Uint8Array): Signer {
  return crypto.ed25519Signer(crypto.hmacSha256(entropy, utf8(PURPOSE)));
}

function mistyped(): MusterError {
  return new MusterError("invalid", `these are not the ${WORDS} words of a recovery`, {
    hint: "a word may be mistyped, missing or in the wrong place",
  });
}
