// The real clock and timers.
import type { Clock, Timers } from "./world.ts";

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

export const realTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  every(periodMs, run) {
    const timer = setInterval(run, periodMs);
    return { cancel: () => clearInterval(timer) };
  },
  soon(run) {
    setImmediate(run);
  },
};
