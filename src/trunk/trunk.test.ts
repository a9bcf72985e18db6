import { describe, expect, test } from "bun:test";
import {
  DATA_MAX_BYTES,
  MESSAGE_MAX_BYTES,
  OPEN_MAX_BYTES,
  PROVEN_MESSAGE_MAX_BYTES,
  TRUNK_MAX_STREAMS,
} from "../protocol/limits.ts";
import { encodeGoaway } from "./closing.ts";
import { encodeFrame, FRAME, NO_BYTES, RESET } from "./frame.ts";
import {
  bytesOf,
  joinTrunks,
  LoneTrunk,
  openedPair,
  openStream,
  StreamLog,
  textOf,
} from "./testing-trunks.ts";

describe("a stream", () => {
  test("carries its opening payload, bytes both ways, and ends with a last word", () => {
    const pair = joinTrunks({ latencyMs: 5 });
    const near = openStream(pair.hub, "web");
    expect(near.stream.write(bytesOf("hello"))).toBe(5);
    near.stream.shutdown();
    pair.time.advance(10);
    const far = pair.agent.log.streams[0];
    expect(far?.payload).toBe("web");
    expect(far?.log.text).toBe("hello");
    expect(far?.log.told).toEqual(["end"]);
    far?.stream.write(bytesOf("hi"));
    far?.stream.finish(bytesOf("200 ok"));
    pair.time.advance(10);
    expect(near.log.text).toBe("hi");
    expect(near.log.told).toEqual(["end 200 ok", "close"]);
    expect(far?.log.told).toEqual(["end", "close"]);
    expect([pair.hub.trunk.streamCount, pair.agent.trunk.streamCount]).toEqual([0, 0]);
    expect(pair.hub.log.told).toEqual(["emptied"]);
  });

  test("goes on in one direction after the other has ended", () => {
    const pair = joinTrunks();
    const { near, far } = openedPair(pair);
    near.stream.shutdown();
    expect(near.stream.write(bytesOf("late"))).toBe(-1);
    pair.time.settle();
    for (const word of ["one ", "two ", "three"]) {
      far.stream.write(bytesOf(word));
      pair.time.settle();
    }
    expect(near.log.text).toBe("one two three");
    expect(near.log.told).toEqual([]);
    far.stream.shutdown();
    pair.time.settle();
    expect(near.log.told).toEqual(["end", "close"]);
  });

  test("can be opened by the agent as well", () => {
    const pair = joinTrunks();
    const near = openStream(pair.agent, "up");
    pair.time.settle();
    expect(near.stream.id % 2).toBe(0);
    expect(pair.hub.log.streams[0]?.payload).toBe("up");
    expect(pair.hub.log.streams[0]?.stream.id).toBe(near.stream.id);
  });

  test("that is reset tells the far side the code, and both are closed", () => {
    const pair = joinTrunks();
    const { near, far } = openedPair(pair);
    near.stream.reset(770);
    expect(near.log.told).toEqual(["close"]);
    pair.time.settle();
    expect(far.log.told).toEqual(["reset 770", "close with error"]);
    expect(far.stream.write(bytesOf("x"))).toBe(-1);
    near.stream.close();
    far.stream.close();
    pair.time.settle();
    expect(far.log.told).toHaveLength(2);
    expect(pair.hub.trunk.isOpen && pair.agent.trunk.isOpen).toBe(true);
  });

  test("hears a flag even while its reader is paused", () => {
    const pair = joinTrunks();
    const { near, far } = openedPair(pair);
    near.stream.pause();
    far.stream.write(bytesOf("101"));
    far.stream.flag(bytesOf("raw"));
    pair.time.settle();
    expect(near.log.told).toEqual(["flag raw"]);
    expect(near.log.text).toBe("");
    near.stream.resume();
    pair.time.settle();
    expect(near.log.text).toBe("101");
  });

  test("whose reader is paused keeps its end back until the bytes before it were read", () => {
    const pair = joinTrunks();
    const { near, far } = openedPair(pair);
    near.stream.pause();
    far.stream.write(bytesOf("body"));
    far.stream.finish(bytesOf("bye"));
    near.stream.shutdown();
    pair.time.settle();
    expect(near.log.told).toEqual([]);
    near.stream.resume();
    expect(near.log.text).toBe("");
    pair.time.settle();
    expect(near.log.text).toBe("body");
    expect(near.log.told).toEqual(["end bye", "close"]);
  });

  test("whose owner throws is reset alone; the others and the trunk go on", () => {
    const pair = joinTrunks();
    const bad = openedPair(pair);
    const good = openedPair(pair);
    bad.far.log.onEvent = () => {
      throw new Error("a fault");
    };
    bad.near.stream.write(bytesOf("x"));
    good.near.stream.write(bytesOf("y"));
    pair.time.settle();
    expect(bad.near.log.told).toEqual([`reset ${RESET.internal}`, "close with error"]);
    expect(good.far.log.text).toBe("y");
    expect(pair.agent.log.failures.length).toBeGreaterThan(0);
    expect(pair.agent.trunk.isOpen).toBe(true);
  });

  test("that its owner refuses by throwing is reset", () => {
    const pair = joinTrunks();
    pair.agent.log.accept = () => {
      throw new Error("a fault");
    };
    const near = openStream(pair.hub);
    pair.time.settle();
    expect(near.log.told).toEqual([`reset ${RESET.internal}`, "close with error"]);
  });

  test("that its owner resets while it is being opened still gets its close", () => {
    const pair = joinTrunks();
    pair.agent.log.accept = (stream, log) => {
      stream.reset(40);
      return log;
    };
    const near = openStream(pair.hub);
    pair.time.settle();
    expect(pair.agent.log.streams[0]?.log.told).toEqual(["close"]);
    expect(near.log.told).toEqual(["reset 40", "close with error"]);
  });
});

