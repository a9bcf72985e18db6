// Credit: how much the far side may send on one stream before this side has used it.
//
// The rule: bytes received never exceed bytes granted, and bytes are granted only against bytes used. So
// what waits here for a stream is never more than its window, and a stalled reader costs one window.

import { FIRST_CREDIT_BYTES, TRUNK_EXTRA_CREDIT_BYTES, WINDOW_MAX_BYTES } from "../protocol/limits.ts";

/** Two round trips on one machine are far less than a turn of a busy loop; such a window may grow too. */
const QUICK_MIN_MS = 5;
/** A reader that was blocked and took this long over half a window has more window than it can use. */
const SLOW_MS = 1_000;

/** Credit above each stream's first, summed over one trunk: one stalled stream cannot starve the others. */
export class CreditBudget {
  #leftBytes = TRUNK_EXTRA_CREDIT_BYTES;

  get leftBytes(): number {
    return this.#leftBytes;
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

export class ReceiveWindow {
  readonly #budget: CreditBudget;
  #size = FIRST_CREDIT_BYTES;
  // Sums over the life of the stream; 2^53 bytes are not reached.
  #granted = FIRST_CREDIT_BYTES;
  #received = 0;
  #used = 0;
  #blocked = false;
  #grantedAtMs = Number.NEGATIVE_INFINITY;

  constructor(budget: CreditBudget) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#size;
  }

  /** Counts bytes that came. False when the far side sent more than it was granted. */
  receive(bytes: number): boolean {
    this.#received += bytes;
    return this.#received <= this.#granted;
  }

  /** The reader could not keep up; such a window does not grow. */
  block(): void {
    this.#blocked = true;
  }

  /** Counts bytes that the reader is done with. True when it is time to `grant`. */
  use(bytes: number): boolean {
    this.#used += bytes;
    return this.#used + this.#size - this.#granted >= this.#size / 2;
  }

  /** The credit to send now, after fitting the window to what the reader does with it. May be 0. */
  grant(nowMs: number, roundTripMs: number): number {
    const tookMs = nowMs - this.#grantedAtMs;
    if (this.#blocked) {
      if (tookMs > SLOW_MS) this.#shrink();
    } else if (tookMs <= Math.max(2 * roundTripMs, QUICK_MIN_MS)) {
      this.#grow();
    }
    this.#blocked = false;
    this.#grantedAtMs = nowMs;
    const credit = Math.max(0, this.#used + this.#size - this.#granted);
    this.#granted += credit;
    return credit;
  }

  /** The stream is gone: its extra credit is the trunk's again. */
  release(): void {
    this.#budget.giveBack(this.#size - FIRST_CREDIT_BYTES);
    this.#size = FIRST_CREDIT_BYTES;
  }

  #grow(): void {
    if (this.#size < WINDOW_MAX_BYTES && this.#budget.take(this.#size)) this.#size *= 2;
  }

  // Half a window is used when this runs, so no more than the smaller window is still granted.
  #shrink(): void {
    if (this.#size === FIRST_CREDIT_BYTES) return;
    this.#size /= 2;
    this.#budget.giveBack(this.#size);
  }
}
