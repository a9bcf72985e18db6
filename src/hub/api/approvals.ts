// Visits that the hub's own page began and that are on their way round by the share: each is good once, for a
// minute. Bounded: the oldest makes room, and its visitor then clicks.
import type { Clock } from "../../world/world.ts";

const LIFETIME_MS = 60_000;
const KEPT_MAX = 1_000;

export class Approvals {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  give(key: string): void {
    this.#untilMs.delete(key);
    this.#untilMs.set(key, this.#clock.monotonic() + LIFETIME_MS);
    if (this.#untilMs.size <= KEPT_MAX) return;
    const [oldest] = this.#untilMs.keys();
    if (oldest !== undefined) this.#untilMs.delete(oldest);
  }

  take(key: string): boolean {
    const untilMs = this.#untilMs.get(key);
    this.#untilMs.delete(key);
    return untilMs !== undefined && untilMs > this.#clock.monotonic();
  }
}
