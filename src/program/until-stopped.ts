// Resolves when a program shall end: asked from outside, or by its own API.

export interface Stopping {
  /** Its own API asked; what belongs to it goes with it. */
  ask(): void;
  /** "asked": `muster stop`. "signal": Ctrl-C or the service manager. */
  readonly reason: Promise<"asked" | "signal">;
}

export function stoppingOn(signal: AbortSignal): Stopping {
  let ask = () => {};
  const reason = new Promise<"asked" | "signal">((resolve) => {
    ask = () => resolve("asked");
    if (signal.aborted) resolve("signal");
    else signal.addEventListener("abort", () => resolve("signal"), { once: true });
  });
  return { ask: () => ask(), reason };
}
