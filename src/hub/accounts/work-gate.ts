// Lets a few costly jobs run at once and a bounded number wait; whoever comes after that is told to come back.
import { MusterError } from "../../protocol/errors.ts";

export class WorkGate {
  readonly #atOnce: number;
  readonly #waitingMax: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ atOnce, waitingMax }: { atOnce: number; waitingMax: number }) {
    this.#atOnce = atOnce;
    this.#waitingMax = waitingMax;
  }

  /** Throws `too_many` without starting the job. */
  async run<Result>(job: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#atOnce) await this.#turn();
    else this.#running++;
    try {
      return await job();
    } finally {
      // The place passes to the next one in line, so `running` stays as it is.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#waitingMax) {
      throw new MusterError("too_many", "too many people are signing in right now", {
        hint: "try again in a minute",
      });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
