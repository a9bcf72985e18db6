// Codes of this hub: how they are drawn and how they are kept. At rest there are only keyed hashes, under a key
// derived from the hub's secret, which is not in the database: a short code could otherwise be found by trying.
import type { Crypto } from "../../identity/crypto.ts";
import type { Secret } from "../../identity/secret.ts";
import { concat, lv, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { drawSecretLetters, PAIRING_LETTERS } from "../../protocol/pairing-code.ts";

/** Of the eight letters that a person types; 31^8 is a little under 40 bits. */
export const HANDLE_LETTERS = 4;

const USER_CODE = new RegExp(`^[${PAIRING_LETTERS}]{${2 * HANDLE_LETTERS}}$`);

type Use = "device code" | "user code" | "registration code";

export class CodeSecrets {
  readonly #crypto: Crypto;
  readonly #key: Uint8Array;

  constructor(crypto: Crypto, secret: Secret<Uint8Array>) {
    this.#crypto = crypto;
    this.#key = crypto.hmacSha256(secret.reveal(), utf8("muster/v1/codes"));
  }

  /** 256 bits. */
  draw(prefix = ""): string {
    return prefix + toBase64Url(this.#crypto.randomBytes(32));
  }

  /** "ABCDEFGH" */
  drawUserCode(): string {
    const draw = (): string => drawSecretLetters((length) => this.#crypto.randomBytes(length));
    return draw() + draw();
  }

  hash(use: Use, code: string): Uint8Array {
    return this.#crypto.hmacSha256(this.#key, concat(lv(utf8(use)), lv(utf8(code))));
  }
}

/** What a person typed: any case, with dashes and blanks. Undefined for what can be no code. */
export function readUserCode(typed: string): string | undefined {
  const letters = typed.toUpperCase().replaceAll(/[-\s]/g, "");
  return USER_CODE.test(letters) ? letters : undefined;
}

export function showUserCode(code: string): string {
  return `${code.slice(0, HANDLE_LETTERS)}-${code.slice(HANDLE_LETTERS)}`;
}
