// What was printed reaches its reader before the process ends. A pipe takes 64 KiB at a time, and whatever its
// reader has not fetched yet is lost with the process; so the end waits, as a blocking write would.

import { systemCode } from "../protocol/errors.ts";

export interface Printed {
  write(text: string): void;
  /** Resolves once all of it is written or can't be. False when it was lost, to a full disk for one. */
  settled(): Promise<boolean>;
  /** Nothing that is written now can arrive. */
  readonly isGone: boolean;
}

export function printedTo(stream: NodeJS.WritableStream): Printed {
  let waiting = false;
  let failure: unknown;
  const settling = new Set<() => void>();
  const settle = (): void => {
    waiting = false;
    for (const done of settling) done();
    settling.clear();
  };
  stream.on("drain", settle);
  stream.on("error", (error) => {
    failure ??= error;
    settle();
  });
  return {
    write(text) {
      if (failure === undefined) waiting = !stream.write(text) || waiting;
    },
    async settled() {
      if (waiting) await new Promise<void>((done) => settling.add(done));
      // The error of a write that failed at once comes a turn later.
      await new Promise((done) => setImmediate(done));
      // A reader that has seen enough (`muster ls | head`) is no failure.
      return failure === undefined || systemCode(failure) === "EPIPE";
    },
    get isGone() {
      return failure !== undefined;
    },
  };
}
