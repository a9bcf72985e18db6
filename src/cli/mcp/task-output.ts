// What a task wrote, as pages of its log bring it, put together; of much of it the end alone.

import { concat, fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { TaskAnswer } from "../../protocol/tasks.ts";

/** Both outputs, in the order in which they were written. */
export function bytesOf(pieces: TaskAnswer<"logs">["pieces"]): Uint8Array {
  return concat(...pieces.map(({ bytes }) => decoded(bytes)));
}

/** As many bytes of it as fit, without half a character at their end. */
export function headOf(bytes: Uint8Array, maxBytes: number): Uint8Array {
  if (bytes.length <= maxBytes) return bytes;
  let end = maxBytes;
  while (end > maxBytes - 4 && isInside(bytes[end])) end -= 1;
  return bytes.subarray(0, end > 0 && !isInside(bytes[end]) ? end : maxBytes);
}

/** What is no UTF-8 is shown as such; of a character that was cut in two the rest is left out. */
export function textOf(bytes: Uint8Array): string {
  let from = 0;
  while (from < 3 && isInside(bytes[from])) from += 1;
  return new TextDecoder().decode(bytes.subarray(from));
}

export class OutputTail {
  readonly #maxBytes: number;
  #kept: Uint8Array = new Uint8Array(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(bytes: Uint8Array): void {
    const all = concat(this.#kept, bytes);
    this.#kept = all.length > this.#maxBytes ? all.slice(-this.#maxBytes) : all;
  }

  get bytes(): number {
    return this.#kept.length;
  }

  get text(): string {
    return textOf(this.#kept);
  }
}

function decoded(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes !== undefined) return bytes;
  throw new MusterError("protocol_error", "the log of a task can't be read");
}

/** Of a character in UTF-8, but not its first byte. */
function isInside(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
