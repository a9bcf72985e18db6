// Frames between an agent and the keeper of a task, and in a task's log:
//
//   u8 type ‖ u32 length ‖ payload
//
// Types 0, 1 and 2 are the program's input, output and errors, byte for byte; 3 is a JSON word of one to the other.

import { concat, u32, utf8 } from "../../protocol/bytes.ts";

export const FRAME = { input: 0, output: 1, errors: 2, word: 3 } as const;
const HEAD_BYTES = 5;
/** Of one payload: a pipe gives far less at once. */
export const FRAME_MAX_BYTES = 1024 * 1024;

export interface Frame {
  type: number;
  /** Only valid until more is read. */
  payload: Uint8Array;
}

export function frame(type: number, payload: Uint8Array): Uint8Array {
  return concat(frameHead(type, payload.length), payload);
}

export function frameHead(type: number, length: number): Uint8Array {
  return concat(Uint8Array.of(type), u32(length));
}

export function wordFrame(word: object): Uint8Array {
  return frame(FRAME.word, utf8(JSON.stringify(word)));
}

/** Bytes in, whole frames out. What is no frame makes it throw. */
export class FrameReader {
  #held: Uint8Array = new Uint8Array(0);

  *read(bytes: Uint8Array): Generator<Frame> {
    this.#held = this.#held.length === 0 ? new Uint8Array(bytes) : concat(this.#held, bytes);
    for (;;) {
      const { length } = this.#held;
      if (length < HEAD_BYTES) return;
      const size = new DataView(this.#held.buffer, this.#held.byteOffset).getUint32(1);
      if (size > FRAME_MAX_BYTES) throw new Error("what was read is no frame");
      if (length < HEAD_BYTES + size) return;
      const payload = this.#held.subarray(HEAD_BYTES, HEAD_BYTES + size);
      const type = this.#held[0] ?? 0;
      this.#held = this.#held.subarray(HEAD_BYTES + size);
      yield { type, payload };
    }
  }
}
