// How much one asker has under way at once: a place is taken before anything begins and given back when it is over.
import { MusterError } from "../../protocol/errors.ts";

export class Places {
  readonly #most: number;
  readonly #what: string;
  readonly #taken = new Map<string, number>();

  /** `what` runs, as in "queries of this key". */
  constructor(most: number, what: string) {
    this.#most = most;
    this.#what = what;
  }

  /** Throws `too_many`. Returns how to give it back, which is safe to repeat. */
  take(asker: string): () => void {
    const taken = this.#taken.get(asker) ?? 0;
    if (taken >= this.#most) {
      throw new MusterError("too_many", `${this.#most} ${this.#what} run already`, {
        hint: "wait until one of them is over, or take it back",
      });
    }
    this.#taken.set(asker, taken + 1);
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      const left = (this.#taken.get(asker) ?? 1) - 1;
      if (left === 0) this.#taken.delete(asker);
      else this.#taken.set(asker, left);
    };
  }
}
