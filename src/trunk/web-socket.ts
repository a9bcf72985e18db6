// The same frames over a WebSocket: a text message is one MSG, a binary message a sequence of whole frames.
// Browsers, the client library, and agents behind boxes that let nothing else through use it; hub and
// client run this one file.
//
// Give it as `stream` to a Trunk, `attach` the trunk's `wire`, and tell it what the WebSocket's own handlers
// hear. It takes a batch whole or not at all, so a frame is never cut by a message.

import { MusterError, type ErrorCode } from "../protocol/errors.ts";
import { FRAME_HEADER_BYTES, PROVEN_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import type { ByteStreamEvents, Timer, Timers } from "../world/world.ts";
import { webSocketCode, type CloseCode } from "./closing.ts";
import { encodeFrame, FRAME, readU32 } from "./frame.ts";
import { cutMessage } from "./messages.ts";
import type { Wire } from "./outbox.ts";

/** What both a browser's WebSocket and a server's have. */
export interface WebSocketLike {
  /** Must not keep the bytes. A server's returns a number: 0 says dropped, -1 that it is full. */
  send(data: string | Uint8Array<ArrayBuffer>): unknown;
  /** Bytes taken by `send` and not yet sent. Where it is missing the owner calls `drained`. */
  readonly bufferedAmount?: number;
  close(code?: number, reason?: string): void;
  /** Ends it without a handshake, where there is such a thing. */
  terminate?(): void;
}

/** Above this much unsent, nothing more is taken; below a quarter of it, the trunk goes on. */
export const BUFFERED_MAX_BYTES = 1024 * 1024;
/** A client's WebSocket does not tell when it has room again: it is asked this often. */
const POLL_MS = 5;

export class WebSocketWire implements Wire {
  readonly #socket: WebSocketLike;
  readonly #timers: Timers;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #events: ByteStreamEvents | undefined;
  /** What has been decoded of a message that is being sent in pieces. */
  #text = "";
  #full = false;
  #poll: Timer | undefined;
  #state: "open" | "shut" | "closed" = "open";

  constructor(socket: WebSocketLike, timers: Timers) {
    this.#socket = socket;
    this.#timers = timers;
  }

  attach(events: ByteStreamEvents): void {
    this.#events = events;
  }

  // What the trunk calls.

  /** `frames` are whole frames; all of them are taken, or none. */
  write(frames: Uint8Array): number {
    if (this.#state !== "open") return -1;
    if (this.#full || (this.#socket.bufferedAmount ?? 0) > BUFFERED_MAX_BYTES) {
      this.#waitForRoom();
      return 0;
    }
    let binaryFrom = 0;
    let at = 0;
    while (at < frames.length) {
      const end = frameEnd(frames, at);
      if (frameType(frames, at) === FRAME.message) {
        this.#sendBinary(frames.subarray(binaryFrom, at));
        const more = readU32(frames, at) === 1;
        this.#sendPiece(more, frames.subarray(at + FRAME_HEADER_BYTES, end));
        binaryFrom = end;
      }
      at = end;
    }
    this.#sendBinary(frames.subarray(binaryFrom));
    return frames.length;
  }

  /** A WebSocket has no half-close: it ends, once what was taken has been sent. */
  shutdown(code: CloseCode = "done"): void {
    if (this.#state !== "open") return;
    this.#state = "shut";
    this.#socket.close(webSocketCode(code));
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#poll?.cancel();
    if (this.#socket.terminate !== undefined) this.#socket.terminate();
    else this.#socket.close(webSocketCode("done"));
  }

  // What the owner of the WebSocket calls.

  message(data: string | ArrayBuffer | Uint8Array): void {
    if (this.#state === "closed") return;
    if (typeof data === "string") return this.#receiveText(data);
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    if (areWholeFrames(bytes)) this.#events?.data(bytes);
    else this.#refuse("protocol_error", "a binary message that is not a sequence of whole frames");
  }

  /** A server's WebSocket has room again. */
  drained(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#events?.drain();
  }

  closed(error?: Error): void {
    this.#state = "closed";
    this.#poll?.cancel();
    const events = this.#events;
    this.#events = undefined;
    events?.close(error);
  }

  #sendBinary(frames: Uint8Array): void {
    if (frames.length > 0) this.#send(onOwnBuffer(frames));
  }

  #sendPiece(more: boolean, bytes: Uint8Array): void {
    this.#text += this.#decoder.decode(bytes, { stream: more });
    if (more) return;
    this.#send(this.#text);
    this.#text = "";
  }

  #send(data: string | Uint8Array<ArrayBuffer>): void {
    const result = this.#socket.send(data);
    if (result === -1) this.#full = true;
    // Dropped: the far side would miss frames. Nothing can be saved.
    if (result === 0) this.close();
  }

  #receiveText(text: string): void {
    // A character is at least one byte; what is longer than this in characters need not be encoded.
    if (text.length > PROVEN_MESSAGE_MAX_BYTES)
      return this.#refuse("too_large", "a text message that is too large");
    cutMessage(this.#encoder.encode(text), (more, piece) => {
      this.#events?.data(encodeFrame(FRAME.message, more ? 1 : 0, piece));
    });
  }

  #refuse(code: ErrorCode, what: string): void {
    this.#socket.close(webSocketCode(code), what);
    this.closed(new MusterError(code, `the far side sent ${what}`));
  }

  #waitForRoom(): void {
    this.#full = true;
    if (this.#socket.bufferedAmount === undefined || this.#poll !== undefined) return;
    this.#poll = this.#timers.after(POLL_MS, () => {
      this.#poll = undefined;
      if (this.#state !== "open") return;
      if ((this.#socket.bufferedAmount ?? 0) > BUFFERED_MAX_BYTES / 4) this.#waitForRoom();
      else this.drained();
    });
  }
}

function frameType(bytes: Uint8Array, at: number): number | undefined {
  return bytes[at + 4];
}

function frameEnd(bytes: Uint8Array, at: number): number {
  return at + FRAME_HEADER_BYTES + (readU32(bytes, at + 4) & 0xff_ff_ff);
}

function areWholeFrames(bytes: Uint8Array): boolean {
  let at = 0;
  while (at + FRAME_HEADER_BYTES <= bytes.length) at = frameEnd(bytes, at);
  return at === bytes.length;
}

/** WebSockets refuse shared memory; a batch never lies in it, but only a look can tell the type checker. */
function onOwnBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer, bytes.byteOffset, bytes.length);
  return new Uint8Array(bytes);
}
