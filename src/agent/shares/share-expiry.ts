// Ends shares whose time is over. Their dates are wall-clock times, and a wall clock may jump: what a jump of
// more than a minute made due is ended only when the clock still says so a minute later. The gateway serves
// nothing that is over in the meantime, so waiting gives nothing away.
import type { Clock, Timer, Timers } from "../../world/world.ts";

const LOOK_AT_MOST_MS = 30_000;
const JUMP_MS = 60_000;
const TRUST_AFTER_MS = 60_000;
/** Something that should have ended did not. */
const RETRY_MS = 5_000;

export interface ExpiryOptions {
  clock: Clock;
  timers: Timers;
  /** When the next one is over, milliseconds since the epoch; undefined when none ever is. */
  next(): number | undefined;
  /** Ends what is over at this time. */
  end(nowMs: number): void;
}

export class ShareExpiry {
  readonly #options: ExpiryOptions;
  #timer: Timer | undefined;
  #wallMs: number;
  #monotonicMs: number;
  #trustedFromMs = 0;
  #stopped = false;

  constructor(options: ExpiryOptions) {
    this.#options = options;
    this.#wallMs = options.clock.now();
    this.#monotonicMs = options.clock.monotonic();
    this.#trustedFromMs = this.#monotonicMs;
  }

  /** To be called whenever a share with an end was added or removed. */
  arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const next = this.#stopped ? undefined : this.#options.next();
    if (next === undefined) return;
    const leftMs = Math.max(
      next - this.#options.clock.now(),
      this.#trustedFromMs - this.#options.clock.monotonic(),
    );
    this.#timer = this.#options.timers.after(Math.min(LOOK_AT_MOST_MS, leftMs > 0 ? leftMs : RETRY_MS), () =>
      this.#look(),
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #look(): void {
    const wallMs = this.#options.clock.now();
    const monotonicMs = this.#options.clock.monotonic();
    const jumpMs = Math.abs(wallMs - this.#wallMs - (monotonicMs - this.#monotonicMs));
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    if (jumpMs > JUMP_MS) this.#trustedFromMs = monotonicMs + TRUST_AFTER_MS;
    if (monotonicMs >= this.#trustedFromMs) this.#options.end(wallMs);
    this.arm();
  }
}
