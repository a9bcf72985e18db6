// Bytes cut into lines, none longer than its bound: of a longer one the beginning is told, and the rest passed over.
import { ByteQueue } from "../../trunk/byte-queue.ts";

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
  readonly #begun = new ByteQueue();
  /** The line at hand was too long. */
  #isPassingOver = false;

  constructor(maxBytes: number, events: LineEvents) {
    this.#maxBytes = maxBytes;
    this.#events = events;
  }

  /** Whether a line was begun that has not ended. */
  get isWithin(): boolean {
    return this.#begun.length > 0 || this.#isPassingOver;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    for (let end = bytes.indexOf(LINE_END); end !== -1; end = bytes.indexOf(LINE_END, from)) {
      this.#take(bytes.subarray(from, end));
      if (!this.#isPassingOver) this.#events.line(this.#begun.takeAll());
      this.#isPassingOver = false;
      from = end + 1;
    }
    if (from < bytes.length) this.#take(bytes.subarray(from));
  }

  #take(piece: Uint8Array): void {
    if (this.#isPassingOver) return;
    const room = this.#maxBytes - this.#begun.length;
    this.#begun.push(piece.subarray(0, room));
    if (piece.length <= room) return;
    this.#isPassingOver = true;
    this.#events.overlong(this.#begun.takeAll());
  }
}
