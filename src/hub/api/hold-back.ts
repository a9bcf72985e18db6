// Refusals that say when to come back: the wait rides on the error as its cause, and the answer carries it as
// `Retry-After`.
import { MusterError } from "../../protocol/errors.ts";

class Wait {
  readonly seconds: number;

  constructor(waitMs: number) {
    this.seconds = Math.max(1, Math.ceil(waitMs / 1000));
  }
}

/** Throws `too_many` when a limiter says to wait. */
export function holdBack(waitMs: number): void {
  if (waitMs === 0) return;
  const wait = new Wait(waitMs);
  throw new MusterError("too_many", "too many attempts from this address", {
    hint: `try again in ${wait.seconds} s`,
    cause: wait,
  });
}

export function retryAfterSeconds(error: MusterError): number | undefined {
  return error.cause instanceof Wait ? error.cause.seconds : undefined;
}
