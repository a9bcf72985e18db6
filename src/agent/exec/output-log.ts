// The end of what a program wrote, in bounded memory: whole pieces are dropped from its start.

const PIECES_MAX = 4096;

export class OutputLog {
  readonly #mostBytes: number;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #dropped = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Bytes that were ever written. */
  get end(): number {
    return this.#dropped + this.#length;
  }

  /** Of the first byte that is still here. */
  get start(): number {
    return this.#dropped;
  }

  get truncated(): boolean {
    return this.#dropped > 0;
  }

  push(bytes: Uint8Array): void {
    // What has more than fits is cut before it is copied.
    const kept = bytes.length > this.#mostBytes ? bytes.subarray(bytes.length - this.#mostBytes) : bytes;
    this.#dropped += bytes.length - kept.length;
    if (this.#pieces.length >= PIECES_MAX) this.#join();
    this.#pieces.push(new Uint8Array(kept));
    this.#length += kept.length;
    while (this.#length > this.#mostBytes) {
      const first = this.#pieces[0] ?? new Uint8Array(0);
      const over = Math.min(first.length, this.#length - this.#mostBytes);
      if (over === first.length) this.#pieces.shift();
      else this.#pieces[0] = first.subarray(over);
      this.#length -= over;
      this.#dropped += over;
    }
  }

  /** From a position on, at most so many bytes; from the start of what is kept where that is later. */
  read(from: number, mostBytes: number): { bytes: Uint8Array; from: number } {
    let skip = Math.max(0, from - this.#dropped);
    const at = this.#dropped + skip;
    const bytes = new Uint8Array(Math.max(0, Math.min(mostBytes, this.end - at)));
    let filled = 0;
    for (const piece of this.#pieces) {
      if (filled === bytes.length) break;
      if (skip >= piece.length) {
        skip -= piece.length;
        continue;
      }
      const part = piece.subarray(skip, skip + bytes.length - filled);
      bytes.set(part, filled);
      filled += part.length;
      skip = 0;
    }
    return { bytes, from: at };
  }

  text(): string {
    return new TextDecoder().decode(this.read(0, this.#mostBytes).bytes);
  }

  #join(): void {
    this.#pieces = [this.read(this.#dropped, this.#length).bytes];
  }
}
