import { expect, test } from "bun:test";
import { FIRST_SPREAD_MS, LONG_AFTER_MS, PAUSE_LONG_MS, PAUSE_MAX_MS, redialPauseMs } from "./redial.ts";

const lost = { type: "lost" } as const;

test("the first try after a loss is spread evenly over a second", () => {
  expect(redialPauseMs(lost, { tries: 0, downMs: 0 }, 0)).toBe(0);
  expect(redialPauseMs(lost, { tries: 0, downMs: 0 }, 0.5)).toBe(FIRST_SPREAD_MS / 2);
});

test("the pause doubles with full jitter up to two seconds", () => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 8].map((tries) => redialPauseMs(lost, { tries, downMs: 1000 }, 1));
  expect(longest).toEqual([50, 100, 200, 400, 800, 1600, PAUSE_MAX_MS, PAUSE_MAX_MS]);
  expect(redialPauseMs(lost, { tries: 1000, downMs: 1000 }, 1)).toBe(PAUSE_MAX_MS);
});

test("after ten minutes without a hub it is about five seconds", () => {
  const state = { tries: 400, downMs: LONG_AFTER_MS + 1 };
  expect(redialPauseMs(lost, state, 0)).toBe(PAUSE_LONG_MS / 2);
  expect(redialPauseMs(lost, state, 0.999)).toBeLessThan(PAUSE_LONG_MS * 1.5);
});

test("a network change dials at once, and a hub's wish is bounded", () => {
  expect(redialPauseMs({ type: "network_changed" }, { tries: 30, downMs: LONG_AFTER_MS * 2 }, 0.9)).toBe(0);
  expect(redialPauseMs({ type: "asked", afterMs: 9e12 }, { tries: 0, downMs: 0 }, 0)).toBe(600_000);
});
