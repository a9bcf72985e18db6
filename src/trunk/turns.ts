// Whose turn it is. Streams that wait for room are woken in the order in which they began to wait; one that
// is still short after its turn goes to the end. All of a loop turn's work ends in one flush.

import { DATA_MAX_BYTES } from "../protocol/limits.ts";
import type { Timers } from "../world/world.ts";
import type { Outbox } from "./outbox.ts";

/** What one run of wake-ups may send before the loop gets its turn. */
const RUN_MAX_BYTES = 1024 * 1024;

export interface TurnTaker {
  /** There is room again. */
  wake(): void;
  /** Hands on what waited for a reader that has resumed. */
  deliver(): void;
}

export class Turns {
  readonly #outbox: Outbox;
  readonly #timers: Timers;
  readonly #flushed: () => void;
  readonly #writers = new Set<TurnTaker>();
  #readers: TurnTaker[] = [];
  #scheduled = false;
  #stopped = false;

  /** `flushed` is called after each turn, when the outbox may have failed. */
  constructor(outbox: Outbox, timers: Timers, flushed: () => void) {
    this.#outbox = outbox;
    this.#timers = timers;
    this.#flushed = flushed;
  }

  /** How much a stream may write now: all it has, or one frame when others wait. */
  share(wantedBytes: number): number {
    return this.#writers.size === 0 ? wantedBytes : Math.min(wantedBytes, DATA_MAX_BYTES);
  }

  wakeLater(stream: TurnTaker): void {
    this.#writers.add(stream);
    if (!this.#outbox.blocked) this.schedule();
  }

  deliverLater(stream: TurnTaker): void {
    this.#readers.push(stream);
    this.schedule();
  }

  forget(stream: TurnTaker): void {
    this.#writers.delete(stream);
  }

  /** Makes sure that a flush follows in this loop turn. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#timers.soon(this.#soon);
  }

  /** The connection has room again. */
  drained(): void {
    this.#outbox.flush();
    this.#turn();
  }

  /** Writers are dropped; readers of streams that ended whole still get what is theirs. */
  stop(): void {
    this.#stopped = true;
    this.#writers.clear();
  }

  readonly #soon = (): void => {
    this.#scheduled = false;
    const readers = this.#readers;
    if (readers.length > 0) {
      this.#readers = [];
      for (const stream of readers) stream.deliver();
    }
    this.#turn();
  };

  #turn(): void {
    if (this.#stopped) return;
    if (this.#writers.size > 0) this.#wakeWriters();
    if (!this.#outbox.blocked) this.#outbox.flush();
    if (this.#writers.size > 0 && !this.#outbox.blocked) this.schedule();
    this.#flushed();
  }

  #wakeWriters(): void {
    const outbox = this.#outbox;
    const startBytes = outbox.sentBytes + outbox.queuedBytes;
    // A set hands out what is added while it is walked: streams that are still short come round again.
    for (const stream of this.#writers) {
      if (outbox.blocked || outbox.failure !== undefined) return;
      if (outbox.sentBytes + outbox.queuedBytes - startBytes > RUN_MAX_BYTES) return;
      this.#writers.delete(stream);
      stream.wake();
    }
  }
}
