// Bytes that wait, in order. They are copied into chunks of their own: what waits for a stalled reader
// costs what it weighs, neither a whole read buffer nor an object for each byte of a peer who sends them
// one by one.

const CHUNK_MIN_BYTES = 1024;
const CHUNK_MAX_BYTES = 64 * 1024;
/** Of the largest ones, kept for all queues: fresh memory has to be cleared and, page by page, faulted in. */
const FREE_CHUNKS_MAX = 64;
const freeChunks: Uint8Array[] = [];

export class ByteQueue {
  /** All full but the last, which is filled up to `#tailFill`. */
  #chunks: Uint8Array[] = [];
  #tailFill = 0;
  #length = 0;
  /** What the last `shift` lent out. */
  #lent: Uint8Array | undefined;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const tail = this.#roomyTail(rest.length);
      const part = rest.subarray(0, tail.length - this.#tailFill);
      tail.set(part, this.#tailFill);
      this.#tailFill += part.length;
      this.#length += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** The next bytes, valid until the next `shift`; undefined when nothing waits. */
  shift(): Uint8Array | undefined {
    if (this.#lent?.length === CHUNK_MAX_BYTES && freeChunks.length < FREE_CHUNKS_MAX) {
      freeChunks.push(this.#lent);
    }
    const chunk = this.#chunks.shift();
    this.#lent = chunk;
    if (chunk === undefined) return undefined;
    const bytes = this.#chunks.length === 0 ? chunk.subarray(0, this.#tailFill) : chunk;
    this.#length -= bytes.length;
    return bytes;
  }

  /** Puts back the end of what `shift` gave, which could not be used. */
  unshift(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#lent = undefined;
    if (this.#chunks.length === 0) this.#tailFill = bytes.length;
    this.#chunks.unshift(bytes);
    this.#length += bytes.length;
  }

  /** All that waits, in one piece that is the caller's own. */
  takeAll(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (let piece = this.shift(); piece !== undefined; piece = this.shift()) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  clear(): void {
    this.#lent = undefined;
    this.#chunks = [];
    this.#length = 0;
  }

  #roomyTail(wanted: number): Uint8Array {
    const tail = this.#chunks.at(-1);
    if (tail !== undefined && this.#tailFill < tail.length) return tail;
    // A queue that grows takes larger chunks; one that holds little stays small.
    const size = Math.min(CHUNK_MAX_BYTES, Math.max(CHUNK_MIN_BYTES, wanted, this.#length));
    const chunk = (size === CHUNK_MAX_BYTES ? freeChunks.pop() : undefined) ?? new Uint8Array(size);
    this.#chunks.push(chunk);
    this.#tailFill = 0;
    return chunk;
  }
}
