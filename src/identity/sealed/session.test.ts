import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { concat, equalBytes, utf8 } from "../../protocol/bytes.ts";
import { refusal } from "../refusal.fixture.ts";
import { framed, RecordReader } from "./record-reader.ts";
import { RECORD_PAYLOAD_MAX_BYTES } from "./records.ts";
import { PAIRS } from "./session-crypto.fixture.ts";
import { end, join, open, party, TestTimers, TestWire, until } from "./session.fixture.ts";
import type { TestEnd } from "./session.fixture.ts";
import { SESSION_MESSAGE_MAX_BYTES } from "./session.ts";
import { sealedStream } from "./session-stream.ts";

const texts = (side: TestEnd): string[] => side.messages.map((bytes) => new TextDecoder().decode(bytes));

test.each(PAIRS)(
  "%s: messages go both ways, in order, and both know the session by one name",
  async (_, x, y) => {
    const [anna, ben] = [await party("anna", x), await party("ben", y)];
    const a = end(anna, ben, { role: "initiator" });
    const b = end(ben, anna, { role: "responder" });
    for (let at = 0; at < 20; at++) a.session.send(utf8(`a${at}`));
    join(a, b);
    for (let at = 0; at < 20; at++) b.session.send(utf8(`b${at}`));
    await until(() => a.messages.length + b.messages.length === 40);
    expect(texts(b)).toEqual(Array.from({ length: 20 }, (_, at) => `a${at}`));
    expect(texts(a)).toEqual(Array.from({ length: 20 }, (_, at) => `b${at}`));
    expect(a.hash).toHaveLength(32);
    expect(b.hash).toEqual(a.hash ?? new Uint8Array(0));
  },
);

test("two sessions of the same two have different names", async () => {
  const [first, second] = [await open(), await open()];
  expect(first.a.hash).not.toEqual(second.a.hash ?? new Uint8Array(0));
});

test("messages of every size arrive as they were sent", async () => {
  const { a, b } = await open();
  const most = RECORD_PAYLOAD_MAX_BYTES;
  const sizes = [0, 1, most - 1, most, most + 1, 2 * most, 3 * most + 7, SESSION_MESSAGE_MAX_BYTES];
  const sent = sizes.map((size, at) => new Uint8Array(size).fill(at + 1));
  for (const [at, message] of sent.entries()) {
    a.session.send(message);
    await until(() => b.messages.length === at + 1);
  }
  expect(b.messages.map((message, at) => equalBytes(message, sent[at] ?? new Uint8Array(0)))).toEqual(
    sizes.map(() => true),
  );
  const tooMuch = new Uint8Array(SESSION_MESSAGE_MAX_BYTES + 1);
  expect(refusal(() => a.session.send(tooMuch))).toStartWith("too_large: ");
});

test("one direction ends while the other goes on; both ended is the end", async () => {
  const { a, b } = await open();
  a.session.send(utf8("last"));
  a.session.end();
  a.session.end();
  await until(() => b.told.includes("end"));
  expect(b.told).toEqual(["open", "message", "end"]);
  expect(refusal(() => a.session.send(utf8("more")))).toStartWith("session_cut: ");
  b.session.send(utf8("answer"));
  b.session.end();
  await until(() => a.told.includes("close") && b.told.includes("close"));
  expect(a.told).toEqual(["open", "message", "end", "close"]);
  expect([a.wire.shut, b.wire.shut, a.wire.closed, b.wire.closed]).toEqual([true, true, false, false]);
  a.session.streamEvents.close(new Error("afterwards"));
  expect(a.told.filter((told) => told.startsWith("close"))).toEqual(["close"]);
});

test("a stream that stops before the end is a cut, whole records or not", async () => {
  for (const how of ["end", "close"] as const) {
    const { a, b } = await open();
    a.session.send(utf8("one"));
    await until(() => b.messages.length === 1);
    b.session.streamEvents[how]();
    await until(() => b.problem !== undefined);
    expect(b.told).toEqual(["open", "message", "close: session_cut"]);
    expect(b.wire.closed).toBe(true);
  }
});

