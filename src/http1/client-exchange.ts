// The client side of one exchange: sends a request to an app and follows its response to the end, strictly.
// Heads are told as structure, bodies pass as they are on the wire. Whether the connection is used again is
// the caller's choice, after `end` said that it may be.
//
// Plug the object under the app's stream as its events, then `start`. After `end` or `broken` it tells
// nothing more and takes nothing more.

import { someBytes } from "../protocol/bytes.ts";
import type { ByteStream, ByteStreamEvents } from "../world/world.ts";
import { BodyTracker } from "./body-framing.ts";
import type { RefusalReason } from "./refusal.ts";
import { parseResponseHead } from "./response-head.ts";
import type { AskedFor, ResponseHead } from "./response-head.ts";
import { HeadCursor } from "./scan-head.ts";

export type BrokenReason =
  /** Closed before a byte of the response: on a connection that was used before, worth another try. */
  | "no_response"
  /** Closed in the middle of a head or a body. */
  | "cut"
  | "too_many_interim"
  /** The response is malformed. */
  | RefusalReason;

export interface ClientExchangeEvents {
  /** A 1xx response but 101; the final head is still to come. */
  interim(head: ResponseHead): void;
  /** The final head. For a 101 raw bytes follow in both directions. */
  head(head: ResponseHead): void;
  /** Bytes of the body as they are on the wire, or raw bytes. Valid only during the call. */
  body(bytes: Uint8Array): void;
  /** After a short `write`: there is room again. */
  writable(): void;
  /** After a 101: the app sends no more. */
  rawEnd(): void;
  /** The response is whole. `reusable` when another request may follow on the same stream. */
  end(result: { reusable: boolean }): void;
  /** The app went away or sent what is no response; close the stream. */
  broken(reason: BrokenReason): void;
}

export interface ClientExchangeOptions {
  stream: ByteStream;
  /** The serialised request head. Nobody keeps it once `start` has returned. */
  head: Uint8Array;
  asked: AskedFor;
  /** Whether a body follows the head. Without one the request is whole at once. */
  hasBody: boolean;
  events: ClientExchangeEvents;
}

/** An app may send a few hints; more of them is a loop. */
const INTERIM_MAX_HEADS = 32;

type State = "head" | "body" | "raw" | "done";

export class ClientExchange implements ByteStreamEvents {
  readonly #stream: ByteStream;
  readonly #asked: AskedFor;
  readonly #events: ClientExchangeEvents;
  readonly #tracker = new BodyTracker();
  readonly #cursor = new HeadCursor();
  #state: State = "head";
  /** What the stream has not yet taken of the request head. */
  #unsent: Uint8Array | undefined;
  #requestWhole: boolean;
  #partial: Uint8Array | undefined;
  #held: Uint8Array | undefined;
  #feeding = false;
  #paused = false;
  #ended = false;
  #shutDown = false;
  #interimHeads = 0;
  #appKeepsAlive = false;
  #received = false;

  constructor(options: ClientExchangeOptions) {
    this.#stream = options.stream;
    this.#asked = options.asked;
    this.#events = options.events;
    this.#requestWhole = !options.hasBody;
    this.#unsent = options.head;
  }

  /** Sends the request head. */
  start(): void {
    this.#flush();
  }

