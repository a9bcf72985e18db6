// One slow timer shared by all connections. Each keeps its deadlines as plain numbers and looks at them when
// ticked, so the hot path neither makes timers nor asks the clock. Deadlines are late by up to one period.

import type { Clock, Timer, Timers } from "../world/world.ts";

export interface Ticking {
  tick(now: number): void;
}

export interface TickerOptions {
  clock: Pick<Clock, "monotonic">;
  timers: Pick<Timers, "every">;
  periodMs?: number;
}

const DEFAULT_PERIOD_MS = 500;

export class Ticker {
  readonly #options: TickerOptions;
  readonly #members = new Set<Ticking>();
  #timer: Timer | undefined;
  #now: number;

  constructor(options: TickerOptions) {
    this.#options = options;
    this.#now = options.clock.monotonic();
  }

  /** Monotonic milliseconds, as of the last tick. */
  get now(): number {
    return this.#now;
  }

  add(member: Ticking): void {
    this.#members.add(member);
    if (this.#timer !== undefined) return;
    const { clock, timers, periodMs = DEFAULT_PERIOD_MS } = this.#options;
    this.#now = clock.monotonic();
    this.#timer = timers.every(periodMs, () => this.#tick());
  }

  /** The timer stays until a tick finds nobody: connections that come and go must not restart it each time. */
  delete(member: Ticking): void {
    this.#members.delete(member);
  }

  #tick(): void {
    this.#now = this.#options.clock.monotonic();
    if (this.#members.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    // A member may remove itself or others meanwhile; a Set allows that.
    for (const member of this.#members) member.tick(this.#now);
  }
}
