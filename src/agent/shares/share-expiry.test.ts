import { expect, test } from "bun:test";
import { NOW, TestTime } from "../testing.ts";
import { ShareExpiry } from "./share-expiry.ts";

const DAY_MS = 86_400_000;

function expiryOf(endsAt: number) {
  const time = new TestTime();
  const shares = new Set([endsAt]);
  const ended: number[] = [];
  const expiry = new ShareExpiry({
    clock: time,
    timers: time,
    next: () => (shares.size === 0 ? undefined : Math.min(...shares)),
    end: (nowMs) => {
      for (const end of shares) if (end <= nowMs && shares.delete(end)) ended.push(time.monotonic());
    },
  });
  expiry.arm();
  return { time, ended, expiry };
}

test("a share ends when its time is over, and no timer is left", () => {
  const { time, ended } = expiryOf(NOW + DAY_MS);
  time.advance(DAY_MS - 1);
  expect(ended).toEqual([]);
  time.advance(1);
  expect(ended).toEqual([DAY_MS]);
  expect(time.pendingTimers).toBe(0);
});

test("a clock that jumps a year ahead and is set right within a minute ends nothing", () => {
  const { time, ended } = expiryOf(NOW + DAY_MS);
  time.jumpWall(365 * DAY_MS);
  time.advance(50_000);
  time.jumpWall(-365 * DAY_MS);
  time.advance(10 * 60_000);
  expect(ended).toEqual([]);
});

test("a machine that slept through the end ends it a minute after waking", () => {
  const { time, ended } = expiryOf(NOW + DAY_MS);
  time.jumpWall(2 * DAY_MS);
  time.advance(95_000);
  expect(ended).toHaveLength(1);
});

test("after stop nothing ends any more", () => {
  const { time, ended, expiry } = expiryOf(NOW + 1_000);
  expiry.stop();
  expiry.arm();
  time.advance(DAY_MS);
  expect(ended).toEqual([]);
});
