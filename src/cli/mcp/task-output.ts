// What a task wrote, as pages of its log bring it, put together; of much of it the end alone.

import { concat, fromBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { TaskAnswer } from "../../protocol/tasks.ts";

/** Both outputs, in the order in which they were written. */
export function bytesOf(pieces: TaskAnswer<"logs">["pieces"]): Uint8Array {
  return concat(...pieces.map(({ bytes }) => decoded(bytes)));
}

/** What is no UTF-8 is shown as such; a character that a page cuts in two is left out at its edge. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/^\ufffd{1,3}|\ufffd$/g, "");
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
