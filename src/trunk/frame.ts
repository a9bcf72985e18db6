// The frame: `u32 stream | u8 type | u24 length | payload`, big endian. This file is the whole of what two
// ends of a trunk say to each other below the level of messages.
//
// The decoder is pushed whatever the connection brings. It hands on the payload of DATA as it arrives,
// never reassembled; every other payload is small, bounded by its type, and handed on whole. What breaks
// the form is told once as `broken`, and nothing after it is looked at.

import { someBytes } from "../protocol/bytes.ts";
import { DATA_MAX_BYTES, FIN_MAX_BYTES, FRAME_HEADER_BYTES, OPEN_MAX_BYTES } from "../protocol/limits.ts";

export const FRAME = {
  /** Begins a stream; the payload says what it is for. */
  open: 1,
  data: 2,
  /** Credit: u32 further bytes may be sent on this stream. */
  window: 3,
  /** An out-of-band mark on a stream; it overtakes bytes that wait for a paused reader. */
  flag: 4,
  /** No more bytes from this side; the payload is the stream's last word. */
  finish: 5,
  /** The stream is dropped in both directions: u16 code. */
  reset: 6,
  /** 8 bytes that come back as PONG. */
  ping: 7,
  pong: 8,
  /** A piece of a message. The stream field is 1 when more pieces follow, 0 on the last. */
  message: 9,
  /** `code reason` in UTF-8. Code "drain": open no more streams. Any other: the trunk is over. */
  goaway: 10,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Reset codes of the trunk itself. From 16 up they belong to whoever uses the stream. */
export const RESET = {
  /** Its owner closed it. */
  cancelled: 0,
  /** Its owner failed. */
  internal: 1,
  /** Never looked at: too many streams, or the trunk is draining. Safe to open again elsewhere. */
  refused: 2,
} as const;

export const FLAG_MAX_BYTES = 256;
export const GOAWAY_MAX_BYTES = 512;
export const PING_BYTES = 8;

export const NO_BYTES = new Uint8Array(0);

interface PayloadRule {
  type: FrameType;
  minBytes: number;
  maxBytes: number;
  /** Highest stream field; the lowest is 0 for frames of the trunk and 1 for frames of a stream. */
  ofStream: boolean;
}

const RULES: readonly (PayloadRule | undefined)[] = [
  undefined,
  { type: FRAME.open, minBytes: 0, maxBytes: OPEN_MAX_BYTES, ofStream: true },
  // An empty DATA would cost its receiver work and its sender no credit.
  { type: FRAME.data, minBytes: 1, maxBytes: DATA_MAX_BYTES, ofStream: true },
  { type: FRAME.window, minBytes: 4, maxBytes: 4, ofStream: true },
  { type: FRAME.flag, minBytes: 0, maxBytes: FLAG_MAX_BYTES, ofStream: true },
  { type: FRAME.finish, minBytes: 0, maxBytes: FIN_MAX_BYTES, ofStream: true },
  { type: FRAME.reset, minBytes: 2, maxBytes: 2, ofStream: true },
  { type: FRAME.ping, minBytes: PING_BYTES, maxBytes: PING_BYTES, ofStream: false },
  { type: FRAME.pong, minBytes: PING_BYTES, maxBytes: PING_BYTES, ofStream: false },
  { type: FRAME.message, minBytes: 0, maxBytes: DATA_MAX_BYTES, ofStream: false },
  { type: FRAME.goaway, minBytes: 0, maxBytes: GOAWAY_MAX_BYTES, ofStream: false },
];

export interface FrameHandler {
  /** Some payload of a DATA frame. The bytes are only valid during the call. */
  data(stream: number, bytes: Uint8Array): void;
  /** Any other frame, whole. The payload is only valid during the call. */
  control(type: FrameType, stream: number, payload: Uint8Array): void;
  /** The far side broke the form. Nothing more is called. */
  broken(message: string): void;
}

export class FrameDecoder {
  readonly #handler: FrameHandler;
  #stopped = false;
  #frames = 0;
  /** The frame whose payload is being read; undefined while a header is. */
  #rule: PayloadRule | undefined;
  #stream = 0;
  /** Payload bytes of this frame that have not come yet. */
  #missing = 0;
  /** A header, or a small payload, that came in parts. */
  #part: Uint8Array | undefined;
  #partFill = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  get frames(): number {
    return this.#frames;
  }

  /** Hands on nothing more, even out of the bytes that are being pushed now. */
  stop(): void {
    this.#stopped = true;
    this.#part = undefined;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#stopped) {
      const rule = this.#rule;
      if (rule === undefined) at = this.#header(bytes, at);
      else if (rule.type === FRAME.data) at = this.#data(bytes, at);
      else at = this.#control(rule, bytes, at);
    }
  }

  #header(bytes: Uint8Array, at: number): number {
    if (this.#part === undefined && bytes.length - at >= FRAME_HEADER_BYTES) {
      this.#begin(bytes, at);
      return at + FRAME_HEADER_BYTES;
    }
    const next = this.#collect(FRAME_HEADER_BYTES, bytes, at);
    const whole = this.#takePart(FRAME_HEADER_BYTES);
    if (whole !== undefined) this.#begin(whole, 0);
    return next;
  }

  #begin(bytes: Uint8Array, at: number): void {
    const stream = readU32(bytes, at);
    const typeAndLength = readU32(bytes, at + 4);
    const type = typeAndLength >>> 24;
    const length = typeAndLength & 0xff_ff_ff;
    const rule = RULES[type];
    if (rule === undefined) return this.#broken(`unknown frame type ${type}`);
    if (length < rule.minBytes || length > rule.maxBytes) {
      return this.#broken(`frame of type ${type} with ${length} bytes`);
    }
    const streamFits = rule.ofStream ? stream > 0 : stream === 0 || (type === FRAME.message && stream === 1);
    if (!streamFits) return this.#broken(`frame of type ${type} on stream ${stream}`);
    this.#frames += 1;
    this.#stream = stream;
    if (length === 0) return this.#handler.control(rule.type, stream, NO_BYTES);
    this.#rule = rule;
    this.#missing = length;
  }

  #data(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#missing);
    this.#missing -= end - at;
    if (this.#missing === 0) this.#rule = undefined;
    this.#handler.data(this.#stream, someBytes(bytes, at, end));
    return end;
  }

  #control(rule: PayloadRule, bytes: Uint8Array, at: number): number {
    const length = this.#missing;
    if (this.#part === undefined && bytes.length - at >= length) {
      this.#rule = undefined;
      this.#handler.control(rule.type, this.#stream, someBytes(bytes, at, at + length));
      return at + length;
    }
    const next = this.#collect(length, bytes, at);
    const whole = this.#takePart(length);
    if (whole !== undefined) {
      this.#rule = undefined;
      this.#handler.control(rule.type, this.#stream, whole);
    }
    return next;
  }

  #collect(length: number, bytes: Uint8Array, at: number): number {
    this.#part ??= new Uint8Array(length);
    const end = Math.min(bytes.length, at + length - this.#partFill);
    this.#part.set(bytes.subarray(at, end), this.#partFill);
    this.#partFill += end - at;
    return end;
  }

  #takePart(length: number): Uint8Array | undefined {
    if (this.#partFill < length) return undefined;
    const whole = this.#part;
    this.#part = undefined;
    this.#partFill = 0;
    return whole;
  }

  #broken(message: string): void {
    this.stop();
    this.#handler.broken(message);
  }
}

export function writeHeader(
  target: Uint8Array,
  at: number,
  head: { stream: number; type: number; length: number },
): void {
  writeU32(target, at, head.stream);
  writeU32(target, at + 4, (head.type << 24) | head.length);
}

export function encodeFrame(type: number, stream: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeHeader(frame, 0, { stream, type, length: payload.length });
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** A position out of range reads as 0; callers have checked the length. */
export function readU32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return ((high << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

export function writeU32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}
