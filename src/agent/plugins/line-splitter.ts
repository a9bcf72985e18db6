// Bytes cut into lines, none longer than its bound: of a longer one the beginning is told, and the rest passed over.
import { concat } from "../../protocol/bytes.ts";

export interface LineEvents {
  /** Without its line feed. The bytes are the receiver's own. */
  line(bytes: Uint8Array): void;
  overlong(beginning: Uint8Array): void;
}

const LINE_END = 0x0a;

export class LineSplitter {
  readonly #maxBytes: number;
  readonly #events: LineEvents;
  /** The beginning of a line whose end has not come. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;
  /** The line at hand was too long. */
  #isPassingOver = false;

  constructor(maxBytes: number, events: LineEvents) {
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /** Whether a line was begun that has not ended. */
  get isWithin(): boolean {
    return this.#begunBytes > 0 || this.#isPassingOver;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    for (let end = bytes.indexOf(LINE_END); end !== -1; end = bytes.indexOf(LINE_END, from)) {
      this.#take(bytes.subarray(from, end));
      if (!this.#isPassingOver) this.#events.line(this.#whole());
      this.#isPassingOver = false;
      from = end + 1;
    }
    if (from < bytes.length) this.#take(bytes.subarray(from));
  }

  #take(piece: Uint8Array): void {
    if (this.#isPassingOver) return;
    const room = this.#maxBytes - this.#begunBytes;
    // A copy: the bytes are only valid during the call.
    this.#begun.push(piece.slice(0, room));
    this.#begunBytes += Math.min(room, piece.length);
    if (piece.length <= room) return;
    this.#isPassingOver = true;
    this.#events.overlong(this.#whole());
  }

  #whole(): Uint8Array {
    const line = concat(...this.#begun);
    this.#begun = [];
    this.#begunBytes = 0;
    return line;
  }
}
