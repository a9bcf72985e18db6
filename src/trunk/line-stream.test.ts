import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { MusterError } from "../protocol/errors.ts";
import { LineBudget, lineOf, LineStream } from "./line-stream.ts";
import { FakeTime, pipe, type PipeEnd, type PipeOptions } from "./testing.ts";
import { bytesOf } from "./testing-trunks.ts";

interface End {
  lines: LineStream;
  pipe: PipeEnd;
  heard: unknown[];
  told: string[];
}

function ends(options: PipeOptions = {}): { time: FakeTime; near: End; far: End } {
  const time = new FakeTime();
  const [near, far] = pipe(time, options);
  return { time, near: endOf(near), far: endOf(far) };
}

function endOf(stream: PipeEnd): End {
  const heard: unknown[] = [];
  const told: string[] = [];
  const lines = new LineStream({
    message: (value) => heard.push(value),
    drain: () => told.push("drain"),
    end: () => told.push("end"),
    close: (error) => told.push(error === undefined ? "close" : `close ${error.code}`),
  });
  stream.events = lines.streamEvents as PipeEnd["events"]; // a pipe never calls end with a last word
  lines.attach(stream);
  return { lines, pipe: stream, heard, told };
}

test("messages arrive whole and in order, however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ text: fc.string(), n: fc.integer() }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 7 }),
      (messages, step) => {
        const { time, near } = ends();
        const bytes = bytesOf(messages.map((one) => `${JSON.stringify(one)}\n`).join(""));
        for (let at = 0; at < bytes.length; at += step) {
          near.lines.streamEvents.data(bytes.subarray(at, at + step));
        }
        time.settle();
        expect(near.heard).toEqual(messages);
      },
    ),
    { numRuns: 50, seed: 7 },
  );
});

test("a long line that comes byte by byte costs what it weighs", () => {
  const { near } = ends();
  const { streamEvents } = near.lines;
  const byte = new Uint8Array(1).fill(0x78);
  streamEvents.data(bytesOf('"'));
  for (let n = 0; n < 300_000; n++) streamEvents.data(byte);
  streamEvents.data(bytesOf('"\n'));
  expect(near.heard).toEqual(["x".repeat(300_000)]);
});

test("what the far side does not take waits, and the sender learns of the room", () => {
  const { time, near, far } = ends({ capacityBytes: 1_000 });
  far.lines.pause();
  for (let n = 0; n < 100; n++) near.lines.send({ n, filler: "x".repeat(1_000) });
  near.lines.end();
  time.settle();
  expect(near.lines.isFull).toBe(true);
  expect(near.told).toEqual([]);
  far.lines.resume();
  time.advance(10_000);
  expect(far.heard).toHaveLength(100);
  expect(near.told).toContain("drain");
  expect(far.told).toContain("end");
});

test("a line that is sent while others wait comes after them, and one that was written once goes to many", () => {
  const { time, near, far } = ends({ capacityBytes: 100 });
  const line = lineOf({ filler: "x".repeat(70) });
  for (let n = 0; n < 5; n++) {
    near.lines.sendLine(line);
    near.lines.send({ n });
  }
  time.advance(1_000);
  expect(far.heard).toEqual([0, 1, 2, 3, 4].flatMap((n) => [{ filler: "x".repeat(70) }, { n }]));
});

test("a sender that goes on into a full stream loses it", () => {
  const { time, near, far } = ends({ capacityBytes: 1_000 });
  far.lines.pause();
  for (let n = 0; n < 12; n++) near.lines.send({ filler: "x".repeat(1024 * 1024) });
  time.settle();
  expect(near.told).toEqual(["close unavailable"]);
});

test.each([
  ["no JSON", "{nonsense}\n"],
  ["no UTF-8", new Uint8Array([0x22, 0xff, 0x22, 0x0a])],
  ["too deep", `${"[".repeat(40)}${"]".repeat(40)}\n`],
  ["too long", new Uint8Array(3 * 1024 * 1024).fill(0x20)],
])("a line that is %s ends the stream", (_, line) => {
  const { near, far, time } = ends();
  near.lines.streamEvents.data(typeof line === "string" ? bytesOf(line) : line);
  time.settle();
  expect(near.told).toEqual(["close protocol_error"]);
  expect(near.heard).toEqual([]);
  expect(far.told).toEqual(["close unavailable"]);
});

test("streams with one budget hold no more of unfinished lines than it has, and give back what they held", () => {
  const budget = new LineBudget(10);
  const told: string[] = [];
  const stream = (name: string) => {
    const lines = new LineStream(
      {
        message: (value) => told.push(`${name} heard ${JSON.stringify(value)}`),
        close: (error) => told.push(`${name} ${error?.code ?? ""}`),
      },
      { budget },
    );
    return { lines, say: (text: string) => lines.streamEvents.data(bytesOf(text)) };
  };
  const [one, two, three] = [stream("one"), stream("two"), stream("three")];
  one.say('"123');
  two.say('"456');
  three.say('"789');
  expect(told).toEqual(["three too_many"]);
  one.say('"\n"12');
  two.lines.close();
  const four = stream("four");
  four.say('"45678');
  one.lines.streamEvents.close?.(undefined);
  four.say('9abc"\n');
  expect(told.slice(1)).toEqual(['one heard "123"', "one ", 'four heard "456789abc"']);
  expect(budget.take(10)).toBe(true);
});

test("a stream that was told so takes longer lines, and no longer ones than that", () => {
  const lengths: number[] = [];
  const told: string[] = [];
  const lines = new LineStream(
    {
      message: (value) => lengths.push(String(value).length),
      close: (error) => told.push(error?.code ?? ""),
    },
    { lineMaxBytes: 3_000_000 },
  );
  const say = (length: number) => lines.streamEvents.data(bytesOf(`"${"x".repeat(length)}"\n`));
  say(2_900_000);
  expect([lengths, told]).toEqual([[2_900_000], []]);
  say(3_000_000);
  expect([lengths, told]).toEqual([[2_900_000], ["protocol_error"]]);
});

test("an end within a line is no end", () => {
  const { near } = ends();
  near.lines.streamEvents.data(bytesOf('{"half":'));
  near.lines.streamEvents.end(new Uint8Array());
  expect(near.told).toEqual(["close protocol_error"]);
});

test("a cut is told once, and never after this side's own close", () => {
  const { near } = ends();
  near.lines.streamEvents.close(new MusterError("unavailable", "cut"));
  near.lines.streamEvents.close();
  expect(near.told).toEqual(["close unavailable"]);
  const other = ends();
  other.near.lines.close();
  other.time.settle();
  expect(other.near.told).toEqual([]);
});
