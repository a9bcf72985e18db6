// Clock, timers and randomness from what browsers, Bun and Node all have: the world of the client library.
import type { World } from "./world.ts";

/** A timer of Node and Bun keeps its process alive unless told not to; a browser's is a number. */
type Running = ReturnType<typeof setTimeout> | number;

export const portableWorld: Pick<World, "clock" | "timers" | "random"> = {
  clock: { now: () => Date.now(), monotonic: () => performance.now() },
  timers: {
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
    every(periodMs, run) {
      const timer: Running = setInterval(run, periodMs);
      // Rounds go on as long as something else does: a connection, a wait.
      if (typeof timer === "object") timer.unref();
      return { cancel: () => clearInterval(timer) };
    },
    soon: (run) => void setTimeout(run, 0),
  },
  random: {
    bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    fraction: () => Math.random(),
  },
};
