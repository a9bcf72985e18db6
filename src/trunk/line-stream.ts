// A stream of JSON messages, one a line, at either end. What the far side does not take waits here: a sender that
// finds the stream full stops what it reads from until `drain`. A line over the limit, or one that is no JSON, ends the
// stream, since nothing behind it could be trusted.
import { fromUtf8, utf8 } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { jsonDepth } from "../protocol/json-depth.ts";
import { JSON_MAX_DEPTH, RELAY_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import type { ByteStream } from "../world/world.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { TrunkStreamEvents } from "./stream.ts";

export interface LineStreamEvents {
  message(value: unknown): void;
  /** There is room again after `isFull`. */
  drain?(): void;
  /** The far side has said all it will. */
  end?(): void;
  /** Gone, and not by this side's `close`; with the reason where it was not by plan. */
  close?(error: MusterError | undefined): void;
  /** The far side dropped the stream and said why; `close` follows. */
  reset?(code: number): void;
}

/** A message of the largest size, its JSON escapes, and what stands around it. */
export const LINE_MAX_BYTES = 2 * RELAY_MESSAGE_MAX_BYTES + 16 * 1024;
/** What waits unsent beyond this makes the stream full. */
const ROOM_BYTES = 64 * 1024;
const WAITING_MAX_BYTES = 4 * LINE_MAX_BYTES;
const LINE_END = 0x0a;

export interface LineLimits {
  /** Shared by the streams of one far side. */
  budget?: LineBudget;
  /** Of a line that comes; LINE_MAX_BYTES unless told. */
  lineMaxBytes?: number;
  /** Of what waits unsent; whoever goes on sending beyond it loses the stream. */
  waitingMaxBytes?: number;
}

/** What the streams of one far side may hold of lines that have not ended, together. */
export class LineBudget {
  #leftBytes: number;

  constructor(maxBytes: number) {
    this.#leftBytes = maxBytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#leftBytes += bytes;
  }
}

export class LineStream {
  readonly #events: LineStreamEvents;
  readonly #budget: LineBudget | undefined;
  readonly #lineMaxBytes: number;
  readonly #waitingMaxBytes: number;
  /** What is taken of the budget. */
  #heldBytes = 0;
  #stream: ByteStream | undefined;
  readonly #waiting = new ByteQueue();
  /** The beginning of a line whose end has not come. */
  readonly #begun = new ByteQueue();
  #ended = false;
  #gone = false;

  constructor(events: LineStreamEvents, limits: LineLimits = {}) {
    this.#events = events;
    this.#budget = limits.budget;
    this.#lineMaxBytes = limits.lineMaxBytes ?? LINE_MAX_BYTES;
    this.#waitingMaxBytes = limits.waitingMaxBytes ?? WAITING_MAX_BYTES;
  }

  /** What the stream below tells. */
  readonly streamEvents: TrunkStreamEvents = {
    data: (bytes) => this.#take(bytes),
    drain: () => this.#flush(),
    end: () => this.#farEnd(),
    close: (error) => this.#vanish(error),
    reset: (code) => this.#events.reset?.(code),
  };

  attach(stream: ByteStream): void {
    this.#stream = stream;
    this.#flush();
  }

  get isFull(): boolean {
    return this.#waiting.length > ROOM_BYTES;
  }

  /** Nothing happens on a stream that is gone: its owner hears of that by `close`. */
  send(message: object): void {
    this.sendLine(lineOf(message));
  }

  /** A message as `lineOf` wrote it: one that goes to many is written once. */
  sendLine(line: Uint8Array): void {
    if (this.#gone || this.#ended) return;
    if (this.#waiting.length + line.length > this.#waitingMaxBytes) {
      return this.#fail(new MusterError("unavailable", "the far side does not take what it asked for"));
    }
    // Most lines are taken whole, and need not lie in the queue before.
    const taken = this.#waiting.length === 0 ? Math.max(this.#stream?.write(line) ?? 0, 0) : 0;
    if (taken < line.length) this.#waiting.push(taken === 0 ? line : line.subarray(taken));
  }

  /** This side has said all it will. */
  end(): void {
    this.#ended = true;
    this.#flush();
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  /** Drops the stream. */
  close(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#hold(0);
    this.#stream?.close();
  }

  #flush(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#gone) return;
    const wasFull = this.isFull;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const taken = Math.max(stream.write(next), 0);
      if (taken === next.length) continue;
      this.#waiting.unshift(next.subarray(taken));
      break;
    }
    if (this.#waiting.length === 0 && this.#ended) stream.shutdown();
    if (wasFull && !this.isFull) this.#events.drain?.();
  }

  #take(bytes: Uint8Array): void {
    let from = 0;
    while (!this.#gone) {
      const end = bytes.indexOf(LINE_END, from);
      if (end === -1) break;
      this.#line(this.#whole(bytes.subarray(from, end)));
      from = end + 1;
    }
    if (this.#gone || from === bytes.length) return;
    this.#begun.push(bytes.subarray(from));
    if (this.#begun.length > this.#lineMaxBytes) return this.#fail(malformed("a line is too long"));
    if (this.#hold(this.#begun.length)) return;
    this.#fail(new MusterError("too_many", "too many lines have begun and not ended"));
  }

  #hold(bytes: number): boolean {
    const more = bytes - this.#heldBytes;
    if (more > 0 && this.#budget?.take(more) === false) return false;
    if (more < 0) this.#budget?.giveBack(-more);
    this.#heldBytes = bytes;
    return true;
  }

  /** With its beginning, if that came before. */
  #whole(rest: Uint8Array): Uint8Array {
    if (this.#begun.length === 0) return rest;
    this.#begun.push(rest);
    this.#hold(0);
    return this.#begun.takeAll();
  }

  #line(line: Uint8Array): void {
    if (line.length > this.#lineMaxBytes) return this.#fail(malformed("a line is too long"));
    const text = fromUtf8(line);
    if (text === undefined || jsonDepth(text) > JSON_MAX_DEPTH) {
      return this.#fail(malformed("a line is no JSON message"));
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return this.#fail(malformed("a line is no JSON message"));
    }
    this.#events.message(value);
  }

  #farEnd(): void {
    if (this.#gone) return;
    if (this.#begun.length > 0) return this.#fail(malformed("the stream ends within a line"));
    this.#events.end?.();
  }

  #fail(error: MusterError): void {
    this.close();
    this.#events.close?.(error);
  }

  #vanish(error: Error | undefined): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#hold(0);
    this.#events.close?.(
      error === undefined
        ? undefined
        : new MusterError("unavailable", "the stream was cut", { cause: error }),
    );
  }
}

export function lineOf(message: object): Uint8Array {
  return utf8(`${JSON.stringify(message)}\n`);
}

function malformed(problem: string): MusterError {
  return new MusterError("protocol_error", problem);
}
