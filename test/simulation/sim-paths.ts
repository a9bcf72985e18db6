// What lies between two hosts, one direction at a time: how long it takes, how much is lost on the way, and
// whether anything passes at all.
//
// Over TCP a lost packet is a late one: loss shows as the delay until it is sent again. Only a cut stops
// bytes, and they come once it is mended.
import type { SeededRandom } from "./sim-random.ts";

export interface PathTraits {
  delayMs: number;
  jitterMs: number;
  /** Part of the packets that have to be sent again. */
  lossRate: number;
}

/** Within one host. */
const LOOPBACK: PathTraits = { delayMs: 0.02, jitterMs: 0.05, lossRate: 0 };
/** The first retransmission comes no earlier (RFC 6298 says 1 s, Linux does 200 ms). */
const RETRANSMIT_MIN_MS = 200;
const RETRANSMIT_MAX_MS = 420;

export class SimPaths {
  readonly #random: SeededRandom;
  readonly #usual: PathTraits;
  readonly #traits = new Map<string, PathTraits>();
  readonly #cuts = new Set<string>();
  /** Hosts that are off or asleep. */
  readonly #away = new Set<string>();
  readonly #opened: (() => void)[] = [];

  constructor(random: SeededRandom, usual: PathTraits) {
    this.#random = random;
    this.#usual = usual;
  }

  isOpen(from: string, to: string): boolean {
    if (this.#away.has(from) || this.#away.has(to)) return false;
    return !this.#cuts.has(key(from, to));
  }

  /** How long the next packet takes. */
  delayMs(from: string, to: string): number {
    const { delayMs, jitterMs, lossRate } =
      from === to ? LOOPBACK : (this.#traits.get(key(from, to)) ?? this.#usual);
    const lost = lossRate > 0 && this.#random.chance(lossRate);
    const again = lost ? this.#random.between(RETRANSMIT_MIN_MS, RETRANSMIT_MAX_MS) : 0;
    return delayMs + this.#random.fraction() * jitterMs + again;
  }

  setTraits(from: string, to: string, traits: PathTraits): void {
    this.#traits.set(key(from, to), traits);
  }

  /** From now on nothing passes that way, and nobody is told. */
  cut(from: string, to: string): void {
    this.#cuts.add(key(from, to));
  }

  mend(from: string, to: string): void {
    this.#cuts.delete(key(from, to));
    this.#tell();
  }

  setAway(host: string, away: boolean): void {
    if (away) this.#away.add(host);
    else this.#away.delete(host);
    if (!away) this.#tell();
  }

  /** Told whenever some path may have opened. */
  onOpened(listener: () => void): void {
    this.#opened.push(listener);
  }

  #tell(): void {
    for (const listener of this.#opened) listener();
  }
}

function key(from: string, to: string): string {
  return `${from}>${to}`;
}
