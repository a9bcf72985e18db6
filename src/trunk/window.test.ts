import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { FIRST_CREDIT_BYTES, TRUNK_EXTRA_CREDIT_BYTES, WINDOW_MAX_BYTES } from "../protocol/limits.ts";
import { CreditBudget, ReceiveWindow } from "./window.ts";

const ROUND_TRIP_MS = 50;

/** Receives and uses a window's half, `tookMs` after the last time. */
function useHalf(window: ReceiveWindow, clock: { ms: number }, tookMs: number): number {
  const half = window.size / 2;
  expect(window.receive(half)).toBe(true);
  expect(window.use(half)).toBe(true);
  clock.ms += tookMs;
  return window.grant(clock.ms, ROUND_TRIP_MS);
}

describe("credit", () => {
  test("comes back at half a window, and not before", () => {
    const window = new ReceiveWindow(new CreditBudget());
    window.receive(FIRST_CREDIT_BYTES);
    expect(window.use(FIRST_CREDIT_BYTES / 2 - 1)).toBe(false);
    expect(window.use(1)).toBe(true);
    expect(window.grant(0, ROUND_TRIP_MS)).toBe(FIRST_CREDIT_BYTES / 2);
  });

  test("is overrun by the first byte above it", () => {
    const window = new ReceiveWindow(new CreditBudget());
    expect(window.receive(FIRST_CREDIT_BYTES)).toBe(true);
    expect(window.receive(1)).toBe(false);
  });

  test("never lets more wait than the largest window there was, and the budget comes back whole", () => {
    const step = fc.record({
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      useShare: fc.double({ min: 0, max: 1, noNaN: true }),
      tookMs: fc.integer({ min: 0, max: 3000 }),
      blocked: fc.boolean(),
    });
    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new CreditBudget();
      const window = new ReceiveWindow(budget);
      let credit = FIRST_CREDIT_BYTES;
      let waiting = 0;
      let nowMs = 0;
      let largest = window.size;
      for (const { share, useShare, tookMs, blocked } of steps) {
        nowMs += tookMs;
        const got = Math.floor(credit * share);
        credit -= got;
        waiting += got;
        expect(window.receive(got)).toBe(true);
        if (blocked) window.block();
        const used = Math.floor(waiting * useShare);
        waiting -= used;
        if (window.use(used)) credit += window.grant(nowMs, ROUND_TRIP_MS);
        largest = Math.max(largest, window.size);
        expect(credit + waiting).toBeLessThanOrEqual(largest);
        expect(TRUNK_EXTRA_CREDIT_BYTES - budget.leftBytes).toBe(window.size - FIRST_CREDIT_BYTES);
      }
      expect(window.receive(credit + 1)).toBe(false);
      window.release();
      expect(budget.leftBytes).toBe(TRUNK_EXTRA_CREDIT_BYTES);
    });
    fc.assert(property, { seed: 4, numRuns: 300 });
  });
});

describe("the window", () => {
  test("doubles up to its bound while half of it is used within two round trips", () => {
    const clock = { ms: 0 };
    const window = new ReceiveWindow(new CreditBudget());
    useHalf(window, clock, 0);
    for (let turn = 0; turn < 12; turn += 1) useHalf(window, clock, 2 * ROUND_TRIP_MS);
    expect(window.size).toBe(WINDOW_MAX_BYTES);
  });

  test("stays when half of it takes longer, and when the reader was blocked", () => {
    const clock = { ms: 0 };
    const window = new ReceiveWindow(new CreditBudget());
    useHalf(window, clock, 0);
    useHalf(window, clock, 2 * ROUND_TRIP_MS + 1);
    expect(window.size).toBe(FIRST_CREDIT_BYTES);
    window.block();
    useHalf(window, clock, 1);
    expect(window.size).toBe(FIRST_CREDIT_BYTES);
    useHalf(window, clock, 1);
    expect(window.size).toBe(2 * FIRST_CREDIT_BYTES);
  });

  test("halves when its reader is blocked for long, down to the first credit", () => {
    const clock = { ms: 0 };
    const budget = new CreditBudget();
    const window = new ReceiveWindow(budget);
    for (let turn = 0; turn < 4; turn += 1) useHalf(window, clock, 1);
    expect(window.size).toBe(8 * FIRST_CREDIT_BYTES);
    for (let turn = 0; turn < 5; turn += 1) {
      window.block();
      useHalf(window, clock, 2_000);
    }
    expect(window.size).toBe(FIRST_CREDIT_BYTES);
    expect(budget.leftBytes).toBe(TRUNK_EXTRA_CREDIT_BYTES);
  });

  test("does not grow beyond what the trunk has left", () => {
    const clock = { ms: 0 };
    const budget = new CreditBudget();
    budget.take(TRUNK_EXTRA_CREDIT_BYTES - FIRST_CREDIT_BYTES);
    const window = new ReceiveWindow(budget);
    for (let turn = 0; turn < 6; turn += 1) useHalf(window, clock, 1);
    expect(window.size).toBe(2 * FIRST_CREDIT_BYTES);
    expect(budget.leftBytes).toBe(0);
  });
});
