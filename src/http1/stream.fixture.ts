// For tests: a byte stream without a socket, which records what was done to it, and a ticker whose clock
// the test advances.

import type { ByteStream, Timer } from "../world/world.ts";
import { Ticker } from "./ticker.ts";

export class TestStream implements ByteStream {
  /** All bytes taken so far, as latin1. */
  sent = "";
  /** Bytes `write` still takes. */
  room = Infinity;
  paused = false;
  shutDowns = 0;
  closed = false;

  write(bytes: Uint8Array): number {
    if (this.closed || this.shutDowns > 0) return -1;
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.sent += Buffer.from(bytes.subarray(0, taken)).toString("latin1");
    return taken;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  shutdown(): void {
    this.shutDowns++;
  }

  close(): void {
    this.closed = true;
  }

  /** What was sent since the last call. */
  takeSent(): string {
    const { sent } = this;
    this.sent = "";
    return sent;
  }
}

const TICK_MS = 500;

export class TestTicker extends Ticker {
  readonly #time: { nowMs: number; tick: (() => void) | undefined };

  constructor() {
    const time: { nowMs: number; tick: (() => void) | undefined } = { nowMs: 1_000, tick: undefined };
    const every = (_periodMs: number, run: () => void): Timer => {
      time.tick = run;
      return {
        cancel() {
          time.tick = undefined;
        },
      };
    };
    super({ clock: { monotonic: () => time.nowMs }, timers: { every }, periodMs: TICK_MS });
    this.#time = time;
  }

  get running(): boolean {
    return this.#time.tick !== undefined;
  }

  advance(durationMs: number): void {
    for (let passedMs = 0; passedMs < durationMs; passedMs += TICK_MS) {
      this.#time.nowMs += TICK_MS;
      this.#time.tick?.();
    }
  }
}

export function latin1Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
