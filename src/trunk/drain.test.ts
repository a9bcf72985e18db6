import { expect, test } from "bun:test";
import { FakeTime } from "../trunk/testing.ts";
import { drain, PATIENT } from "./drain.ts";

/** Runs a drain; `step` happens every 100 ms. Resolves with the milliseconds it took. */
async function drained(
  flight: { busy(): boolean; bytes(): number },
  step: (nowMs: number) => void,
): Promise<number> {
  const time = new FakeTime();
  const state = { over: false };
  void drain({ clock: time, timers: time }, flight, PATIENT).then(() => (state.over = true));
  for (let turn = 0; !state.over; turn += 1) {
    await Promise.resolve();
    if (turn > 10_000) throw new Error("it never ends");
    step(time.monotonic());
    time.advance(20);
  }
  return time.monotonic();
}

test("it ends with the last request", async () => {
  let busy = true;
  const tookMs = await drained({ busy: () => busy, bytes: () => 0 }, (now) => (busy = now < 700));
  expect(tookMs).toBeLessThan(800);
});

test("what does not move is given up after ten seconds", async () => {
  const tookMs = await drained({ busy: () => true, bytes: () => 0 }, () => {});
  expect(tookMs).toBeGreaterThanOrEqual(PATIENT.usualMs);
  expect(tookMs).toBeLessThan(PATIENT.usualMs + 100);
});

test("pings are no progress", async () => {
  let bytes = 0;
  const tookMs = await drained({ busy: () => true, bytes: () => bytes }, () => (bytes += 1));
  expect(tookMs).toBeLessThan(PATIENT.usualMs + 100);
});

test("what moves has thirty seconds, and is given up when it stops", async () => {
  let bytes = 0;
  const all = await drained({ busy: () => true, bytes: () => bytes }, () => (bytes += 100_000));
  expect(all).toBeGreaterThanOrEqual(PATIENT.longestMs);
  expect(all).toBeLessThan(PATIENT.longestMs + 100);
  bytes = 0;
  const stopped = await drained(
    { busy: () => true, bytes: () => bytes },
    (now) => (bytes += now < 15_000 ? 100_000 : 0),
  );
  expect(stopped).toBeGreaterThan(15_000);
  expect(stopped).toBeLessThan(18_000);
});
