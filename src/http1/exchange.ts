// The seam between a visitor's connection and whoever answers: one request and its response.
//
//   handler(request, exchange) → events      who is told of the request's body and of the visitor's going
//   exchange.write(bytes) … finish(after)    the response, its head included, as bytes
//
// An exchange outlives nothing: once finished, aborted or cut, every call on it is harmless and does
// nothing, so an answer that comes late can never land in the next request of the same connection.

import type { ByteStreamEvents } from "../world/world.ts";
import type { Answer } from "./answer.ts";
import type { RefusalReason } from "./refusal.ts";
import type { RequestHead } from "./request-head.ts";

/** Why an exchange ended before its response was finished. */
export type AbortReason =
  /** The visitor's connection is closed. */
  | "gone"
  /** The visitor stopped reading the response for too long. */
  | "stalled"
  /** The visitor broke the protocol, or sent its body too slowly or not whole. */
  | RefusalReason;

/** What becomes of the connection once the response is written. */
export type After = "keep-alive" | "close";

export interface ExchangeEvents {
  /**
   * Bytes of the request body as they are on the wire, chunk framing included; after `upgrade()` the raw
   * bytes. Valid only during the call: copy what is kept, and pause when it can't be passed on.
   */
  body(bytes: Uint8Array): void;
  /** The body is whole. Not called for a request without one. */
  bodyEnd(): void;
  /** After a short `write`: there is room again. */
  writable(): void;
  /** After `upgrade()`: the visitor sends no more. */
  rawEnd(): void;
  /** Over before its end; nothing more is called. The visitor has been or will be answered if it can be. */
  aborted(reason: AbortReason): void;
}

export interface Exchange {
  readonly request: RequestHead;
  /** Whether a byte of the response was written: from then on an error can only be told by `abort`. */
  readonly started: boolean;
  /** Whether the connection could stay open after the response: what its `Connection` field should say. */
  readonly keepAlive: boolean;
  /** Replaces who is told of events; for a handler that decides only later who answers. */
  receive(events: ExchangeEvents): void;
  /** Response bytes, head first. Returns as `ByteStream.write`: bytes taken, or -1 when it is over. */
  write(bytes: Uint8Array): number;
  /**
   * The response is complete, and every byte of it was taken. "close" when its end is told by closing. What is left of the request body
   * is read and thrown away if it is short; otherwise the connection closes.
   */
  finish(after: After): void;
  /** A whole answer of our own, in place of `write` and `finish`. Does nothing once `started`. */
  respond(answer: Answer): void;
  /** From now on raw bytes both ways. Only for a request with `upgrade`; before or after writing the 101. */
  upgrade(): void;
  /**
   * In place of `upgrade()`: the stream itself goes to `heir`, with what came behind the head, and nothing of
   * HTTP stays under it. Returns false where it can't be had: no upgrade was asked for, or all is over.
   */
  handOver(heir: ByteStreamEvents): boolean;
  /** After `upgrade()`: no more bytes from this side. */
  shutdown(): void;
  /** Cuts the connection, as the sign that a response is broken off. */
  abort(): void;
  /** Holds the body back, from the next call of `body` on. */
  pauseBody(): void;
  resumeBody(): void;
}

/** Is told of each request; what it returns is told of the rest. */
export type RequestHandler = (request: RequestHead, exchange: Exchange) => ExchangeEvents;

/** For a handler that has answered and wants to hear no more. */
export const NOBODY: ExchangeEvents = {
  body() {},
  bodyEnd() {},
  writable() {},
  rawEnd() {},
  aborted() {},
};
