// The head of a device's answer, written anew before the visitor gets it; the body behind it is not touched. Of what
// comes before the answer, such as leave to send the body, the status alone is passed on; hints are not, since they tell
// of paths that are others here.
import type { RequestHead } from "../../http1/request-head.ts";
import { parseResponseHead, type ResponseHead } from "../../http1/response-head.ts";
import { HeadCursor } from "../../http1/scan-head.ts";
import { serializeResponse } from "../../http1/serialize.ts";

/** Hints that come before an answer; more of them is a loop. */
const INTERIM_MAX_HEADS = 8;
const EARLY_HINTS = 103;

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
    const before: Uint8Array[] = [];
    for (;;) {
      const head = parseResponseHead(this.#held, this.#asked, this.#cursor);
      if (head.kind === "more") return Buffer.concat(before);
      // Another protocol that nobody asked for is refused there too.
      if (head.kind === "refused") return undefined;
      const rest = this.#held.subarray(head.headBytes);
      this.#held = rest;
      this.#cursor.reset();
      if (head.interim) {
        if (++this.#interimHeads > INTERIM_MAX_HEADS) return undefined;
        if (head.status !== EARLY_HINTS) before.push(serializeResponse(head, []));
        continue;
      }
      this.#passed = true;
      this.#held = NO_BYTES;
      return Buffer.concat([...before, this.#write(head), rest]);
    }
  }
}

const NO_BYTES = new Uint8Array(0);
