// Control messages cut into MSG frames and put together again. Every piece but the last is full, so the
// pieces of a message are few, and their sum is bounded before they are kept.

import { DATA_MAX_BYTES } from "../protocol/limits.ts";
import { FRAME } from "./frame.ts";
import type { Outbox } from "./outbox.ts";

export function sendMessage(outbox: Outbox, message: Uint8Array): void {
  let at = 0;
  while (message.length - at > DATA_MAX_BYTES) {
    outbox.control(FRAME.message, 1, message.subarray(at, at + DATA_MAX_BYTES));
    at += DATA_MAX_BYTES;
  }
  outbox.control(FRAME.message, 0, message.subarray(at));
}

export type PieceResult =
  | { state: "whole"; message: Uint8Array }
  | { state: "more" }
  | { state: "too_large" }
  | { state: "short_piece" };

const MORE: PieceResult = { state: "more" };

export class MessageAssembler {
  /** May be raised once the far side has proved who it is. */
  maxBytes: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  piece(more: boolean, bytes: Uint8Array): PieceResult {
    if (this.#length + bytes.length > this.maxBytes) return { state: "too_large" };
    if (!more && this.#length === 0) return { state: "whole", message: bytes };
    if (more && bytes.length < DATA_MAX_BYTES) return { state: "short_piece" };
    this.#pieces.push(bytes.slice());
    this.#length += bytes.length;
    if (more) return MORE;
    const message = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      message.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#length = 0;
    return { state: "whole", message };
  }
}