test("a cut after the peer's end is a cut too, while this side has not ended", async () => {
  const { a, b } = await open();
  a.session.end();
  await until(() => b.told.includes("end"));
  b.session.streamEvents.end();
  b.session.send(utf8("still there"));
  await until(() => a.messages.length === 1);
  b.session.streamEvents.close();
  await until(() => b.problem !== undefined);
  expect(b.told).toEqual(["open", "end", "close: session_cut"]);
});

test("what arrived before the cut is told before it, also after a pause", async () => {
  const { a, b } = await open();
  b.session.pause();
  expect(b.wire.paused).toBe(true);
  const before = a.wire.sent.length;
  a.session.send(utf8("one"));
  a.session.send(utf8("two"));
  await until(() => a.wire.sent.length === before + 2);
  b.session.streamEvents.close();
  await until(() => a.session.roomBytes === 256 * 1024);
  expect(b.told).toEqual(["open"]);
  b.session.resume();
  await until(() => b.problem !== undefined);
  expect(b.told).toEqual(["open", "message", "message", "close: session_cut"]);
});

test("who closes says nothing to the peer: it sees a cut", async () => {
  const { a, b } = await open();
  a.session.close();
  expect(a.told).toEqual(["open", "close"]);
  expect(a.wire.closed).toBe(true);
  b.session.streamEvents.close();
  await until(() => b.problem !== undefined);
  expect(b.problem?.code).toBe("session_cut");
});

test("a slow stream makes send say so, and drain follows once there is room", async () => {
  const { a, b } = await open();
  a.wire.capacityBytes = 1000;
  const piece = new Uint8Array(60_000).fill(5);
  const answers: boolean[] = [];
  while (answers.at(-1) !== false) answers.push(a.session.send(piece));
  expect(answers.length).toBeLessThan(8);
  await until(() => a.wire.capacityBytes === 0);
  expect(a.told).toEqual(["open"]);
  a.wire.capacityBytes = Number.POSITIVE_INFINITY;
  a.session.streamEvents.drain();
  await until(() => b.messages.length === answers.length);
  expect(a.told).toEqual(["open", "drain"]);
});

test("who does not wait for drain is refused before memory fills", async () => {
  const { a } = await open();
  a.wire.capacityBytes = 0;
  let said = "none";
  for (let at = 0; at < 20 && said === "none"; at++) {
    said = refusal(() => a.session.send(new Uint8Array(SESSION_MESSAGE_MAX_BYTES)));
  }
  expect(said).toStartWith("too_many: ");
});

test("an owner that pauses stops the stream below, and nothing is lost", async () => {
  const { a, b } = await open();
  b.session.pause();
  for (let at = 0; at < 50; at++) a.session.send(utf8(`${at}`));
  await until(() => a.session.roomBytes === 256 * 1024);
  expect([b.wire.paused, b.messages.length]).toEqual([true, 0]);
  b.session.resume();
  await until(() => b.messages.length === 50);
  expect(b.wire.paused).toBe(false);
  expect(texts(b).at(-1)).toBe("49");
});

test("a pause in which nothing came ends like any other", async () => {
  const { a, b } = await open();
  b.session.pause();
  b.session.resume();
  expect(b.wire.paused).toBe(false);
  a.session.send(utf8("one"));
  await until(() => b.messages.length === 1);
});

test("more than can be opened at once stops the stream below until it is opened", async () => {
  const { a, b } = await open();
  const before = a.wire.bytes.length;
  a.wire.onWrite = () => undefined;
  for (let at = 0; at < 6; at++) a.session.send(new Uint8Array(60_000));
  await until(() => a.wire.bytes.length > before + 360_000);
  b.session.streamEvents.data(a.wire.bytes.subarray(before));
  expect(b.wire.paused).toBe(true);
  await until(() => b.messages.length === 6);
  expect(b.wire.paused).toBe(false);
});

test("keys are replaced after so many records, also on the way to the end", async () => {
  const { a, b } = await open({ rekeyRecords: 4 });
  for (let at = 0; at < 30; at++) a.session.send(utf8(`${at}`));
  a.session.end();
  b.session.send(utf8("x"));
  b.session.end();
  await until(() => a.told.includes("close") && b.told.includes("close"));
  expect(texts(b)).toEqual(Array.from({ length: 30 }, (_, at) => `${at}`));
});

