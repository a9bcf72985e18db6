// Bytes that wait, in order. They are copied into chunks of their own: what waits for a stalled reader
// costs what it weighs, neither a whole read buffer nor an object for each byte of a peer who sends them
// one by one.

const CHUNK_MIN_BYTES = 1024;
const CHUNK_MAX_BYTES = 64 * 1024;

export class ByteQueue {
  /** All full but the last, which is filled up to `#tailFill`. */
  #chunks: Uint8Array[] = [];
  #tailFill = 0;
  #length = 0;

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

  /** The next bytes, now the caller's; undefined when nothing waits. */
  shift(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    const bytes = this.#chunks.length === 0 ? chunk.subarray(0, this.#tailFill) : chunk;
    this.#length -= bytes.length;
    return bytes;
  }

  /** Puts back what `shift` gave and could not be used. */
  unshift(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#chunks.length === 0) this.#tailFill = bytes.length;
    this.#chunks.unshift(bytes);
    this.#length += bytes.length;
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }

  #roomyTail(wanted: number): Uint8Array {
    const tail = this.#chunks.at(-1);
    if (tail !== undefined && this.#tailFill < tail.length) return tail;
    // A queue that grows takes larger chunks; one that holds little stays small.
    const size = Math.min(CHUNK_MAX_BYTES, Math.max(CHUNK_MIN_BYTES, wanted, this.#length));
    const chunk = new Uint8Array(size);
    this.#chunks.push(chunk);
    this.#tailFill = 0;
    return chunk;
  }
}
