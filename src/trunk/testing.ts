// For tests alone: time that is advanced by hand, and a connection in memory with latency, a bounded
// buffer and cuts at any byte. Deterministic: nothing happens but in `settle` and `advance`.

import type { ByteStream, ByteStreamEvents, Clock, Timer, Timers } from "../world/world.ts";

interface Task {
  atMs: number;
  order: number;
  periodMs: number | undefined;
  run: () => void;
}

/** More turns than any honest test takes: two ends that keep each other busy for ever. */
const TURNS_MAX = 1_000_000;

export class FakeTime implements Clock, Timers {
  #nowMs = 0;
  #order = 0;
  #soon: (() => void)[] = [];
  readonly #tasks = new Set<Task>();

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  get pendingTimers(): number {
    return this.#tasks.size;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#add(delayMs, undefined, run);
  }

  every(periodMs: number, run: () => void): Timer {
    return this.#add(periodMs, periodMs, run);
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Runs all that is due now. */
  settle(): void {
    this.advance(0);
  }

  /** Lets time pass without anything running in it, as in a process that was stopped. */
  sleep(ms: number): void {
    this.#nowMs += ms;
  }

  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      if (this.#runSoon()) continue;
      const next = this.#next(untilMs);
      if (next === undefined) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return;
      }
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.periodMs === undefined) this.#tasks.delete(next);
      // As real intervals do: what was slept through is not made up for.
      else next.atMs = this.#nowMs + next.periodMs;
      next.run();
    }
    throw new Error("time does not settle");
  }

  #runSoon(): boolean {
    if (this.#soon.length === 0) return false;
    const batch = this.#soon;
    this.#soon = [];
    for (const run of batch) run();
    return true;
  }

  #next(untilMs: number): Task | undefined {
    let next: Task | undefined;
    for (const task of this.#tasks) {
      if (task.atMs > untilMs) continue;
      if (
        next === undefined ||
        task.atMs < next.atMs ||
        (task.atMs === next.atMs && task.order < next.order)
      ) {
        next = task;
      }
    }
    return next;
  }

  #add(delayMs: number, periodMs: number | undefined, run: () => void): Timer {
    this.#order += 1;
    const task = { atMs: this.#nowMs + delayMs, order: this.#order, periodMs, run };
    this.#tasks.add(task);
    return { cancel: () => void this.#tasks.delete(task) };
  }
}

export interface PipeOptions {
  latencyMs?: number;
  /** What the connection takes before it wants a `drain`. */
  capacityBytes?: number;
  /** Where to cut what is delivered; by default nowhere. */
  cut?: (availableBytes: number) => number;
}

export const NO_EVENTS: ByteStreamEvents = {
  data: () => undefined,
  drain: () => undefined,
  end: () => undefined,
  close: () => undefined,
};

/** One end of a connection in memory. Set `events` before anything is settled. */
export class PipeEnd implements ByteStream {
  events: ByteStreamEvents = NO_EVENTS;
  far: PipeEnd | undefined;
  /** While true this end's kernel reads nothing: the other end fills up. */
  stalled = false;
  writes = 0;
  writtenBytes = 0;
  readonly #time: FakeTime;
  readonly #options: PipeOptions;
  #arrived: Uint8Array[] = [];
  /** Taken by `write` here and not yet handed to the far owner. */
  #inFlightBytes = 0;
  #short = false;
  #paused = false;
  #shut = false;
  #endArrived = false;
  #endTold = false;
  #closed = false;

  constructor(time: FakeTime, options: PipeOptions) {
    this.#time = time;
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  write(bytes: Uint8Array): number {
    const far = this.far;
    if (this.#closed || this.#shut || far === undefined) return -1;
    const room = (this.#options.capacityBytes ?? Number.POSITIVE_INFINITY) - this.#inFlightBytes;
    const taken = Math.min(bytes.length, Math.max(0, room));
    this.#short = taken < bytes.length;
    this.writes += 1;
    if (taken === 0) return 0;
    this.writtenBytes += taken;
    this.#inFlightBytes += taken;
    const copy = new Uint8Array(bytes.subarray(0, taken));
    this.#later(() => far.#arrive(copy));
    return taken;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#time.soon(() => this.#hand());
  }

  unstall(): void {
    this.stalled = false;
    this.resume();
  }

  shutdown(): void {
    if (this.#closed || this.#shut) return;
    this.#shut = true;
    const far = this.far;
    if (far !== undefined) this.#later(() => far.#arriveEnd());
    if (this.#endTold) this.#time.soon(() => this.#closeWhole());
  }

  close(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#arrived = [];
    this.#time.soon(() => this.events.close(error));
    this.#later(() => this.far?.close(new Error("connection reset")));
  }

  /** The network is gone and tells nobody. */
  cut(): void {
    this.far = undefined;
  }

  #later(run: () => void): void {
    this.#time.after(this.#options.latencyMs ?? 0, run);
  }

  #arrive(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#arrived.push(bytes);
    this.#hand();
  }

  #arriveEnd(): void {
    this.#endArrived = true;
    this.#hand();
  }

  #hand(): void {
    while (!this.#paused && !this.stalled && !this.#closed) {
      const bytes = this.#arrived.shift();
      if (bytes === undefined) break;
      const length = Math.max(1, Math.min(bytes.length, this.#options.cut?.(bytes.length) ?? bytes.length));
      if (length < bytes.length) this.#arrived.unshift(bytes.subarray(length));
      // A Buffer, as real sockets give: its slice() is no copy.
      const piece = Buffer.from(bytes.subarray(0, length));
      this.events.data(piece);
      // Valid during the call only: whoever kept it sees it here.
      piece.fill(0xee);
      const far = this.far;
      if (far !== undefined) far.#acknowledge(length);
    }
    this.#handEnd();
  }

  #handEnd(): void {
    const held = this.#paused || this.stalled || this.#arrived.length > 0;
    if (this.#closed || held || !this.#endArrived || this.#endTold) return;
    this.#endTold = true;
    this.events.end();
    if (this.#shut) this.#closeWhole();
  }

  /** Both directions have ended. */
  #closeWhole(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.events.close();
  }

  #acknowledge(bytes: number): void {
    this.#inFlightBytes -= bytes;
    if (!this.#short || this.#closed) return;
    this.#short = false;
    this.#time.soon(() => this.events.drain());
  }
}

export function pipe(time: FakeTime, options: PipeOptions = {}): [PipeEnd, PipeEnd] {
  const left = new PipeEnd(time, options);
  const right = new PipeEnd(time, options);
  left.far = right;
  right.far = left;
  return [left, right];
}