describe("the number of streams", () => {
  test("is bounded here: the 1,025th is refused, and a place that is freed can be used", () => {
    const pair = joinTrunks();
    const streams = Array.from({ length: TRUNK_MAX_STREAMS }, () => openStream(pair.hub));
    expect(pair.hub.trunk.open(NO_BYTES, new StreamLog())).toBe("too_many");
    streams[0]?.stream.close();
    openStream(pair.hub);
    pair.time.settle();
    expect(pair.agent.trunk.streamCount).toBe(TRUNK_MAX_STREAMS);
    expect(pair.agent.trunk.isOpen).toBe(true);
  });

  test("is bounded against the far side too: the 1,025th is reset as refused", () => {
    const lone = new LoneTrunk();
    for (let count = 1; count <= TRUNK_MAX_STREAMS; count += 1) lone.receive(FRAME.open, 2 * count);
    expect(lone.sent).toEqual([]);
    lone.receive(FRAME.open, 2 * TRUNK_MAX_STREAMS + 2);
    expect(lone.sent).toEqual([
      { type: FRAME.reset, stream: 2 * TRUNK_MAX_STREAMS + 2, payload: new Uint8Array([0, RESET.refused]) },
    ]);
    expect(lone.trunk.streamCount).toBe(TRUNK_MAX_STREAMS);
    expect(lone.trunk.isOpen).toBe(true);
  });
});

describe("messages", () => {
  test("arrive whole and in order, small and large", () => {
    const pair = joinTrunks({ cut: () => 1000 });
    expect(pair.hub.trunk.message(bytesOf("one"))).toBe(true);
    expect(pair.hub.trunk.message(new Uint8Array(MESSAGE_MAX_BYTES))).toBe(true);
    expect(pair.hub.trunk.message(new Uint8Array(DATA_MAX_BYTES))).toBe(true);
    pair.hub.trunk.message(bytesOf("two"));
    pair.time.settle();
    expect(pair.agent.log.told).toEqual([
      "message one",
      `message of ${MESSAGE_MAX_BYTES}`,
      `message of ${DATA_MAX_BYTES}`,
      "message two",
    ]);
  });

  test("above the bound close the trunk, unless larger ones were allowed", () => {
    const pair = joinTrunks();
    pair.agent.trunk.allowMessages(PROVEN_MESSAGE_MAX_BYTES);
    pair.hub.trunk.message(new Uint8Array(PROVEN_MESSAGE_MAX_BYTES));
    pair.time.settle();
    expect(pair.agent.log.told).toEqual([`message of ${PROVEN_MESSAGE_MAX_BYTES}`]);
    pair.agent.trunk.message(new Uint8Array(MESSAGE_MAX_BYTES + 1));
    pair.time.settle();
    expect(pair.hub.log.code).toBe("too_large");
    expect(pair.agent.log.endedBy).toMatchObject({ code: "too_large", remote: true });
  });

  test("whose owner throws leave the trunk open", () => {
    const lone = new LoneTrunk();
    lone.log.message = () => {
      throw new Error("a fault");
    };
    lone.receive(FRAME.message, 0, bytesOf("{}"));
    expect(lone.log.failures).toHaveLength(1);
    expect(lone.trunk.isOpen).toBe(true);
  });

  test("that this side may not send are refused to the caller", () => {
    const lone = new LoneTrunk();
    expect(() => lone.trunk.message(new Uint8Array(PROVEN_MESSAGE_MAX_BYTES + 1))).toThrow("the most is");
    expect(() => lone.trunk.open(new Uint8Array(OPEN_MAX_BYTES + 1), new StreamLog())).toThrow("the most is");
  });
});

describe("going away", () => {
  test("keeps what is in flight, refuses new streams of the far side, and lets this side's go on", () => {
    const pair = joinTrunks({ latencyMs: 5 });
    const { near, far } = openedPair(pair);
    pair.hub.trunk.goaway("restarting");
    pair.hub.trunk.goaway("restarting");
    // Opened before the far side knows: refused, and safe to open elsewhere.
    const late = openStream(pair.agent);
    pair.time.advance(20);
    expect(pair.agent.log.told).toEqual(["goaway restarting"]);
    expect(late.log.told).toEqual([`reset ${RESET.refused}`, "close with error"]);
    expect(pair.agent.trunk.open(NO_BYTES, late.log)).toBe("going_away");
    far.stream.write(bytesOf("the rest"));
    far.stream.shutdown();
    near.stream.shutdown();
    const own = openStream(pair.hub);
    pair.time.advance(20);
    expect(near.log.text).toBe("the rest");
    expect(near.log.told).toEqual(["end", "close"]);
    own.stream.close();
    expect(pair.hub.log.told).toEqual(["emptied"]);
  });
});

