// The page's adapter to clock, timers and randomness: the only file of the page that touches the real ones.
import type { Clock, Random, Timers } from "../../../src/world/world.ts";

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

// A message to itself: in a tab at the back a timer of 0 ms may take a minute, and the hub would call it dead.
const turn = new MessageChannel();
const waiting: (() => void)[] = [];
turn.port1.addEventListener("message", () => waiting.shift()?.());
turn.port1.start();

const timers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  every(periodMs, run) {
    const timer = setInterval(run, periodMs);
    return { cancel: () => clearInterval(timer) };
  },
  soon(run) {
    waiting.push(run);
    turn.port2.postMessage(null);
  },
};

const random: Random = {
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  fraction: () => Math.random(),
};

export const browserWorld = { clock, timers, random } as const;
