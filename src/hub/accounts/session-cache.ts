// Sessions that were looked up a moment ago, so that a page full of calls costs one look into the database.
// What ends a session through this hub forgets it here at once; only what another process ends lasts longer,
// by at most the lifetime below. Bounded: the oldest makes room.
import type { Clock } from "../../world/world.ts";
import type { AccountSession } from "./accounts.ts";

const LIFETIME_MS = 5_000;
const KEPT_MAX = 10_000;

interface Kept {
  session: AccountSession;
  untilMs: number;
}

/** Keys are the cookie's whole value: another one never meets the entry of this one. */
export class SessionCache {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #kept = new Map<string, Kept>();
  #generation = 0;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  find(cookie: string): AccountSession | undefined {
    const kept = this.#kept.get(cookie);
    if (kept === undefined) return undefined;
    if (kept.untilMs > this.#clock.monotonic()) return kept.session;
    this.#kept.delete(cookie);
    return undefined;
  }

  /** Taken before a session is looked up and handed to `keep`. */
  get generation(): number {
    return this.#generation;
  }

  /** Nothing is kept when the cache was cleared since: the session may be one that ended meanwhile. */
  keep(cookie: string, session: AccountSession, generation: number): void {
    if (generation !== this.#generation) return;
    this.#kept.delete(cookie);
    this.#kept.set(cookie, { session, untilMs: this.#clock.monotonic() + LIFETIME_MS });
    if (this.#kept.size <= KEPT_MAX) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  clear(): void {
    this.#generation++;
    this.#kept.clear();
  }
}
