// The server side of one HTTP/1.1 connection: heads are read one request at a time, each is handed to the
// handler with its exchange, and the next one waits until both messages of the present one are whole.
// Routing is therefore decided per request, never per connection.
//
// Plug the object under a stream as its events. Every wait is bounded by the shared ticker, every buffer by
// a limit: a head by 32 KiB, held bytes by one read of the stream.

import { UPGRADE_HOLD_BYTES } from "../protocol/limits.ts";
import type { ByteStream, ByteStreamEvents } from "../world/world.ts";
import { refusalAnswer, serializeAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import { BodyTracker } from "./body-framing.ts";
import { CONNECTION_LIMITS } from "./connection-limits.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import type { After, RequestHandler } from "./exchange.ts";
import { refusal } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import { parseRequestHead } from "./request-head.ts";
import type { RequestHead } from "./request-head.ts";
import { HeadCursor } from "./scan-head.ts";
import { ServerExchange } from "./server-exchange.ts";
import type { ExchangeOwner, Outcome } from "./server-exchange.ts";
import type { Ticker, Ticking } from "./ticker.ts";

export interface ServerConnectionOptions {
  stream: ByteStream;
  ticker: Ticker;
  handler: RequestHandler;
  /** Bounds that differ from the usual ones. */
  limits?: Partial<ConnectionLimits>;
  /** What a visitor gets for a request that is refused before the handler sees it, or in the middle. */
  refused?: (refused: Refusal) => Answer;
  /** Told of what a handler throws; the visitor gets a 500. */
  handlerFailed?: (thrown: unknown) => void;
  /**
   * For a stream that carries exactly one request: called in place of reading on or closing, when the
   * exchange is whole or its request was refused and answered. The stream is its owner's from then on.
   */
  finished?: (after: After) => void;
  /** The stream's events belong to `heir` from this call on; without it no handler gets the stream. */
  handedOver?: (heir: ByteStreamEvents) => void;
}

type State = "idle" | "head" | "exchange" | "lingering" | "done";

const NEVER = Infinity;
/** Complete from the start and never reset: most requests have no body, and a stream serves just one. */
const BODYLESS = new BodyTracker();

export class ServerConnection implements ByteStreamEvents, ExchangeOwner, Ticking {
  readonly stream: ByteStream;
  readonly ticker: Ticker;
  readonly limits: ConnectionLimits;
  /** The shared one until a request brings a body. */
  tracker = BODYLESS;
  tickerSlot = -1;
  readonly #options: ServerConnectionOptions;
  #ownTracker: BodyTracker | undefined;
  readonly #cursor = new HeadCursor();
  #state: State = "idle";
  #exchange: ServerExchange | undefined;
  /** The beginning of a head. */
  #partial: Uint8Array | undefined;
  /** What came too early: a next request, or a body that is held back. */
  #held: Uint8Array | undefined;
  #feeding = false;
  /** What a stream delivered while earlier bytes were still being handed out. */
  #late: Uint8Array | undefined;
  #streamPaused = false;
  #shutDown = false;
  #ended = false;
  #retiring = false;
  #deadline: number;
  /** The end of our last answer, when the stream didn't take it whole. */
  #unsent: Uint8Array | undefined;
  #lingerLeft = 0;
  /** Whose the stream is, until what had come already is passed on. */
  #heir: ByteStreamEvents | undefined;

  constructor(options: ServerConnectionOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.ticker = options.ticker;
    this.limits =
      options.limits === undefined ? CONNECTION_LIMITS : { ...CONNECTION_LIMITS, ...options.limits };
    this.ticker.add(this);
    this.#deadline = this.ticker.now + this.limits.idleTimeoutMs;
  }

  /** Serves no further request: closes now if none is being served, else after it. */
  retire(): void {
    this.#retiring = true;
    if (this.#state === "idle") this.#closeGently();
  }

  /** A request has begun and its response is not whole; what was upgraded is no request any more. */
  get serving(): boolean {
    return this.#state === "head" || (this.#exchange !== undefined && !this.#exchange.upgraded);
  }

  get persists(): boolean {
    // A visitor that half-closed may have pipelined more before.
    return !this.#retiring && !(this.#ended && this.#held === undefined);
  }

  // The stream's events.

  data(bytes: Uint8Array): void {
    if (this.#state === "done") return;
    if (this.#state === "lingering") return this.#discard(bytes.length);
    if (this.#feeding) this.#late = joined(this.#late, bytes);
    else if (this.#held === undefined) this.#feed(bytes);
    else this.#hold(bytes);
  }

  drain(): void {
    if (this.#state === "exchange") return this.#exchange?.drain();
    if (this.#state !== "lingering" || this.#unsent === undefined) return;
    this.#send(this.#unsent);
  }

  end(): void {
    if (this.#ended || this.#state === "done") return;
    this.#ended = true;
    if (this.#held === undefined && !this.#feeding) this.#inputEnded();
  }

  close(): void {
    const exchange = this.#exchange;
    this.#done();
    exchange?.gone();
  }

  tick(now: number): void {
    if (this.#state === "exchange") this.#exchange?.tick(now);
    if (now < this.#deadline) return;
    if (this.#state === "idle") this.#closeGently();
    else if (this.#state === "head") this.#refuse(refusal("head_too_slow"));
    else if (this.#state === "lingering") this.#cut();
  }

  // The exchange's side.

  exchangeOver(outcome: Outcome): void {
    this.#exchange = undefined;
    if (this.#state !== "exchange") return;
    switch (outcome.kind) {
      case "cut":
        return this.#cut();
      case "refused":
        return this.#refuse(refusal(outcome.reason));
      case "whole":
        return this.#exchangeWhole(outcome.after);
    }
  }

  inputWanted(): void {
    // While bytes are being handed out, whoever hands them out sees the change by itself.
    if (this.#feeding) return;
    const held = this.#held ?? NO_BYTES;
    this.#held = undefined;
    this.#feed(held);
  }

  inputUnwanted(): void {
    this.#pauseStream();
  }

  handOver(heir: ByteStreamEvents): boolean {
    if (this.#options.handedOver === undefined || this.#state !== "exchange") return false;
    const held = this.#held ?? NO_BYTES;
    this.#done();
    this.#heir = heir;
    this.#options.handedOver(heir);
    if (!this.#feeding) this.#passOn(held);
    return true;
  }

  shutdownOutput(): void {
    if (this.#shutDown) return;
    this.#shutDown = true;
    this.stream.shutdown();
  }

  // Input.

  /** Gives bytes to whom they belong, request after request, and holds what nobody takes yet. */
  #feed(bytes: Uint8Array): void {
    this.#feeding = true;
    let rest = bytes;
    for (;;) {
      const taken = rest.length === 0 ? 0 : this.#take(rest);
      if (taken > 0) rest = taken === rest.length ? NO_BYTES : rest.subarray(taken);
      if (this.#late !== undefined) {
        rest = joined(rest, this.#late);
        this.#late = undefined;
      } else if (taken === 0) break;
    }
    this.#feeding = false;
    if (this.#state === "done") return this.#passOn(rest);
    if (this.#state === "lingering") return this.#discard(rest.length);
    if (rest.length > 0) return this.#hold(rest);
    if (this.#ended) this.#inputEnded();
    // Last, because a stream may deliver at once.
    if (this.#exchange?.paused !== true) this.#resumeStream();
  }

  /** To the heir, if there is one. The stream resumes last, because it may deliver at once. */
  #passOn(rest: Uint8Array): void {
    const heir = this.#heir;
    if (heir === undefined) return;
    this.#heir = undefined;
    if (rest.length > 0) heir.data(rest);
    if (this.#ended) heir.end();
    this.#resumeStream();
  }

  #take(bytes: Uint8Array): number {
    switch (this.#state) {
      case "idle":
        this.#cursor.reset();
        this.#state = "head";
        this.#deadline = this.ticker.now + this.limits.headTimeoutMs;
        return this.#takeHead(bytes);
      case "head":
        return this.#takeHead(bytes);
      case "exchange":
        return this.#feedExchange(bytes);
      case "lingering":
      case "done":
        return 0;
    }
  }

  #feedExchange(bytes: Uint8Array): number {
    const exchange = this.#exchange;
    if (exchange === undefined) return 0;
    try {
      return exchange.feed(bytes);
    } catch (thrown) {
      this.#options.handlerFailed?.(thrown);
      exchange.abort();
      return 0;
    }
  }

  /** Bytes taken of `bytes`, which continue `#partial`. */
  #takeHead(bytes: Uint8Array): number {
    const before = this.#partial?.length ?? 0;
    const whole = this.#partial === undefined ? bytes : Buffer.concat([this.#partial, bytes]);
    const parsed = parseRequestHead(whole, this.#cursor);
    switch (parsed.kind) {
      case "more":
        // Nobody else holds the joined bytes; those of the stream are only lent.
        this.#partial = before === 0 ? bytes.slice() : whole;
        return bytes.length;
      case "refused":
        this.#refuse(parsed);
        return 0;
      case "request":
        this.#partial = undefined;
        this.#begin(parsed);
        // A head is never complete without bytes that are new.
        return parsed.headBytes - before;
    }
  }

  #begin(request: RequestHead): void {
    this.#state = "exchange";
    this.#deadline = NEVER;
    if (request.framing.kind === "none") this.tracker = BODYLESS;
    else (this.tracker = this.#ownTracker ??= new BodyTracker()).reset(request.framing);
    const exchange = new ServerExchange(this, request);
    this.#exchange = exchange;
    try {
      exchange.receive(this.#options.handler(request, exchange));
    } catch (thrown) {
      this.#options.handlerFailed?.(thrown);
      if (exchange.started) exchange.abort();
      else exchange.respond({ status: 500, body: "internal error\n", after: "close" });
    }
  }

  #hold(bytes: Uint8Array): void {
    this.#held = joined(this.#held, bytes);
    const exchange = this.#exchange;
    if (exchange?.awaitsUpgrade !== true) return this.#pauseStream();
    // Not paused here: a visitor that leaves while the app makes up its mind should be noticed.
    if (this.#held.length > UPGRADE_HOLD_BYTES) exchange.fail("upgrade_bytes_too_many");
  }

  #inputEnded(): void {
    if (this.#state === "exchange") this.#exchange?.visitorEnd();
    else if (this.#state === "idle" || this.#state === "head") this.#closeGently();
  }

  // Between requests, and the end.

  #exchangeWhole(after: After): void {
    if (this.#options.finished !== undefined) {
      this.#done();
      this.#options.finished(after);
      return;
    }
    const tooMuchHeld = (this.#held?.length ?? 0) > this.limits.pipelineMaxBytes;
    if (after === "close" || this.#retiring || tooMuchHeld) return this.#closeGently();
    this.#state = "idle";
    this.#deadline = this.ticker.now + this.limits.idleTimeoutMs;
    this.inputWanted();
  }

  #refuse(refused: Refusal): void {
    const answer = this.#options.refused?.(refused) ?? refusalAnswer(refused);
    this.#unsent = undefined;
    this.#send(serializeAnswer(answer, { method: "GET", after: "close" }));
  }

  /** The last thing a visitor gets. */
  #send(bytes: Uint8Array): void {
    const taken = this.stream.write(bytes);
    const sent = taken < 0 || taken === bytes.length;
    this.#unsent = sent ? undefined : bytes.slice(taken);
    if (this.#options.finished !== undefined && sent) {
      this.#done();
      this.#options.finished("close");
      return;
    }
    this.#closeGently();
  }

  /**
   * Ends our direction and reads on for a while. Closing at once would make the kernel answer the bytes
   * still under way with a reset, and the visitor could lose the answer (RFC 9112, 9.6).
   */
  #closeGently(): void {
    if (this.#state === "done") return;
    if (this.#state !== "lingering") {
      this.#state = "lingering";
      this.#deadline = this.ticker.now + this.limits.lingerTimeoutMs;
      this.#lingerLeft = this.limits.lingerMaxBytes;
      this.#partial = undefined;
      this.#held = undefined;
      this.#resumeStream();
    }
    if (this.#unsent === undefined) this.shutdownOutput();
  }

  #discard(length: number): void {
    this.#lingerLeft -= length;
    if (this.#lingerLeft < 0) this.#cut();
  }

  #cut(): void {
    this.#done();
    this.stream.close();
  }

  #done(): void {
    this.#state = "done";
    this.#deadline = NEVER;
    this.#exchange = undefined;
    this.#partial = undefined;
    this.#held = undefined;
    this.#unsent = undefined;
    this.ticker.delete(this);
  }

  #pauseStream(): void {
    if (this.#streamPaused) return;
    this.#streamPaused = true;
    this.stream.pause();
  }

  #resumeStream(): void {
    if (!this.#streamPaused) return;
    this.#streamPaused = false;
    this.stream.resume();
  }
}

const NO_BYTES = new Uint8Array(0);

/** A copy that is ours: the stream's bytes are only lent. */
function joined(before: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  return before === undefined ? bytes.slice() : Buffer.concat([before, bytes]);
}
