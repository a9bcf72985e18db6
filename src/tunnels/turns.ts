// One piece of work at a time for each key, in the order asked: a tunnel isn't made and removed at once.

import { MusterError } from "../protocol/errors.ts";

/** More that wait for one device are a loop somewhere, not people. */
export const WAITING_MAX = 16;

export class Turns {
  readonly #last = new Map<string, { done: Promise<void>; waiting: number }>();

  /** Rejects with `too_many` when too many wait for this key already. */
  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key);
    const waiting = before === undefined ? 0 : before.waiting + 1;
    if (waiting > WAITING_MAX) throw new MusterError("too_many", `too much is asked of "${key}" at once`);
    let leave = (): void => {};
    const entry = {
      done: new Promise<void>((resolve) => {
        leave = resolve;
      }),
      waiting,
    };
    this.#last.set(key, entry);
    await before?.done;
    try {
      return await work();
    } finally {
      entry.waiting = 0;
      leave();
      if (this.#last.get(key) === entry) this.#last.delete(key);
    }
  }
}
