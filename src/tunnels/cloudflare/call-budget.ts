// Cloudflare counts 1,200 calls in 5 minutes for a token, everything else that uses it included; one call more
// and all are refused for 5 minutes. So a 429 stops every call until it says otherwise, and we stop ourselves
// before it comes to that.

import { MusterError } from "../../protocol/errors.ts";
import type { Clock } from "../../world/world.ts";

export const WINDOW_MS = 5 * 60_000;
/** The provider's 1,200 less a part for the person who looks at the dashboard. */
export const CALLS_PER_WINDOW = 1_000;
/** A 429 without a number means the whole window, and none is believed beyond an hour. */
const BLOCKED_MAX_MS = 60 * 60_000;

export class CallBudget {
  readonly #clock: Pick<Clock, "monotonic">;
  /** When the last calls were made: a ring, the oldest at `#next`. */
  readonly #calls: number[] = [];
  #next = 0;
  #blockedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Milliseconds until the next call may be made; 0 when now. */
  get waitMs(): number {
    const now = this.#clock.monotonic();
    const oldest = this.#calls.length < CALLS_PER_WINDOW ? undefined : this.#calls[this.#next];
    const untilMs = Math.max(this.#blockedUntilMs, oldest === undefined ? now : oldest + WINDOW_MS);
    return Math.max(0, untilMs - now);
  }

  /** Counts one call. Throws `too_many` when none may be made now. */
  spend(): void {
    const { waitMs } = this;
    if (waitMs > 0) throw tooMany(waitMs);
    this.#calls[this.#next] = this.#clock.monotonic();
    this.#next = (this.#next + 1) % CALLS_PER_WINDOW;
  }

  /** The provider said 429. `retryAfter` is the header as it came: seconds, or nothing usable. */
  block(retryAfter: string | null): MusterError {
    const seconds =
      retryAfter !== null && /^\d{1,9}$/.test(retryAfter.trim()) ? Number(retryAfter) : undefined;
    const waitMs = Math.min(BLOCKED_MAX_MS, seconds === undefined ? WINDOW_MS : seconds * 1000);
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, this.#clock.monotonic() + waitMs);
    return tooMany(this.waitMs);
  }
}

function tooMany(waitMs: number): MusterError {
  const seconds = Math.ceil(waitMs / 1000);
  return new MusterError("too_many", "Cloudflare takes no more calls from this hub for now", {
    hint: `what was begun goes on by itself in ${seconds} s`,
  });
}
