// Randomness from a seed (sfc32 by Chris Doty-Humphrey, public domain; PractRand finds no fault in it). Each
// part of a run draws from a fork of its own, so that one more draw in one part moves nothing in the others.
import type { Random } from "../../src/world/world.ts";

export class SeededRandom implements Random {
  readonly #state: Uint32Array;
  readonly #label: string;

  constructor(label: string | number) {
    this.#label = String(label);
    const high = Bun.hash.xxHash64(this.#label, 1n);
    const low = Bun.hash.xxHash64(this.#label, 2n);
    const word = (value: bigint, shift: bigint) => Number((value >> shift) & 0xffff_ffffn);
    this.#state = new Uint32Array([word(high, 0n), word(high, 32n), word(low, 0n), 1]);
    for (let round = 0; round < 12; round += 1) this.#next();
  }

  fork(label: string): SeededRandom {
    return new SeededRandom(`${this.#label}/${label}`);
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.#next() & 0xff;
    return bytes;
  }

  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  /** A whole number from `low` up to and including `high`. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.whole(0, items.length - 1)] ?? items[0];
  }

  #next(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, counter = 0] = state;
    const sum = (a + b + counter) >>> 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    state[3] = counter + 1;
    return sum;
  }
}
