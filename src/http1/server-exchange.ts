// One exchange at work: follows the request body, passes the response, and tells its connection when it is
// over and whether the connection may be used again. While it lasts, the stream's output belongs to it.

import type { ByteStream, ByteStreamEvents } from "../world/world.ts";
import { serializeAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { BodyTracker } from "./body-framing.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import { NOBODY } from "./exchange.ts";
import type { AbortReason, After, Exchange, ExchangeEvents } from "./exchange.ts";
import type { RefusalReason } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";
import type { Ticker } from "./ticker.ts";

export type Outcome =
  /** Both messages are whole: the next request may come, if the connection is kept at all. */
  | { kind: "whole"; after: After }
  /** The visitor is to be told and then cut off; nothing of a response was written. */
  | { kind: "refused"; reason: RefusalReason }
  /** The response is broken off, or there is nobody left to tell. */
  | { kind: "cut" };

export interface ExchangeOwner {
  readonly stream: ByteStream;
  readonly ticker: Ticker;
  readonly limits: ConnectionLimits;
  /** Reset for this request's body. */
  readonly tracker: BodyTracker;
  /** Whether this may not be the connection's last exchange. */
  readonly persists: boolean;
  exchangeOver(outcome: Outcome): void;
  /** Gives the stream away. False where it is not the connection's to give. */
  handOver(heir: ByteStreamEvents): boolean;
  /** Half-closes towards the visitor. */
  shutdownOutput(): void;
  /** The exchange takes input again. */
  inputWanted(): void;
  inputUnwanted(): void;
}

const NEVER = Infinity;
/** Who did not ask for it passes over it (RFC 9110, 15.2.1); every client of HTTP/1.1 knows this one. */
const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

type Phase =
  /** Before the response is finished. */
  | "open"
  | "upgraded"
  /** An answer of our own is written; its end waits in the stream's way. */
  | "answering"
  /** The response is finished; a short rest of the request body is thrown away. */
  | "draining"
  | "over";

export class ServerExchange implements Exchange {
  readonly request: RequestHead;
  readonly #owner: ExchangeOwner;
  #phase: Phase = "open";
  #events: ExchangeEvents = NOBODY;
  #started = false;
  #paused = false;
  #visitorEnded = false;
  #shutDown = false;
  #after: After = "close";
  /** What the stream has not yet taken of our own answer. */
  #unsent: Uint8Array | undefined;
  /** The same of an interim response. */
  #interim: Uint8Array | undefined;
  #bodyArrived = false;
  #drainLeft: number;
  #bodyDeadline: number;
  #writeDeadline = NEVER;
  #probeAt = NEVER;

  constructor(owner: ExchangeOwner, request: RequestHead) {
    this.#owner = owner;
    this.request = request;
    this.#drainLeft = owner.limits.drainMaxBytes;
    this.#bodyDeadline = owner.ticker.now + owner.limits.bodyIdleTimeoutMs;
  }

  // The handler's side.

  get started(): boolean {
    return this.#started;
  }

  get keepAlive(): boolean {
    return this.request.keepAlive && this.#owner.persists && !this.#visitorEnded;
  }

  receive(events: ExchangeEvents): void {
    if (this.#phase === "open" || this.#phase === "upgraded") this.#events = events;
  }

  write(bytes: Uint8Array): number {
    if (this.#phase !== "open" && this.#phase !== "upgraded") return -1;
    if (this.#shutDown) return -1;
    this.#started = true;
    const taken = this.#flushInterim() ? this.#owner.stream.write(bytes) : 0;
    if (taken < bytes.length) this.#armStall();
    else if (this.#visitorEnded) this.#armHalfClosed();
    return taken;
  }

  finish(after: After): void {
    if (this.#phase === "upgraded") this.shutdown();
    if (this.#phase !== "open") return;
    this.#after = this.keepAlive ? after : "close";
    this.#settle();
  }

  respond(answer: Answer): void {
    if (this.#phase !== "open" || this.#started) return;
    const after = answer.after === "close" || !this.keepAlive || !this.#canDrain() ? "close" : "keep-alive";
    const whole = serializeAnswer(answer, { method: this.request.method, after });
    const bytes = this.#interim === undefined ? whole : Buffer.concat([this.#interim, whole]);
    this.#interim = undefined;
    this.#started = true;
    this.#after = after;
    const taken = this.#owner.stream.write(bytes);
    if (taken < 0 || taken === bytes.length) return this.#settle();
    this.#phase = "answering";
    this.#unsent = bytes.subarray(taken);
    this.#armStall();
  }

  upgrade(): void {
    if (this.#phase !== "open" || this.request.upgrade === undefined) return;
    this.#phase = "upgraded";
    this.#bodyDeadline = NEVER;
    this.#writeDeadline = NEVER;
    this.#owner.inputWanted();
    if (this.#visitorEnded) this.#events.rawEnd();
  }

  handOver(heir: ByteStreamEvents): boolean {
    if (this.#phase !== "open" || this.request.upgrade === undefined) return false;
    if (!this.#owner.handOver(heir)) return false;
    this.#phase = "over";
    this.#events = NOBODY;
    return true;
  }

  shutdown(): void {
    if (this.#phase !== "upgraded" || this.#shutDown) return;
    this.#shutDown = true;
    if (this.#visitorEnded) this.#end({ kind: "whole", after: "close" });
    else this.#owner.shutdownOutput();
  }

  abort(): void {
    if (this.#phase !== "over") this.#end({ kind: "cut" });
  }

  pauseBody(): void {
    if (this.#paused || (this.#phase !== "open" && this.#phase !== "upgraded")) return;
    this.#paused = true;
    // A visitor that we hold back is not slow.
    this.#bodyDeadline = NEVER;
    this.#owner.inputUnwanted();
  }

  resumeBody(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#bodyDeadline = this.#owner.ticker.now + this.#owner.limits.bodyIdleTimeoutMs;
    this.#owner.inputWanted();
  }

  // The connection's side.

  get over(): boolean {
    return this.#phase === "over";
  }

  get upgraded(): boolean {
    return this.#phase === "upgraded";
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Bytes that come now belong to the new protocol, if the app agrees to it. */
  get awaitsUpgrade(): boolean {
    return this.#phase === "open" && this.request.upgrade !== undefined;
  }

  /** Takes what belongs to this exchange; the rest is for later. */
  feed(bytes: Uint8Array): number {
    if (this.#phase === "over" || this.#paused) return 0;
    if (this.#phase === "upgraded") {
      this.#events.body(bytes);
      return bytes.length;
    }
    const { tracker, ticker, limits } = this.#owner;
    if (tracker.complete) return 0;
    const taken = tracker.consume(bytes);
    if (taken < 0) {
      this.fail(tracker.problem ?? "bad_chunk");
      return 0;
    }
    this.#bodyArrived = true;
    this.#bodyDeadline = ticker.now + limits.bodyIdleTimeoutMs;
    if (this.#phase === "open") this.#passBody(taken === bytes.length ? bytes : bytes.subarray(0, taken));
    else this.#drainBody(taken);
    return taken;
  }

  /** The stream has room again. */
  drain(): void {
    this.#writeDeadline = NEVER;
    if (this.#visitorEnded) this.#armHalfClosed();
    if (!this.#flushInterim()) return;
    if (this.#phase === "open" || this.#phase === "upgraded") return this.#events.writable();
    if (this.#phase !== "answering" || this.#unsent === undefined) return;
    const taken = this.#owner.stream.write(this.#unsent);
    if (taken >= 0 && taken < this.#unsent.length) {
      this.#unsent = this.#unsent.subarray(taken);
      this.#armStall();
      return;
    }
    this.#unsent = undefined;
    this.#settle();
  }

  /** The visitor sends no more; all it had sent was fed. */
  visitorEnd(): void {
    if (this.#visitorEnded || this.#phase === "over") return;
    this.#visitorEnded = true;
    if (this.#phase === "upgraded") {
      this.#events.rawEnd();
      if (this.#shutDown) this.#end({ kind: "whole", after: "close" });
    } else if (!this.#owner.tracker.complete) {
      this.fail("body_cut");
    } else {
      this.#armHalfClosed();
      if (this.#mayProbe()) this.#probeAt = this.#owner.ticker.now + this.#owner.limits.halfClosedProbeMs;
    }
  }

  /** The stream is closed. */
  gone(): void {
    this.#cut("gone");
  }

  /** The visitor broke the protocol: told so if it still can be. */
  fail(reason: RefusalReason): void {
    if (this.#phase === "over") return;
    const events = this.#events;
    const open = this.#phase === "open" || this.#phase === "upgraded";
    this.#end(this.#started ? { kind: "cut" } : { kind: "refused", reason });
    if (open) events.aborted(reason);
  }

  tick(now: number): void {
    if (now >= this.#writeDeadline) return this.#cut("stalled");
    if (now >= this.#probeAt) this.#probe();
    const waitsForBody = (this.#phase === "open" || this.#phase === "draining") && !this.#paused;
    if (waitsForBody && now >= this.#bodyDeadline && !this.#owner.tracker.complete) {
      this.fail("body_too_slow");
    }
  }

  #armStall(): void {
    this.#writeDeadline = this.#owner.ticker.now + this.#owner.limits.responseStallTimeoutMs;
  }

  /** A visitor that half-closed may still want its answer, or be gone without a word: only writing tells. */
  #armHalfClosed(): void {
    if (this.#phase === "upgraded") return;
    this.#writeDeadline = this.#owner.ticker.now + this.#owner.limits.halfClosedTimeoutMs;
  }

  /** Once an answer has begun, or will change the protocol, nothing may come between. */
  #mayProbe(): boolean {
    const { version, upgrade } = this.request;
    return this.#phase === "open" && !this.#started && version === "1.1" && upgrade === undefined;
  }

  /** Once is enough: the system of a visitor that is gone refuses the first byte. */
  #probe(): void {
    this.#probeAt = NEVER;
    if (!this.#mayProbe()) return;
    this.#interim = CONTINUE;
    this.#flushInterim();
  }

  /** Whether none of it is left. */
  #flushInterim(): boolean {
    if (this.#interim === undefined) return true;
    const taken = this.#owner.stream.write(this.#interim);
    this.#interim = taken < 0 || taken === this.#interim.length ? undefined : this.#interim.subarray(taken);
    return this.#interim === undefined;
  }

  #passBody(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#events.body(bytes);
    // Either call may have finished or aborted the exchange.
    if (this.#owner.tracker.complete && !this.over) this.#events.bodyEnd();
  }

  #drainBody(taken: number): void {
    this.#drainLeft -= taken;
    if (this.#phase !== "draining") return;
    if (this.#owner.tracker.complete) this.#end({ kind: "whole", after: this.#after });
    else if (this.#drainLeft < 0) this.#end({ kind: "whole", after: "close" });
  }

  /** The response is written. */
  #settle(): void {
    this.#writeDeadline = NEVER;
    if (this.#owner.tracker.complete) return this.#end({ kind: "whole", after: this.#after });
    if (this.#after === "close" || !this.#canDrain()) return this.#end({ kind: "whole", after: "close" });
    this.#phase = "draining";
    this.#events = NOBODY;
    this.#paused = false;
    this.#bodyDeadline = this.#owner.ticker.now + this.#owner.limits.bodyIdleTimeoutMs;
    this.#owner.inputWanted();
  }

  /** Whether the rest of the request body is worth reading for the sake of the connection. */
  #canDrain(): boolean {
    const { tracker } = this.#owner;
    if (tracker.complete) return true;
    // A visitor that waits for "100 Continue" may never send its body now.
    if (this.request.expectContinue && !this.#bodyArrived) return false;
    return tracker.remainingLength <= this.#drainLeft && this.#drainLeft > 0;
  }

  #cut(reason: AbortReason): void {
    if (this.#phase === "over") return;
    const events = this.#events;
    const open = this.#phase === "open" || this.#phase === "upgraded";
    this.#end({ kind: "cut" });
    if (open) events.aborted(reason);
  }

  #end(outcome: Outcome): void {
    this.#phase = "over";
    this.#events = NOBODY;
    this.#unsent = undefined;
    this.#owner.exchangeOver(outcome);
  }
}
