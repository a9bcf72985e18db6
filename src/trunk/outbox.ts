// What a trunk has to send: the frames of all streams, appended to one buffer and handed to the connection
// in one write. Buffers come from a pool shared by all trunks and go back once they are sent, so an idle
// trunk holds none.
//
// The rule: a frame never spans two buffers, and data is refused while the connection is slow (`blocked`).
// Control frames are always taken, up to a bound; beyond it the far side is not reading and the outbox has
// failed.

import { DATA_MAX_BYTES, FRAME_HEADER_BYTES } from "../protocol/limits.ts";
import type { ByteStream } from "../world/world.ts";
import type { CloseCode } from "./closing.ts";
import { FRAME, writeHeader } from "./frame.ts";

/** The connection under a trunk. A trunk never pauses it: credit bounds what comes. */
export interface Wire extends Pick<ByteStream, "write" | "close"> {
  /** Ends this side's direction. A wire that can say why, does. */
  shutdown(code?: CloseCode): void;
}

/** A batch this large is sent at once; waiting for more would not make it cheaper. */
const FLUSH_AT_BYTES = 64 * 1024;
/** Control frames that may wait for a far side which does not read. */
export const CONTROL_MAX_BYTES = 4 * 1024 * 1024;

interface OutBuffer {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
}

/** What a batch lies in, and how much of it is kept for reuse: at most 7 MiB. */
interface Size {
  readonly bytes: number;
  readonly kept: number;
  readonly free: OutBuffer[];
}

const LARGE: Size = { bytes: 128 * 1024, kept: 32, free: [] };
/**
 * A batch begins in the least that holds it: a ping, a question or an entry to thousands of trunks in one turn must not
 * take a large buffer each.
 */
const SIZES: readonly Size[] = [
  { bytes: 1024, kept: 1024, free: [] },
  { bytes: 8 * 1024, kept: 256, free: [] },
  LARGE,
];

export class Outbox {
  readonly #wire: Wire;
  /** In order; only the last is appended to. Empty when there is nothing to send. */
  #buffers: OutBuffer[] = [];
  #last: OutBuffer | undefined;
  #queuedBytes = 0;
  #blocked = false;
  #failure: string | undefined;
  #frames = 0;
  #sentBytes = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** The connection took less than it was given; `flush` again when it drains. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Why nothing more will be sent. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get holdsBuffer(): boolean {
    return this.#last !== undefined;
  }

  get frames(): number {
    return this.#frames;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Takes a frame that must not wait for room. */
  control(type: number, stream: number, payload: Uint8Array): void {
    const size = FRAME_HEADER_BYTES + payload.length;
    if (this.#queuedBytes + size > CONTROL_MAX_BYTES) this.#failure ??= "the far side does not read";
    if (this.#failure !== undefined) return;
    const { bytes, end } = this.#room(size);
    this.#append({ bytes, end, type, stream, payload });
    if (this.#queuedBytes >= FLUSH_AT_BYTES && !this.#blocked) this.flush();
  }

  /** Takes up to `length` bytes of a stream; returns how many. */
  data(stream: number, bytes: Uint8Array, length: number): number {
    let taken = 0;
    while (taken < length && !this.#blocked && this.#failure === undefined) {
      const size = Math.min(length - taken, DATA_MAX_BYTES);
      const room = this.#room(FRAME_HEADER_BYTES + size);
      const payload = taken === 0 && size === bytes.length ? bytes : bytes.subarray(taken, taken + size);
      this.#append({ bytes: room.bytes, end: room.end, type: FRAME.data, stream, payload });
      taken += size;
      if (this.#queuedBytes >= FLUSH_AT_BYTES) this.flush();
    }
    return taken;
  }

  /** Hands what waits to the connection. */
  flush(): void {
    while (this.#failure === undefined) {
      const first = this.#buffers[0];
      if (first === undefined) break;
      const taken = this.#wire.write(first.bytes.subarray(first.start, first.end));
      if (taken < 0) {
        this.#failure = "the connection is closed";
        return;
      }
      first.start += taken;
      this.#queuedBytes -= taken;
      this.#sentBytes += taken;
      if (first.start < first.end) {
        this.#blocked = true;
        return;
      }
      this.#buffers.shift();
      release(first);
    }
    this.#last = undefined;
    this.#blocked = false;
  }

  /** Drops what waits. */
  discard(): void {
    for (const buffer of this.#buffers) release(buffer);
    this.#buffers = [];
    this.#last = undefined;
    this.#queuedBytes = 0;
    this.#failure ??= "the connection is closed";
  }

  #append(frame: {
    bytes: Uint8Array;
    end: number;
    type: number;
    stream: number;
    payload: Uint8Array;
  }): void {
    const { bytes, end, type, stream, payload } = frame;
    writeHeader(bytes, end, { stream, type, length: payload.length });
    bytes.set(payload, end + FRAME_HEADER_BYTES);
    const size = FRAME_HEADER_BYTES + payload.length;
    if (this.#last !== undefined) this.#last.end += size;
    this.#queuedBytes += size;
    this.#frames += 1;
  }

  /** A buffer with room for `size` bytes at its end. */
  #room(size: number): OutBuffer {
    const last = this.#last;
    if (last !== undefined && last.end + size <= last.bytes.length) return last;
    const next = last === undefined ? take(size) : this.#after(last, size);
    this.#buffers.push(next);
    this.#last = next;
    return next;
  }

  #after(last: OutBuffer, size: number): OutBuffer {
    if (last.bytes.length === LARGE.bytes) return take(LARGE.bytes);
    // It was the whole batch so far, or what a slow connection left of it.
    const held = last.bytes.subarray(last.start, last.end);
    const next = take(held.length + size);
    next.bytes.set(held, 0);
    next.end = held.length;
    this.#buffers.pop();
    release(last);
    return next;
  }
}

/** A buffer for this much, and at most a large one. */
function take(bytes: number): OutBuffer {
  const size = sizeFor(bytes);
  return size.free.pop() ?? { bytes: new Uint8Array(size.bytes), start: 0, end: 0 };
}

function release(buffer: OutBuffer): void {
  buffer.start = 0;
  buffer.end = 0;
  const { free, kept } = sizeFor(buffer.bytes.length);
  if (free.length < kept) free.push(buffer);
}

function sizeFor(bytes: number): Size {
  return SIZES.find((size) => bytes <= size.bytes) ?? LARGE;
}
