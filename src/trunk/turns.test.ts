import { expect, test } from "bun:test";
import { DATA_MAX_BYTES } from "../protocol/limits.ts";
import { Outbox } from "./outbox.ts";
import { FakeTime } from "./testing.ts";
import { Turns } from "./turns.ts";
import type { TurnTaker } from "./turns.ts";

function setUp() {
  const time = new FakeTime();
  const wire = { write: (bytes: Uint8Array) => bytes.length, shutdown() {}, close() {} };
  const outbox = new Outbox(wire);
  const turns = new Turns(outbox, time, () => undefined);
  return { time, outbox, turns };
}

test("a stream may write all it has when it is alone, and one frame when others wait", () => {
  const { turns } = setUp();
  expect(turns.share(1_000_000)).toBe(1_000_000);
  turns.wakeLater({ wake() {}, deliver() {} });
  expect(turns.share(1_000_000)).toBe(DATA_MAX_BYTES);
  expect(turns.share(10)).toBe(10);
});

test("streams that always have more take turns, and the loop gets its own in between", () => {
  const { time, outbox, turns } = setUp();
  const frame = new Uint8Array(DATA_MAX_BYTES);
  const order: number[] = [];
  const loops: number[] = [];
  const makeTaker = (id: number): TurnTaker => {
    const taker = {
      wake() {
        order.push(id);
        outbox.data(id, frame, frame.length);
        if (order.length < 60) turns.wakeLater(taker);
      },
      deliver() {},
    };
    return taker;
  };
  for (const id of [1, 2, 3]) turns.wakeLater(makeTaker(id));
  const look = (): void => {
    loops.push(order.length);
    if (order.length < 60) time.soon(look);
  };
  time.soon(look);
  time.settle();
  expect(order.slice(0, 6)).toEqual([1, 2, 3, 1, 2, 3]);
  expect(order.length).toBeGreaterThanOrEqual(60);
  expect(Math.max(...loops.map((count, index) => count - (loops[index - 1] ?? 0)))).toBeLessThan(20);
});

test("a stream that was forgotten is not woken", () => {
  const { time, turns } = setUp();
  let woken = 0;
  const taker = { wake: () => void (woken += 1), deliver() {} };
  turns.wakeLater(taker);
  turns.forget(taker);
  time.settle();
  expect(woken).toBe(0);
});