describe("closing", () => {
  test("tells both owners the code, and every stream its close, once", () => {
    const pair = joinTrunks({ latencyMs: 5 });
    const { near, far } = openedPair(pair);
    pair.hub.trunk.close("superseded", "a newer session");
    pair.hub.trunk.close("done", "again");
    expect(pair.hub.log.endedBy).toEqual({ code: "superseded", reason: "a newer session", remote: false });
    expect(near.log.told).toEqual(["close with error"]);
    pair.time.advance(20);
    expect(pair.agent.log.endedBy).toEqual({ code: "superseded", reason: "a newer session", remote: true });
    expect(far.log.told).toEqual(["close with error"]);
    expect(pair.hub.pipe.isClosed && pair.agent.pipe.isClosed).toBe(true);
    pair.time.advance(60_000);
    expect(pair.hub.log.told).toEqual(["closed superseded"]);
    expect(pair.time.pendingTimers).toBe(0);
    expect(pair.hub.trunk.open(NO_BYTES, near.log)).toBe("closed");
    expect(pair.hub.trunk.message(bytesOf("x"))).toBe(false);
    expect(near.stream.write(bytesOf("x"))).toBe(-1);
  });

  test("waits for a slow connection to take the last word, but not for ever", () => {
    const lone = new LoneTrunk();
    lone.roomBytes = 4;
    lone.trunk.close("done", "bye");
    expect(lone.shut).toBe(false);
    lone.roomBytes = 100;
    lone.trunk.wire.drain();
    expect(lone.shut).toBe(true);
    expect(lone.sent.map((frame) => textOf(frame.payload))).toEqual(["done bye"]);

    const stuck = new LoneTrunk();
    stuck.roomBytes = 4;
    stuck.trunk.close("done", "bye");
    stuck.time.advance(1_000);
    expect([stuck.shut, stuck.dropped]).toEqual([false, true]);
  });

  test("a lost connection closes streams with an error, but what had come in full is still read", () => {
    const pair = joinTrunks();
    const cut = openedPair(pair);
    const whole = openedPair(pair);
    cut.near.stream.pause();
    whole.near.stream.pause();
    cut.far.stream.write(bytesOf("half of"));
    whole.far.stream.write(bytesOf("all of it"));
    whole.far.stream.finish(bytesOf("200"));
    pair.time.settle();
    pair.agent.pipe.close();
    pair.time.settle();
    expect(pair.hub.log.code).toBe("lost");
    expect(cut.near.log.told).toEqual(["close with error"]);
    expect(whole.near.log.told).toEqual([]);
    expect(whole.near.stream.write(bytesOf("x"))).toBe(-1);
    whole.near.stream.resume();
    pair.time.settle();
    expect(whole.near.log.text).toBe("all of it");
    expect(whole.near.log.told).toEqual(["end 200", "close with error"]);
  });

  test("an unknown code of the far side is shown as it came", () => {
    const lone = new LoneTrunk();
    lone.receive(FRAME.goaway, 0, bytesOf("from_the_future with love"));
    expect(lone.log.endedBy).toEqual({
      code: "unavailable",
      reason: "from_the_future with love",
      remote: true,
    });
    expect(encodeGoaway("done", "é".repeat(2_000)).length).toBeLessThanOrEqual(512);
  });

  test("by an owner ends it at once, even in the middle of what has come", () => {
    const lone = new LoneTrunk();
    let messages = 0;
    lone.log.message = () => {
      messages += 1;
      lone.trunk.close("done", "enough");
    };
    const message = encodeFrame(FRAME.message, 0, bytesOf("{}"));
    lone.trunk.wire.data(Buffer.concat([message, message, message]));
    expect(messages).toBe(1);
  });

  test("an owner that throws at the close does no harm", () => {
    const lone = new LoneTrunk();
    lone.log.closed = () => {
      throw new Error("a fault");
    };
    lone.trunk.close("done", "bye");
    expect(lone.shut).toBe(true);
    expect(lone.log.failures).toHaveLength(1);
  });
});

test("counters count what crossed the connection", () => {
  const pair = joinTrunks();
  const { near } = openedPair(pair);
  near.stream.write(new Uint8Array(1000));
  pair.time.settle();
  expect(pair.hub.trunk.counters.bytesOut).toBe(pair.hub.pipe.writtenBytes);
  expect(pair.agent.trunk.counters.bytesIn).toBe(pair.hub.trunk.counters.bytesOut);
  expect(pair.agent.trunk.counters.framesIn).toBe(pair.hub.trunk.counters.framesOut);
});
