// Control messages cut into MSG frames and put together again. Every piece but the last is full, so the
// pieces of a message are few, and their sum is bounded before they are kept.

import { DATA_MAX_BYTES } from "../protocol/limits.ts";

/** Calls `each` with the pieces of a message in order; `more` says that others follow. */
export function cutMessage(message: Uint8Array, each: (more: boolean, piece: Uint8Array) => void): void {
  let at = 0;
  while (message.length - at > DATA_MAX_BYTES) {
    each(true, message.subarray(at, at + DATA_MAX_BYTES));
    at += DATA_MAX_BYTES;
  }
  each(false, at === 0 ? message : message.subarray(at));
}

export type PieceResult =
  | { state: "whole"; message: Uint8Array }
  | { state: "more" }
  | { state: "too_large" }
  | { state: "short_piece" };

export class MessageAssembler {
  /** May be raised once the far side has proved who it is. */
  maxBytes: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The bytes may be reused by the caller; those of a message that came in one piece are its own. */
  piece(more: boolean, bytes: Uint8Array): PieceResult {
    if (this.#length + bytes.length > this.maxBytes) return { state: "too_large" };
    if (more && bytes.length < DATA_MAX_BYTES) return { state: "short_piece" };
    if (!more && this.#length === 0) return { state: "whole", message: bytes };
    this.#pieces.push(new Uint8Array(bytes));
    this.#length += bytes.length;
    return more ? { state: "more" } : { state: "whole", message: this.#join() };
  }

  #join(): Uint8Array {
    const message = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      message.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#length = 0;
    return message;
  }
}
