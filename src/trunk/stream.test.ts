import { expect, test } from "bun:test";
import { FIRST_CREDIT_BYTES, TRUNK_EXTRA_CREDIT_BYTES } from "../protocol/limits.ts";
import { Outbox } from "./outbox.ts";
import { StreamEnd } from "./stream.ts";
import { FakeTime } from "./testing.ts";
import { StreamLog } from "./testing-trunks.ts";
import { Turns } from "./turns.ts";
import { CreditBudget } from "./window.ts";

function setUp() {
  const time = new FakeTime();
  const outbox = new Outbox({ write: (bytes) => bytes.length, shutdown() {}, close() {} });
  const breaches: string[] = [];
  const carrier = {
    outbox,
    turns: new Turns(outbox, time, () => undefined),
    budget: new CreditBudget(),
    grant: (window: { grant(nowMs: number, roundTripMs: number): number }) =>
      window.grant(time.monotonic(), 50),
    forget: () => undefined,
    breach: (message: string) => void breaches.push(message),
    failed: () => undefined,
  };
  const stream = new StreamEnd(1, carrier, new StreamLog());
  return { carrier, stream, breaches };
}

test("a stream that is gone gives its extra credit back to the trunk", () => {
  for (const end of ["close", "finish"] as const) {
    const { carrier, stream, breaches } = setUp();
    for (let count = 0; count < 20; count += 1) stream.receiveData(new Uint8Array(FIRST_CREDIT_BYTES));
    expect(breaches).toEqual([]);
    expect(carrier.budget.leftBytes).toBeLessThan(TRUNK_EXTRA_CREDIT_BYTES);
    if (end === "close") stream.close();
    else {
      stream.receiveFinish(new Uint8Array(0));
      stream.shutdown();
    }
    expect(carrier.budget.leftBytes).toBe(TRUNK_EXTRA_CREDIT_BYTES);
  }
});

test("bytes sent one by one to a paused reader cost about what they weigh", () => {
  const { stream, breaches } = setUp();
  stream.pause();
  const one = new Uint8Array(1);
  for (let count = 0; count < FIRST_CREDIT_BYTES; count += 1) stream.receiveData(one);
  expect(stream.waitingBytes).toBe(FIRST_CREDIT_BYTES);
  stream.receiveData(one);
  expect(breaches).toEqual(["stream 1 sent more data than its credit"]);
});

test("a last word or a flag that is too large is refused to the caller", () => {
  const { stream } = setUp();
  expect(() => stream.finish(new Uint8Array(1025))).toThrow("the most is 1024");
  expect(() => stream.flag(new Uint8Array(257))).toThrow("the most is 256");
});
