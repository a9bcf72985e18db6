// What has to be ended, last begun first.
import type { Log } from "../../protocol/log.ts";

export class Ends {
  readonly #ends: (() => void | Promise<void>)[] = [];

  add(end: () => void | Promise<void>): void {
    this.#ends.push(end);
  }

  /** One that fails does not keep the others from ending. */
  async run(log: Log): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) {
      try {
        await end();
      } catch (error) {
        log.error("a part of the agent did not end in order", { error });
      }
    }
  }
}
