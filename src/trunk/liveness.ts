// Is the far side still there? PING every 2 s while nothing comes, dead after 5 s of silence. The hub's PING tells
// both ends; the agent asks by itself only when that one stays away, or each idle trunk would be asked twice.
//
// One coarse interval serves every trunk of a process: ten thousand idle trunks cost ten thousand
// comparisons a beat and no clock reading per packet. Both bounds are kept on the early side by one beat.

import { DEAD_AFTER_MS, PING_EVERY_MS } from "../protocol/limits.ts";
import type { TrunkRole } from "./stream-ids.ts";
import type { Clock, Timer, Timers } from "../world/world.ts";

export const BEAT_MS = 250;

/** Silence after which each end asks. */
export const PING_AFTER_MS: Record<TrunkRole, number> = {
  hub: PING_EVERY_MS,
  agent: PING_EVERY_MS + 1000,
};

export interface PulseMember {
  beat(timeMs: number): void;
}

/** The interval. It runs while it has members. */
export class Pulse {
  readonly #timers: Timers;
  readonly #clock: Clock;
  readonly #members = new Set<PulseMember>();
  #timer: Timer | undefined;
  #beatAtMs = 0;
  #timeMs = 0;

  constructor(timers: Timers, clock: Clock) {
    this.#timers = timers;
    this.#clock = clock;
  }

  /**
   * Monotonic time as far as this process was awake to listen: a process that was stopped for a minute
   * reads what waits in its sockets before it may call anyone dead.
   */
  get timeMs(): number {
    return this.#timeMs;
  }

  add(member: PulseMember): void {
    this.#members.add(member);
    if (this.#timer !== undefined) return;
    this.#beatAtMs = this.#clock.monotonic();
    this.#timer = this.#timers.every(BEAT_MS, () => this.#beat());
  }

  remove(member: PulseMember): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #beat(): void {
    const nowMs = this.#clock.monotonic();
    this.#timeMs += Math.min(nowMs - this.#beatAtMs, 2 * BEAT_MS);
    this.#beatAtMs = nowMs;
    for (const member of this.#members) member.beat(this.#timeMs);
  }
}

export type LivenessVerdict = "alive" | "ping" | "dead";

/** What one trunk knows of its far side. */
export class Liveness {
  /** Set whenever bytes come. */
  heard = false;
  #heardAtMs: number;
  #pingAtMs: number;
  readonly #pingAfterMs: number;

  constructor(timeMs: number, pingAfterMs: number) {
    this.#heardAtMs = timeMs;
    this.#pingAfterMs = pingAfterMs;
    this.#pingAtMs = timeMs + pingAfterMs - BEAT_MS;
  }

  check(timeMs: number): LivenessVerdict {
    if (this.heard) {
      this.heard = false;
      this.#heardAtMs = timeMs;
      this.#pingAtMs = timeMs + this.#pingAfterMs - BEAT_MS;
      return "alive";
    }
    if (timeMs - this.#heardAtMs >= DEAD_AFTER_MS - BEAT_MS) return "dead";
    if (timeMs < this.#pingAtMs) return "alive";
    this.#pingAtMs = timeMs + PING_EVERY_MS - BEAT_MS;
    return "ping";
  }
}