  /** Bytes of the request body, or raw bytes after a 101. Returns as `ByteStream.write`. */
  write(bytes: Uint8Array): number {
    if (this.#state === "done" || this.#shutDown) return -1;
    if (this.#unsent !== undefined) return 0;
    return this.#stream.write(bytes);
  }

  /** The request body is whole. Without this the connection is never reusable. */
  bodyEnd(): void {
    this.#requestWhole = true;
  }

  /** After a 101: no more bytes from this side. */
  shutdown(): void {
    if (this.#state !== "raw" || this.#shutDown) return;
    this.#shutDown = true;
    this.#stream.shutdown();
    if (this.#ended) this.#finish({ reusable: false });
  }

  /** Holds the response back, from the next event on. */
  pause(): void {
    if (this.#paused || this.#state === "done") return;
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#continue();
  }

  /** Drops the exchange and its stream; nothing more is told. */
  abort(): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#stream.close();
  }

  // The stream's events.

  data(bytes: Uint8Array): void {
    if (this.#state === "done") return;
    this.#received = true;
    if (this.#held !== undefined || this.#feeding || this.#paused) {
      this.#held = joined(this.#held, bytes);
    } else {
      this.#feed(bytes);
    }
  }

  drain(): void {
    if (this.#state === "done") return;
    if (this.#unsent !== undefined) this.#flush();
    if (this.#unsent === undefined) this.#events.writable();
  }

  end(): void {
    if (this.#ended || this.#state === "done") return;
    this.#ended = true;
    if (this.#held === undefined && !this.#feeding) this.#inputEnded();
  }

  close(error?: Error): void {
    if (this.#state === "done") return;
    if (this.#held !== undefined && error === undefined) {
      // The reader is slower than the app; what came is still delivered, and then judged.
      this.#ended = true;
      return;
    }
    const byPlan = this.#endsWithConnection() || (this.#state === "raw" && this.#ended);
    if (byPlan && error === undefined) return this.#finish({ reusable: false });
    this.#break(this.#received ? "cut" : "no_response");
  }

  #feed(bytes: Uint8Array): void {
    this.#feeding = true;
    let rest = bytes;
    while (!this.#paused && this.#state !== "done") {
      if (rest.length === 0) {
        if (this.#held === undefined) break;
        rest = this.#held;
        this.#held = undefined;
      }
      rest = this.#take(rest);
    }
    this.#feeding = false;
    if (this.#state === "done") return;
    if (rest.length > 0) this.#held = this.#held === undefined ? rest.slice() : joined(rest, this.#held);
    if (this.#held === undefined && this.#ended) this.#inputEnded();
  }

  #continue(): void {
    if (this.#feeding || this.#state === "done") return;
    const held = this.#held ?? NO_BYTES;
    this.#held = undefined;
    this.#feed(held);
    // Either may have happened in `#feed`. Last, because a stream may deliver at once.
    if (!this.#isPaused() && !this.#isDone()) this.#stream.resume();
  }

  /** Returns what is left. */
  #take(bytes: Uint8Array): Uint8Array {
    switch (this.#state) {
      case "head":
        return this.#takeHead(bytes);
      case "body":
        return this.#takeBody(bytes);
      case "raw":
        this.#events.body(bytes);
        return NO_BYTES;
      case "done":
        return NO_BYTES;
    }
  }

  #takeHead(bytes: Uint8Array): Uint8Array {
    const before = this.#partial?.length ?? 0;
    const whole = this.#partial === undefined ? bytes : Buffer.concat([this.#partial, bytes]);
    const parsed = parseResponseHead(whole, this.#asked, this.#cursor);
    switch (parsed.kind) {
      case "more":
        this.#partial = before === 0 ? bytes.slice() : whole;
        return NO_BYTES;
      case "refused":
        this.#break(parsed.reason);
        return NO_BYTES;
      case "response": {
        this.#partial = undefined;
        this.#cursor.reset();
        const rest =
          parsed.headBytes === whole.length ? NO_BYTES : someBytes(whole, parsed.headBytes, whole.length);
        this.#gotHead(parsed, rest);
        return rest;
      }
    }
  }

  #gotHead(head: ResponseHead, rest: Uint8Array): void {
    if (head.interim) {
      if (++this.#interimHeads > INTERIM_MAX_HEADS) this.#break("too_many_interim");
      else this.#events.interim(head);
      return;
    }
    this.#appKeepsAlive = head.keepAlive;
    this.#tracker.reset(head.framing);
    this.#state = head.upgrade === undefined ? "body" : "raw";
    this.#events.head(head);
    if (this.#state === "body" && this.#tracker.complete) this.#whole(rest);
  }

  #takeBody(bytes: Uint8Array): Uint8Array {
    const taken = this.#tracker.consume(bytes);
    if (taken < 0) {
      this.#break(this.#tracker.problem ?? "bad_chunk");
      return NO_BYTES;
    }
    const all = taken === bytes.length;
    const rest = all ? NO_BYTES : bytes.subarray(taken);
    this.#events.body(all ? bytes : bytes.subarray(0, taken));
    if (this.#state === "body" && this.#tracker.complete) this.#whole(rest);
    return rest;
  }

  #whole(rest: Uint8Array): void {
    // Bytes nobody asked for could be taken for the answer to the next request.
    const clean = rest.length === 0 && this.#held === undefined && !this.#ended;
    this.#finish({
      reusable: clean && this.#appKeepsAlive && this.#requestWhole && this.#unsent === undefined,
    });
  }

  #inputEnded(): void {
    if (this.#endsWithConnection()) return this.#finish({ reusable: false });
    if (this.#state !== "raw") return this.#break(this.#received ? "cut" : "no_response");
    this.#events.rawEnd();
    if (this.#shutDown) this.#finish({ reusable: false });
  }

  #endsWithConnection(): boolean {
    return this.#state === "body" && this.#tracker.untilClose;
  }

  #flush(): void {
    if (this.#unsent === undefined) return;
    const taken = this.#stream.write(this.#unsent);
    // Closed: the stream's `close` says the rest.
    if (taken < 0) return;
    this.#unsent = taken < this.#unsent.length ? this.#unsent.slice(taken) : undefined;
  }

  #finish(result: { reusable: boolean }): void {
    if (this.#state === "done") return;
    this.#state = "done";
    // A stream that is handed on flows.
    if (this.#paused && result.reusable) this.#stream.resume();
    this.#events.end(result);
  }

  #break(reason: BrokenReason): void {
    if (this.#state === "done") return;
    this.#state = "done";
    this.#events.broken(reason);
  }

  #isPaused(): boolean {
    return this.#paused;
  }

  #isDone(): boolean {
    return this.#state === "done";
  }
}

const NO_BYTES = new Uint8Array(0);

/** A copy that is ours: the stream's bytes are only lent. */
function joined(before: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  return before === undefined ? bytes.slice() : Buffer.concat([before, bytes]);
}
