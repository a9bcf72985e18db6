import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createPump } from "./pump.ts";
import { FakeTime, pipe } from "./testing.ts";
import type { PipeEnd, PipeOptions } from "./testing.ts";
import { bytesOf, joinTrunks, openStream, StreamLog } from "./testing-trunks.ts";

interface Joined {
  time: FakeTime;
  /** The outer ends: what is written at one comes out at the other. */
  client: PipeEnd;
  server: PipeEnd;
  clientLog: StreamLog;
  serverLog: StreamLog;
  /** The inner end that faces the server. */
  inner: PipeEnd;
  closed: (Error | undefined)[];
  connect(): void;
}

/** client ⇄ pump ⇄ server. The server's side is attached by `connect`. */
function joined(options: PipeOptions = {}): Joined {
  const time = new FakeTime();
  const [client, left] = pipe(time, options);
  const [server, right] = pipe(time, options);
  const closed: (Error | undefined)[] = [];
  const pump = createPump((error) => closed.push(error));
  const clientLog = new StreamLog();
  const serverLog = new StreamLog();
  client.events = clientLog;
  server.events = serverLog;
  left.events = pump.left;
  right.events = pump.right;
  pump.left.attach(left);
  return {
    time,
    client,
    server,
    clientLog,
    serverLog,
    inner: right,
    closed,
    connect: () => pump.right.attach(right),
  };
}

test("carries bytes both ways and half-closes each way by itself", () => {
  const it = joined();
  it.connect();
  it.client.write(bytesOf("question"));
  it.client.shutdown();
  it.time.settle();
  expect(it.serverLog.text).toBe("question");
  expect(it.serverLog.told).toEqual(["end"]);
  it.server.write(bytesOf("answer"));
  it.time.settle();
  expect(it.clientLog.text).toBe("answer");
  it.server.shutdown();
  it.time.settle();
  expect(it.clientLog.told).toEqual(["end", "close"]);
  expect(it.closed).toEqual([undefined]);
});

test("keeps what comes before the other side is there, and its end", () => {
  const it = joined();
  it.client.write(bytesOf("early"));
  it.client.shutdown();
  it.time.settle();
  it.connect();
  it.time.settle();
  expect(it.serverLog.text).toBe("early");
  expect(it.serverLog.told).toEqual(["end"]);
});

test("a source that is faster than its reader is paused, and nothing is lost", () => {
  const property = fc.property(
    fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 40 }),
    fc.integer({ min: 10, max: 300 }),
    fc.integer({ min: 1, max: 200 }),
    (pieces, capacityBytes, cutBytes) => {
      const it = joined({ capacityBytes, cut: () => cutBytes });
      it.connect();
      it.server.stalled = true;
      const whole = Buffer.concat(pieces);
      let at = 0;
      const write = (): void => {
        at += Math.max(0, it.client.write(whole.subarray(at)));
        if (at === whole.length) it.client.shutdown();
      };
      it.clientLog.onEvent = (event) => event === "drain" && write();
      write();
      it.time.settle();
      // Two connections' worth and what the pump holds of one delivery.
      expect(at).toBeLessThanOrEqual(2 * capacityBytes + cutBytes);
      it.server.unstall();
      it.time.settle();
      expect(Buffer.from(it.serverLog.received).equals(whole)).toBe(true);
      expect(it.serverLog.told).toEqual(["end"]);
    },
  );
  fc.assert(property, { seed: 7, numRuns: 100 });
});

describe("a side that is gone", () => {
  test("before it ended closes the other at once", () => {
    const it = joined();
    it.connect();
    it.client.write(bytesOf("half"));
    it.time.settle();
    it.client.close();
    it.time.settle();
    expect(it.serverLog.told).toEqual(["close with error"]);
    expect(it.closed).toHaveLength(1);
    expect(it.closed[0]?.message).toBe("connection reset");
  });

  test("after it ended leaves the rest to be read", () => {
    const it = joined({ capacityBytes: 10 });
    it.connect();
    it.server.stalled = true;
    const text = "all of this was sent before the end";
    let at = 0;
    const write = (): void => {
      at += Math.max(0, it.client.write(bytesOf(text).subarray(at)));
      if (at === text.length) it.client.shutdown();
    };
    it.clientLog.onEvent = (event) => event === "drain" && write();
    write();
    it.time.settle();
    it.server.unstall();
    it.time.settle();
    it.client.close();
    it.time.settle();
    expect(it.serverLog.text).toBe(text);
    expect(it.serverLog.told).toEqual(["end"]);
    // Nobody reads the answer; it runs out until the server is done.
    it.server.write(bytesOf("to nobody"));
    it.time.settle();
    it.server.shutdown();
    it.time.settle();
    expect(it.serverLog.told).toEqual(["end", "close"]);
    expect(it.closed).toHaveLength(1);
  });

  test("before the other was there closes that one as soon as it comes", () => {
    const it = joined();
    it.client.close();
    it.time.settle();
    it.connect();
    it.time.settle();
    expect(it.serverLog.told).toEqual(["close with error"]);
    expect(it.inner.isClosed).toBe(true);
    expect(it.closed).toHaveLength(1);
  });
});

test("joins a trunk's stream to a connection", () => {
  const pair = joinTrunks({ latencyMs: 2 });
  const [server, right] = pipe(pair.time, { capacityBytes: 1_000 });
  const serverLog = new StreamLog();
  server.events = serverLog;
  pair.agent.log.accept = (stream) => {
    const pump = createPump();
    pump.left.attach(stream);
    right.events = pump.right;
    pair.time.after(10, () => pump.right.attach(right));
    return pump.left;
  };
  const near = openStream(pair.hub);
  const text = "a request that is long ".repeat(2_000);
  near.stream.write(bytesOf(text));
  near.stream.shutdown();
  pair.time.advance(100);
  expect(serverLog.text).toBe(text);
  expect(serverLog.told).toEqual(["end"]);
  server.write(bytesOf("fine"));
  pair.time.advance(10);
  server.shutdown();
  pair.time.advance(10);
  expect(near.log.text).toBe("fine");
  expect(near.log.told).toEqual(["end", "close"]);
});
