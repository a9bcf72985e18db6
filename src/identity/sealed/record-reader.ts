// Cuts a stream of bytes into records: two bytes of length, big endian, then the record. A record never has more
// than 65,535 bytes, so what is held for an unfinished one is bounded by the format itself.

import { concat } from "../../protocol/bytes.ts";

export const RECORD_MAX_BYTES = 65_535;
export const LENGTH_BYTES = 2;

/** Length and record. */
export function framed(record: Uint8Array): Uint8Array {
  return withLength(concat(new Uint8Array(LENGTH_BYTES), record));
}

/** Writes the length of a record into the free bytes before it. */
export function withLength(record: Uint8Array): Uint8Array {
  const length = record.length - LENGTH_BYTES;
  record[0] = length >> 8;
  record[1] = length & 0xff;
  return record;
}

export class RecordReader {
  #chunks: Uint8Array[] = [];
  #heldBytes = 0;

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Copies, so the bytes may be reused. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes.slice());
    this.#heldBytes += bytes.length;
  }

  /** The next whole record, if there is one. */
  next(): Uint8Array | undefined {
    const length = this.#peekLength();
    if (length === undefined || this.#heldBytes < LENGTH_BYTES + length) return undefined;
    this.#take(LENGTH_BYTES);
    return this.#take(length);
  }

  #peekLength(): number | undefined {
    const [first, second] = this.#chunks;
    if (first === undefined || this.#heldBytes < LENGTH_BYTES) return undefined;
    // Two bytes are held, and no chunk is empty, so they are in the first two chunks.
    return ((first[0] ?? 0) << 8) | (first[1] ?? second?.[0] ?? 0);
  }

  #take(length: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let missing = length;
    let whole = 0;
    for (const chunk of this.#chunks) {
      if (missing === 0) break;
      const part = chunk.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      if (part.length === chunk.length) whole++;
      else this.#chunks[whole] = chunk.subarray(part.length);
    }
    this.#chunks.splice(0, whole);
    this.#heldBytes -= length;
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : concat(...parts);
  }
}
