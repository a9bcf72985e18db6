// A clock that jumps to the next timer whenever the program has nothing else to do, so that waiting takes no time.

import type { Clock, Timers } from "../../world/world.ts";

export const STARTED_AT = Date.UTC(2026, 10, 20, 12, 0, 0);

interface Entry {
  at: number;
  run(): void;
}

export interface FakeTime {
  clock: Clock;
  timers: Timers;
}

export function fakeTime(): FakeTime {
  let now = 0;
  let pumping = false;
  const entries = new Set<Entry>();
  const pump = (): void => {
    const next = [...entries].toSorted((a, b) => a.at - b.at)[0];
    if (next === undefined) {
      pumping = false;
      return;
    }
    entries.delete(next);
    now = Math.max(now, next.at);
    next.run();
    setImmediate(pump);
  };
  const add = (entry: Entry): void => {
    entries.add(entry);
    if (pumping) return;
    pumping = true;
    setImmediate(pump);
  };
  return {
    clock: { now: () => STARTED_AT + now, monotonic: () => now },
    timers: {
      after(delayMs, run) {
        const entry = { at: now + delayMs, run };
        add(entry);
        return { cancel: () => entries.delete(entry) };
      },
      every(periodMs, run) {
        const entry: Entry = {
          at: now + periodMs,
          run() {
            entry.at += periodMs;
            add(entry);
            run();
          },
        };
        add(entry);
        return { cancel: () => entries.delete(entry) };
      },
      soon: (run) => void setImmediate(run),
    },
  };
}
