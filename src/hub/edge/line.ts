// A visitor's line: hands what happens on its socket to whoever serves it now. HTTP does first; a line that became
// a trunk is the trunk's alone, so that ten thousand idle agents do not keep ten thousand HTTP connections.
import type { ByteStreamEvents } from "../../world/world.ts";

export class Line implements ByteStreamEvents {
  #servedBy: ByteStreamEvents = NOBODY;
  readonly #closed: (line: Line) => void;

  /** `closed` is one for all lines: what it closes over lives as long as a line does. */
  constructor(closed: (line: Line) => void) {
    this.#closed = closed;
  }

  get servedBy(): ByteStreamEvents {
    return this.#servedBy;
  }

  serve(by: ByteStreamEvents): void {
    this.#servedBy = by;
  }

  data(bytes: Uint8Array): void {
    this.#servedBy.data(bytes);
  }

  drain(): void {
    this.#servedBy.drain();
  }

  end(): void {
    this.#servedBy.end();
  }

  close(error?: Error): void {
    this.#closed(this);
    this.#servedBy.close(error);
  }
}

const NOBODY: ByteStreamEvents = { data() {}, drain() {}, end() {}, close() {} };