test("a peer that keeps one key for too long is cut off", async () => {
  const [anna, ben] = [await party("anna"), await party("ben")];
  const a = end(anna, ben, { role: "initiator", rekeyRecords: 100 });
  const b = end(ben, anna, { role: "responder", rekeyRecords: 4 });
  join(a, b);
  for (let at = 0; at < 10; at++) a.session.send(utf8("x"));
  await until(() => b.problem !== undefined);
  expect(b.problem?.code).toBe("protocol_error");
});

test("keys are replaced every hour, if they were used", async () => {
  const timers = new TestTimers();
  const { a, b } = await open({ timers });
  const before = a.wire.sent.length;
  timers.advance(60 * 60_000);
  await until(() => a.wire.sent.length === before + 1);
  const [ofA, ofB] = [a.wire.sent.length, b.wire.sent.length];
  timers.advance(60 * 60_000);
  a.session.send(utf8("hello"));
  await until(() => b.messages.length === 1);
  expect([a.wire.sent.length, b.wire.sent.length]).toEqual([ofA + 1, ofB]);
  a.session.close();
  b.session.close();
  expect(timers.count).toBe(0);
});

test("a peer that never answers, or never proves that it is there now, is given up after ten seconds", async () => {
  const [anna, ben] = [await party("anna"), await party("ben")];
  const timers = new TestTimers();
  const a = end(anna, ben, { role: "initiator", timers });
  await until(() => a.wire.sent.length === 1);
  const b = end(ben, anna, { role: "responder", timers });
  b.session.streamEvents.data(a.wire.bytes);
  await until(() => b.wire.sent.length === 1);
  b.session.send(utf8("not yet"));
  timers.advance(10_000);
  expect([a.told, b.told]).toEqual([["close: unavailable"], ["close: unavailable"]]);
  expect(b.wire.sent).toHaveLength(1);
});

test("records are found wherever the stream is cut into pieces", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
      fc.array(fc.nat(40), { minLength: 1, maxLength: 50 }),
      (records, cuts) => {
        const whole = concat(...records.map(framed));
        const reader = new RecordReader();
        const found: Uint8Array[] = [];
        let at = 0;
        for (let turn = 0; at < whole.length; turn++) {
          const next = at + (cuts[turn % cuts.length] ?? 0) + (turn % 2);
          reader.push(whole.subarray(at, next));
          at = Math.min(whole.length, next);
          for (let record = reader.next(); record !== undefined; record = reader.next()) found.push(record);
        }
        expect(found).toEqual(records);
        expect(reader.heldBytes).toBe(0);
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});

test("as a stream of bytes it takes what there is room for, ends by halves and closes", async () => {
  const [anna, ben] = [await party("anna"), await party("ben")];
  const below = end(ben, anna, { role: "responder" });
  const told: string[] = [];
  const got: Uint8Array[] = [];
  const wire = new TestWire();
  const { stream, streamEvents } = sealedStream(
    {
      crypto: anna.side.crypto,
      timers: new TestTimers(),
      kind: "test",
      role: "initiator",
      own: anna,
      peer: { identityKey: ben.identityKey, linkKey: ben.linkKey.publicKey },
      stream: wire,
    },
    {
      data: (bytes) => got.push(bytes),
      drain: () => told.push("drain"),
      end: () => told.push("end"),
      close: (problem) => told.push(`close ${problem?.message ?? ""}`),
    },
    () => told.push("open"),
  );
  const bytes = new Uint8Array(300_000).fill(9);
  const taken = stream.write(bytes);
  expect(taken).toBe(256 * 1024);
  expect(stream.write(bytes)).toBe(0);
  wire.onWrite = (written) => below.session.streamEvents.data(written);
  below.wire.onWrite = (written) => streamEvents.data(written);
  await until(() => told.includes("drain"));
  stream.write(bytes.subarray(taken));
  stream.shutdown();
  expect(stream.write(bytes)).toBe(-1);
  await until(() => below.told.includes("end"));
  expect(concat(...below.messages)).toEqual(bytes);
  below.session.send(utf8("back"));
  below.session.end();
  await until(() => told.includes("close "));
  expect(told).toEqual(["open", "drain", "end", "close "]);
  expect(concat(...got)).toEqual(utf8("back"));
  expect(stream.write(bytes)).toBe(-1);
});
