// One at a time, first come first served, with a bound on who waits.
//
// Kysely's own lock for single connections wakes every waiter at each release, which is quadratic: ten
// thousand devices that register at once would keep it busy for seconds.

import { MusterError } from "../protocol/errors.ts";

/** Above a hub's largest burst (10,000 devices, a few statements each); past it callers are told. */
export const WAITING_MAX = 50_000;

export class Turnstile {
  readonly #waitingMax: number;
  #taken = false;
  #waiting: (() => void)[] = [];
  // Index of the next waiter: shift() on a long array would copy it at each release.
  #next = 0;

  constructor(waitingMax = WAITING_MAX) {
    this.#waitingMax = waitingMax;
  }

  /** Resolves when it is the caller's turn, who must then `leave` exactly once. */
  async enter(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true;
      return;
    }
    if (this.#waiting.length - this.#next >= this.#waitingMax) {
      throw new MusterError("unavailable", `more than ${this.#waitingMax} database calls are waiting`);
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting[this.#next];
    if (next === undefined) {
      this.#waiting = [];
      this.#next = 0;
      this.#taken = false;
      return;
    }
    this.#next++;
    if (this.#next >= 1024) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    next();
  }
}
