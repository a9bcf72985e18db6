// What a device writes, as letters: UTF-8 that may be cut anywhere, with no more marks upon one letter than any script
// needs. The emulator keeps all marks of a cell, so that without a bound a program could hang the page by one letter.

/** Marks of all kinds, and what takes no room: two of the vowels and ends of Hangul, separators, DEL. */
const UPON = String.raw`[\p{M}\p{Cf}\u1160-\u11FF\u2028\u2029\u007F]`;
/** A family of four is held together by three, and each of them may have two more. */
const MARKS_MAX = 16;
const TOO_MANY = new RegExp(`(${UPON}{${MARKS_MAX}})${UPON}+`, "gu");
const LAST_MARKS = new RegExp(`${UPON}{1,${MARKS_MAX}}$`, "u");
/** Most output holds none of these, which is seen at once. */
const BEYOND_ASCII = /\P{ASCII}|\u007F/u;

export class TerminalText {
  readonly #decoder = new TextDecoder();
  /** The marks that the last piece ended with. */
  #tail = "";

  read(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (this.#tail === "" && !BEYOND_ASCII.test(text)) return text;
    const bounded = (this.#tail + text).replaceAll(TOO_MANY, "$1");
    const fresh = bounded.slice(this.#tail.length);
    this.#tail = LAST_MARKS.exec(bounded.slice(-2 * MARKS_MAX))?.[0] ?? "";
    return fresh;
  }
}
