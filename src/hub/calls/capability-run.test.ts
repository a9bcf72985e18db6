import { expect, test } from "bun:test";
import type { LineStream } from "../../trunk/line-stream.ts";
import { chat, done, fleet, ID, part, refusing, request, silent } from "./capability.fixture.ts";

test("a device that refuses before it began is passed over, and comes last for ten seconds", () => {
  const { made, ask } = fleet();
  const busy = made.add("busy", { capabilities: [chat] }, refusing);
  const free = made.add("free", { capabilities: [chat] }, done('"served"'));
  expect(ask().heard).toMatchObject([{ from_device: "free", payload: '"served"' }]);
  ask({ prefer_device: "busy" });
  expect([busy.asked.length, free.asked.length]).toEqual([1, 2]);
  made.time.advance(10_001);
  ask();
  expect([busy.asked.length, free.asked.length]).toEqual([2, 3]);
});

test("where all refuse, the last refusal is the answer", () => {
  const { made, ask } = fleet();
  made.add("one", { capabilities: [chat] }, refusing);
  made.add("two", { capabilities: [chat] }, refusing);
  expect(ask().heard).toMatchObject([{ error: { code: "too_many", message: "busy" } }]);
});

test("a device that is cut before its first part is replaced by the next; after it, it is told", () => {
  const { made, ask } = fleet();
  const one = made.add("one", { capabilities: [chat] }, silent);
  made.add("two", { capabilities: [chat] }, (_, lines) => lines.send(part('"from two"')));
  const asker = ask({ prefer_device: "one" });
  one.cut();
  made.time.settle();
  expect(asker.heard).toMatchObject([{ data: '"from two"', from_device: "two" }]);

  const again = fleet();
  const begun = again.made.add("one", { capabilities: [chat] }, (_, lines) => lines.send(part('"x"')));
  const spare = again.made.add("two", { capabilities: [chat] }, done('"y"'));
  const cut = again.ask({ prefer_device: "one" });
  begun.cut();
  again.made.time.settle();
  expect(cut.heard).toMatchObject([{ data: '"x"' }, { error: { code: "unavailable" }, from_device: "one" }]);
  expect(spare.asked).toEqual([]);
});

test("silence before the first part, between two, and in all ends in capability_timeout and a cancel there", () => {
  const { made, ask } = fleet();
  const mute = made.add("mute", { capabilities: [chat] }, silent);
  const first = ask();
  made.time.advance(29_999);
  expect(first.heard).toEqual([]);
  made.time.advance(1);
  expect(first.heard).toMatchObject([{ error: { code: "capability_timeout" } }]);
  expect(mute.dropped).toBe(1);

  const between = fleet();
  between.made.add("slow", { capabilities: [chat] }, (_, lines) => lines.send(part('"x"')));
  const stuck = between.ask();
  between.made.time.advance(120_000);
  expect(stuck.heard).toMatchObject([{ data: '"x"' }, { error: { code: "capability_timeout" } }]);

  const whole = fleet();
  whole.made.add("slow", { capabilities: [chat] }, silent);
  const short = whole.ask({ timeout_ms: 500 });
  whole.made.time.advance(500);
  expect(short.heard).toMatchObject([{ error: { code: "capability_timeout" } }]);
});

test("an asker that says how long it waits waits so long for the first part too", () => {
  const { made, ask } = fleet();
  made.add("slow", { capabilities: [chat] }, silent);
  const patient = ask({ timeout_ms: 300_000 });
  made.time.advance(299_999);
  expect(patient.heard).toEqual([]);
  made.time.advance(1);
  expect(patient.heard).toMatchObject([{ error: { code: "capability_timeout" } }]);
});

test("an asker that goes takes its request back", () => {
  const { made, ask } = fleet();
  const mute = made.add("mute", { capabilities: [chat] }, silent);
  ask().lines.close();
  made.time.settle();
  expect(mute.dropped).toBe(1);
});

test("an asker that does not read holds the device, and nobody's clock runs against it", () => {
  const { made, desk } = fleet();
  const big = "x".repeat(100_000);
  let sent = 0;
  const flood = (lines: LineStream): void => {
    while (!lines.isFull && sent < 200) {
      sent += 1;
      lines.send(part(JSON.stringify(big)));
    }
  };
  made.add("gpu", { capabilities: [chat] }, (_, lines) => {
    flood(lines);
    made.time.every(10, () => flood(lines));
  });
  const asker = made.ask(desk);
  asker.lines.pause();
  asker.lines.send(request());
  made.time.advance(130_000);
  expect(sent).toBeLessThan(200);
  asker.lines.resume();
  made.time.advance(10_000);
  expect(sent).toBe(200);
  expect(asker.heard).toHaveLength(200);
});

test.each([
  ["no answer at all", (_: unknown, lines: LineStream) => lines.send({ type: "nonsense" })],
  [
    "an answer to another request",
    (_: unknown, lines: LineStream) => lines.send({ ...part("1"), request_id: ID.replace(/1$/, "2") }),
  ],
  [
    "a refusal after it began",
    (_: unknown, lines: LineStream) => {
      lines.send(part("1"));
      refusing(_, lines);
    },
  ],
])("a lying device that sends %s is cut off", (_, answer) => {
  const { made, ask } = fleet();
  const liar = made.add("liar", { capabilities: [chat] }, answer);
  expect(ask().heard.at(-1)).toMatchObject({ error: { code: "unavailable" } });
  made.time.settle();
  expect(liar.dropped).toBe(1);
});

test("what a refusing device tells of its model server reaches the asker", () => {
  const { made, ask } = fleet();
  const upstream = { code: "rate_limit_exceeded", retry_after_s: 9 };
  made.add("gpu", { capabilities: [chat] }, (_, lines) =>
    lines.send({ type: "capability_refused", error: { code: "too_many", message: "busy", upstream } }),
  );
  expect(ask().heard).toMatchObject([{ error: { code: "too_many", upstream } }]);
});

test("what it tells in words that are none is left out", () => {
  const { made, ask } = fleet();
  const upstream = { code: "x".repeat(65), type: "a\u0007b", param: 7, retry_after_s: 1e9 };
  made.add("gpu", { capabilities: [chat] }, (_, lines) =>
    lines.send({ type: "capability_refused", error: { code: "too_many", message: "busy", upstream } }),
  );
  const [reply] = ask().heard;
  expect(JSON.parse(JSON.stringify(reply))).toMatchObject({ error: { upstream: {} } });
});
