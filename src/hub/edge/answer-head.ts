// The head of a device's answer, written anew before the visitor gets it; the body behind it is not touched.
import type { RequestHead } from "../../http1/request-head.ts";
import { parseResponseHead, type ResponseHead } from "../../http1/response-head.ts";
import { HeadCursor } from "../../http1/scan-head.ts";

/** Hints that come before an answer; more of them is a loop. */
const INTERIM_MAX_HEADS = 8;

export class AnswerHead {
  readonly #asked: RequestHead;
  readonly #write: (head: ResponseHead) => Uint8Array;
  readonly #cursor = new HeadCursor();
  #held: Uint8Array = NO_BYTES;
  #interimHeads = 0;
  #passed = false;

  constructor(asked: RequestHead, write: (head: ResponseHead) => Uint8Array) {
    this.#asked = asked;
    this.#write = write;
  }

  /** What goes to the visitor for these bytes of the device; undefined when they are no answer. */
  pass(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#passed) return bytes;
    // Bounded, because a head that is too long is refused.
    this.#held = Buffer.concat([this.#held, bytes]);
    for (;;) {
      const head = parseResponseHead(this.#held, this.#asked, this.#cursor);
      if (head.kind === "more") return NO_BYTES;
      // Another protocol that nobody asked for is refused there too.
      if (head.kind === "refused") return undefined;
      const rest = this.#held.subarray(head.headBytes);
      this.#held = rest;
      this.#cursor.reset();
      if (head.interim) {
        if (++this.#interimHeads > INTERIM_MAX_HEADS) return undefined;
        continue;
      }
      this.#passed = true;
      this.#held = NO_BYTES;
      return Buffer.concat([this.#write(head), rest]);
    }
  }
}

const NO_BYTES = new Uint8Array(0);
