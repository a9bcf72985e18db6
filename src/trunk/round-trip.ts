// The round trip of a trunk, by PING. Only the newest PING counts: its payload carries a number.

import { readU32, PING_BYTES, writeU32 } from "./frame.ts";

/** How far the shortest round trip follows a longer one, so that a change of path is learnt in time. */
const FORGET = 1 / 16;
/** How far the shown round trip follows a new one. */
const FOLLOW = 1 / 4;

export class RoundTrip {
  #number = 0;
  #sentAtMs: number | undefined;
  #measuredAtMs = Number.NEGATIVE_INFINITY;
  #smoothMs: number | undefined;
  #shortestMs = 0;

  /** Smoothed; undefined before the first PONG. */
  get smoothMs(): number | undefined {
    return this.#smoothMs;
  }

  /** Without the queues that this trunk's own traffic fills. 0 before the first PONG. */
  get shortestMs(): number {
    return this.#shortestMs;
  }

  /** Whether a fresh measure is due: none under way, and the last one older than `maxAgeMs`. */
  isStale(nowMs: number, maxAgeMs: number): boolean {
    return nowMs - Math.max(this.#measuredAtMs, this.#sentAtMs ?? this.#measuredAtMs) > maxAgeMs;
  }

  /** The payload of the next PING. */
  ping(nowMs: number): Uint8Array {
    this.#number = (this.#number + 1) >>> 0;
    this.#sentAtMs = nowMs;
    const payload = new Uint8Array(PING_BYTES);
    writeU32(payload, 4, this.#number);
    return payload;
  }

  pong(payload: Uint8Array, nowMs: number): void {
    if (this.#sentAtMs === undefined || readU32(payload, 4) !== this.#number) return;
    const tookMs = Math.max(0, nowMs - this.#sentAtMs);
    const first = this.#smoothMs === undefined;
    this.#sentAtMs = undefined;
    this.#measuredAtMs = nowMs;
    this.#smoothMs =
      this.#smoothMs === undefined ? tookMs : this.#smoothMs + (tookMs - this.#smoothMs) * FOLLOW;
    this.#shortestMs =
      first || tookMs < this.#shortestMs ? tookMs : this.#shortestMs + (tookMs - this.#shortestMs) * FORGET;
  }
}
