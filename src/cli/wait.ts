// Waiting for a condition: asked again and again, bounded, and over at once when the run is interrupted.

import type { Invocation } from "./invocation.ts";

export interface WaitOptions {
  everyMs: number;
  timeoutMs: number;
}

/** What `look` first answered that is not undefined, or undefined after the timeout. Rejects on an interrupt. */
export async function waitFor<Result>(
  invocation: Invocation,
  { everyMs, timeoutMs }: WaitOptions,
  look: () => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const { clock } = invocation.surroundings;
  const endsAt = clock.monotonic() + timeoutMs;
  for (;;) {
    const result = await look();
    if (result !== undefined) return result;
    if (clock.monotonic() >= endsAt) return undefined;
    await pause(invocation, everyMs);
  }
}

export async function pause({ surroundings, interrupted }: Invocation, delayMs: number): Promise<void> {
  interrupted.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = surroundings.timers.after(delayMs, resolve);
  const onAbort = (): void => reject(interrupted.reason);
  interrupted.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    timer.cancel();
    interrupted.removeEventListener("abort", onAbort);
  }
}
