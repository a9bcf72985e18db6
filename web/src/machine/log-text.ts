// What a task wrote, as text to be shown: decoded across pieces, without sequences for terminals, a line that is
// written over again replaced. No more is kept than a person scrolls through; what went before is said to be gone.
import type { LogPiece } from "../../../src/client/commands/device-tasks.ts";

export interface LogPart {
  from: LogPiece["from"];
  text: string;
}

/** About 4,000 lines of 60 characters. */
export const LOG_TEXT_MAX = 256 * 1024;
/** Sequences of terminals, whole; one that begins at the end of a piece waits for the rest. */
const SEQUENCE =
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  /\u{1B}(?:\[[0-?]*[ -/]*[@-~]|\][^\u{7}\u{1B}]*(?:\u{7}|\u{1B}\\)|[PX^_][^\u{1B}]*\u{1B}\\|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])/gu;
// oxlint-disable-next-line no-control-regex -- as above
const BEGUN = /\u{1B}[^\u{1B}]{0,256}$/u;
// oxlint-disable-next-line no-control-regex -- as above
const INVISIBLE = /[\u{0}-\u{8}\u{B}-\u{C}\u{E}-\u{1F}\u{7F}-\u{9F}]/gu;

export class LogText {
  /** From the oldest; a part is replaced, never changed, so that it can be compared. */
  parts: readonly LogPart[] = [];
  /** Something before the first part is not kept here. */
  isCut = false;
  readonly #streams = { stdout: new Words(), stderr: new Words() };

  push({ from, bytes }: LogPiece): void {
    let text = this.#streams[from].read(bytes);
    const over = text.lastIndexOf("\r");
    if (over !== -1) {
      // What stands before the last return of a line is written over.
      text = text.replaceAll(/[^\n]*\r/g, (_line, at: number) => (at === 0 ? "\r" : ""));
      if (text.startsWith("\r")) {
        this.#dropLine(from);
        text = text.slice(1);
      }
    }
    if (text !== "") this.#append(from, text);
  }

  #append(from: LogPiece["from"], text: string): void {
    const last = this.parts.at(-1);
    const joins = last !== undefined && last.from === from && last.text.length < 8192;
    const kept = joins ? this.parts.slice(0, -1) : [...this.parts];
    kept.push({ from, text: joins ? last.text + text : text });
    let length = kept.reduce((sum, part) => sum + part.text.length, 0);
    for (let first = kept[0]; length > LOG_TEXT_MAX && first !== undefined; first = kept[0]) {
      this.isCut = true;
      const gone = Math.min(first.text.length, length - LOG_TEXT_MAX);
      const line = first.text.indexOf("\n", gone);
      length -= line === -1 ? first.text.length : line + 1;
      if (line === -1 || line + 1 === first.text.length) kept.shift();
      else kept[0] = { from: first.from, text: first.text.slice(line + 1) };
    }
    this.parts = kept;
  }

  #dropLine(from: LogPiece["from"]): void {
    const last = this.parts.at(-1);
    if (last === undefined || last.from !== from) return;
    const text = last.text.slice(0, last.text.lastIndexOf("\n") + 1);
    this.parts = text === "" ? this.parts.slice(0, -1) : [...this.parts.slice(0, -1), { from, text }];
  }
}

/** The text of one stream, whose pieces end anywhere. */
class Words {
  readonly #decoder = new TextDecoder();
  #held = "";

  read(bytes: Uint8Array): string {
    const text = this.#held + this.#decoder.decode(bytes, { stream: true });
    const plain = text.replaceAll(SEQUENCE, "").replaceAll("\r\n", "\n");
    const begun = BEGUN.exec(plain)?.index ?? (plain.endsWith("\r") ? plain.length - 1 : plain.length);
    this.#held = plain.slice(begun);
    return plain.slice(0, begun).replaceAll(INVISIBLE, "");
  }
}
