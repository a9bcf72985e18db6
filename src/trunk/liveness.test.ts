import { describe, expect, test } from "bun:test";
import { DEAD_AFTER_MS, PING_EVERY_MS } from "../protocol/limits.ts";
import { encodeFrame, FRAME } from "./frame.ts";
import { BEAT_MS, Pulse } from "./liveness.ts";
import { RoundTrip } from "./round-trip.ts";
import { FakeTime } from "./testing.ts";
import { joinTrunks, LoneTrunk } from "./testing-trunks.ts";
import { Trunk } from "./trunk.ts";

describe("an idle trunk", () => {
  test("stays open for an hour, with a ping every two seconds at most", () => {
    const pair = joinTrunks({ latencyMs: 20 });
    const before = pair.hub.trunk.counters.framesIn + pair.agent.trunk.counters.framesIn;
    const hourMs = 3_600_000;
    pair.time.advance(hourMs);
    expect(pair.hub.trunk.isOpen && pair.agent.trunk.isOpen).toBe(true);
    const frames = pair.hub.trunk.counters.framesIn + pair.agent.trunk.counters.framesIn - before;
    // Each ping has its pong, and it tells both ends.
    expect(frames).toBeLessThanOrEqual((2 * hourMs) / (PING_EVERY_MS - BEAT_MS));
    expect(pair.hub.trunk.roundTripMs).toBeCloseTo(40);
  });

  test("asks after two seconds of silence and is dead after five, never later", () => {
    const lone = new LoneTrunk();
    lone.receive(FRAME.pong, 0, new Uint8Array(8));
    lone.time.advance(PING_EVERY_MS);
    expect(lone.sentTypes()).toEqual([FRAME.ping]);
    lone.time.advance(PING_EVERY_MS);
    expect(lone.sentTypes()).toEqual([FRAME.ping, FRAME.ping]);
    expect(lone.trunk.isOpen).toBe(true);
    lone.time.advance(DEAD_AFTER_MS - 2 * PING_EVERY_MS);
    expect(lone.log.code).toBe("dead");
    expect(lone.dropped).toBe(true);
    expect(lone.time.pendingTimers).toBe(0);
  });

  test("is noticed dead by both ends when the network goes silent", () => {
    const pair = joinTrunks({ latencyMs: 1 });
    pair.time.advance(10_000);
    pair.hub.pipe.cut();
    pair.agent.pipe.cut();
    pair.time.advance(DEAD_AFTER_MS);
    expect([pair.hub.log.code, pair.agent.log.code]).not.toContain(undefined);
  });
});

test("a far side that says it is there and takes nothing for five minutes is given up", () => {
  const time = new FakeTime();
  let code = "";
  const trunk = new Trunk({
    role: "hub",
    stream: { write: () => 0, shutdown() {}, close() {} },
    timers: time,
    clock: time,
    events: {
      opened: () => ({ data() {}, drain() {}, end() {}, close() {} }),
      message() {},
      goaway() {},
      closed: (closed) => void (code = closed.code),
    },
  });
  for (let second = 0; second < 299; second += 1) {
    time.advance(1000);
    trunk.wire.data(encodeFrame(FRAME.pong, 0, new Uint8Array(8)));
  }
  expect(code).toBe("");
  time.advance(2000);
  expect(code).toBe("dead");
});

test("bytes of any kind put the ping off", () => {
  const lone = new LoneTrunk();
  for (let count = 0; count < 20; count += 1) {
    lone.time.advance(1_000);
    lone.receive(FRAME.message, 0, new Uint8Array(1));
  }
  expect(lone.sent).toEqual([]);
  expect(lone.trunk.isOpen).toBe(true);
});

test("a process that was stopped listens before it calls the far side dead", () => {
  const lone = new LoneTrunk();
  lone.time.advance(1_000);
  lone.time.sleep(60_000);
  lone.time.advance(BEAT_MS);
  expect(lone.trunk.isOpen).toBe(true);
  lone.time.advance(DEAD_AFTER_MS);
  expect(lone.log.code).toBe("dead");
});

test("a wall clock that jumps changes nothing", () => {
  const lone = new LoneTrunk();
  lone.time.now = () => 10 ** 13;
  lone.time.advance(1_000);
  expect(lone.trunk.isOpen).toBe(true);
});

test("one interval serves all trunks that share a pulse, and ends with the last of them", () => {
  const time = new FakeTime();
  const pulse = new Pulse(time, time);
  const wire = { write: (bytes: Uint8Array) => bytes.length, shutdown() {}, close() {} };
  const events = {
    opened: () => ({ data() {}, drain() {}, end() {}, close() {} }),
    message() {},
    goaway() {},
    closed() {},
  };
  const trunks = Array.from(
    { length: 100 },
    () => new Trunk({ role: "hub", stream: wire, timers: time, clock: time, events, pulse }),
  );
  expect(time.pendingTimers).toBe(1);
  time.advance(3_000);
  for (const trunk of trunks) {
    expect(trunk.holdsBuffer).toBe(false);
    trunk.close("done", "");
  }
  time.advance(1_000);
  expect(time.pendingTimers).toBe(0);
});

describe("the round trip", () => {
  function measured(times: number[]): RoundTrip {
    const roundTrip = new RoundTrip();
    let nowMs = 0;
    for (const tookMs of times) {
      const payload = roundTrip.ping(nowMs);
      nowMs += tookMs;
      roundTrip.pong(payload, nowMs);
    }
    return roundTrip;
  }

  test("is unknown before the first answer", () => {
    expect(new RoundTrip().smoothMs).toBeUndefined();
    expect(new RoundTrip().shortestMs).toBe(0);
  });

  test("follows the path smoothly, and its shortest follows a longer path slowly", () => {
    expect(measured([50, 10]).smoothMs).toBe(40);
    expect(measured([50, 10]).shortestMs).toBe(10);
    const longer = measured([10, ...Array.from({ length: 100 }, () => 200)]);
    expect(longer.shortestMs).toBeGreaterThan(190);
    expect(measured([10, 1_000]).shortestMs).toBeLessThan(100);
  });

  test("passes over an answer to an older ping, and one that was never asked for", () => {
    const roundTrip = new RoundTrip();
    const old = roundTrip.ping(0);
    const payload = roundTrip.ping(100);
    roundTrip.pong(old, 150);
    expect(roundTrip.smoothMs).toBeUndefined();
    roundTrip.pong(payload, 160);
    roundTrip.pong(payload, 900);
    expect(roundTrip.smoothMs).toBe(60);
  });

  test("is stale when it is old and no ping is under way", () => {
    const roundTrip = new RoundTrip();
    expect(roundTrip.isStale(0, 1_000)).toBe(true);
    const payload = roundTrip.ping(0);
    expect(roundTrip.isStale(500, 1_000)).toBe(false);
    roundTrip.pong(payload, 600);
    expect(roundTrip.isStale(1_500, 1_000)).toBe(false);
    expect(roundTrip.isStale(1_700, 1_000)).toBe(true);
  });
});
