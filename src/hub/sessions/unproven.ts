// Connections that have not said who they are, by source: nobody fills the hub with them. One count for
// trunks and WebSockets alike.
import { sourceOf } from "../rate-limit.ts";

export interface UnprovenOptions {
  /** A source may have this many, and twice the devices that live there if those are more. */
  least: number;
  devicesFrom(source: string): number;
}

export class Unproven {
  readonly #options: UnprovenOptions;
  readonly #counts = new Map<string, number>();

  constructor(options: UnprovenOptions) {
    this.#options = options;
  }

  /** Undefined at the bound; else what to call once it has proved itself or is gone. Safe to repeat. */
  enter(address: string): (() => void) | undefined {
    const source = sourceOf(address);
    const count = this.#counts.get(source) ?? 0;
    if (count >= Math.max(this.#options.least, 2 * this.#options.devicesFrom(source))) return undefined;
    this.#counts.set(source, count + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const rest = (this.#counts.get(source) ?? 1) - 1;
      if (rest <= 0) this.#counts.delete(source);
      else this.#counts.set(source, rest);
    };
  }
}
