// One slow timer shared by all connections. Each keeps its deadlines as plain numbers and looks at them when
// ticked, so the hot path neither makes timers nor asks the clock. Deadlines are late by up to one period.

import type { Clock, Timer, Timers } from "../world/world.ts";

export interface Ticking {
  tick(now: number): void;
  /** The ticker's own note of where it keeps this one; -1 before and after. */
  tickerSlot: number;
}

export interface TickerOptions {
  clock: Pick<Clock, "monotonic">;
  timers: Pick<Timers, "every">;
  periodMs?: number;
}

const DEFAULT_PERIOD_MS = 500;

export class Ticker {
  readonly #options: TickerOptions;
  /** In no order. Each knows its place, so that coming and going, twice a request, costs no hashing. */
  readonly #members: Ticking[] = [];
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
    if (member.tickerSlot >= 0) return;
    member.tickerSlot = this.#members.length;
    this.#members.push(member);
    if (this.#timer !== undefined) return;
    const { clock, timers, periodMs = DEFAULT_PERIOD_MS } = this.#options;
    this.#now = clock.monotonic();
    this.#timer = timers.every(periodMs, () => this.#tick());
  }

  /** The timer stays until a tick finds nobody: connections that come and go must not restart it each time. */
  delete(member: Ticking): void {
    const slot = member.tickerSlot;
    if (slot < 0) return;
    member.tickerSlot = -1;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    last.tickerSlot = slot;
    this.#members[slot] = last;
  }

  #tick(): void {
    this.#now = this.#options.clock.monotonic();
    if (this.#members.length === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      return;
    }
    // Backwards: a member that removes itself or others meanwhile leaves only ones that were told already in
    // the places before it.
    for (let slot = this.#members.length - 1; slot >= 0; slot--) this.#members[slot]?.tick(this.#now);
  }
}
