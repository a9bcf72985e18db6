import { expect, test } from "bun:test";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { AggregateQuery } from "../../protocol/query-messages.ts";
import type { LineStream } from "../../trunk/line-stream.ts";
import { FakeFleet, OTHER_ROOT, OWN_ROOT, SOME_SIGNATURE } from "./calls.fixture.ts";
import { QueryDesk } from "./query-desk.ts";

const ID = "019ab000-0000-7000-8000-000000000002";
const tasks = { protocol: "tasks", version: "1.0.0", class: "read" } as const;
const offering = { capabilities: [tasks] };
const query = (more: Partial<AggregateQuery> = {}): AggregateQuery => ({
  type: "aggregate_query",
  query_id: ID,
  query_type: "ListTasks",
  params: "{}",
  ...more,
});

const part = (data: string, isFinal = true) => ({ type: "query_part", data, is_final: isFinal });
const answering = (data: string) => (_: unknown, lines: LineStream) => lines.send(part(data));
const silent = (): void => {};

function fleet() {
  const made = new FakeFleet();
  const { devices, offers, directory, time } = made;
  const desk = new QueryDesk({ devices, offers, directory, timers: time });
  const ask = (more: Partial<AggregateQuery> = {}, roots?: readonly string[]) => {
    const asker = made.ask(desk, roots, "query");
    asker.lines.send(query(more));
    time.settle();
    return asker;
  };
  return { made, ask, desk };
}

test("everyone that can answer is asked, parts come as they are given, and all are accounted for", () => {
  const { made, ask } = fleet();
  made.add("one", offering, answering("[1]"));
  made.add("two", offering, (_, lines) => {
    lines.send(part("[2]", false));
    lines.send(part("[3]"));
  });
  made.add("away", offering);
  const other = made.add("other", {}, answering("[4]"));
  const { heard, told } = ask();
  expect(heard).toMatchObject([
    { type: "aggregate_query_expected", expected: [{ name: "one" }, { name: "two" }] },
    { from_device: "one", data: "[1]", is_final: true },
    { from_device: "two", data: "[2]", is_final: false },
    { from_device: "two", data: "[3]", is_final: true },
    {
      type: "aggregate_query_done",
      answered: ["one", "two"],
      timed_out: [],
      failed: {},
      offline: { away: "1970-01-01T00:00:00.000Z" },
    },
  ]);
  expect(told).toEqual(["end"]);
  expect(other.asked).toEqual([]);
});

test("a device is told how long it is waited for", () => {
  const { made, ask } = fleet();
  const one = made.add("one", offering, answering("[1]"));
  ask({ timeout_ms: 1200 });
  ask();
  expect(one.asked).toMatchObject([{ timeout_ms: 1200 }, { timeout_ms: 5000 }]);
});

test("of a hundred devices the slow, dead, flooding and lying ones cost the others nothing", () => {
  const { made, ask } = fleet();
  const big = "x".repeat(600_000);
  const bad: Record<string, (message: unknown, lines: LineStream) => void> = {
    slow: silent,
    flooding: (_, lines) => {
      lines.send(part(big, false));
      lines.send(part(big, false));
    },
    lying: (_, lines) => lines.send({ type: "aggregate_query_part", from_device: "device-1", data: "[]" }),
    failing: (_, lines) => lines.send({ type: "query_failed", reason: "its disk is gone" }),
    leaving: (_, lines) => lines.end(),
    half: (_, lines) => lines.send(part("[0]", false)),
  };
  for (const [name, answer] of Object.entries(bad)) made.add(name, offering, answer);
  const dead = made.add("dead", offering, () => dead.cut());
  for (let n = 0; n < 93; n++) made.add(`device-${n}`, offering, answering(`[${n}]`));
  const { heard } = ask({ timeout_ms: 3_000 });
  const answers = heard.filter(({ type, is_final }) => type === "aggregate_query_part" && is_final === true);
  expect(answers).toHaveLength(93);
  expect(heard.some(({ type }) => type === "aggregate_query_done")).toBe(false);
  made.time.advance(3_000);
  const done = heard.at(-1);
  expect(done).toMatchObject({
    type: "aggregate_query_done",
    timed_out: ["slow", "half"],
    failed: {
      flooding: "answered more than fits",
      lying: "answered what is no answer",
      failing: "its disk is gone",
      leaving: "ended its answer early",
      dead: "went away",
    },
  });
  expect(done?.["answered"]).toHaveLength(93);
});

test("only the devices that are meant are asked", () => {
  const { made, ask } = fleet();
  const one = made.add("one", offering, answering("[1]"));
  const two = made.add("two", offering, answering("[2]"));
  ask({ devices: [toBase64Url(new Uint8Array(32).fill(11))] });
  expect([one.asked.length, two.asked.length]).toEqual([0, 1]);
});

test("devices are found by their names, their ids and the beginnings of these, among the asker's own", () => {
  const { made, desk } = fleet();
  made.add("one", offering);
  made.add("two", offering);
  const keyOf = (byte: number): string => toBase64Url(new Uint8Array(32).fill(byte));
  const [one, two] = [keyOf(10), keyOf(11)];
  expect(desk.keysOf([OWN_ROOT], ["two", "id-one", "id-o"])).toEqual([two, one, one]);
  expect(() => desk.keysOf([OWN_ROOT], ["three"])).toThrow('there is no device "three"');
  expect(() => desk.keysOf([OTHER_ROOT], ["two"])).toThrow("there is no device");
  // More than one begins like that.
  expect(() => desk.keysOf([OWN_ROOT], ["id-"])).toThrow("there is no device");
});

test("a custom query goes to those that declare it; where none does, it is refused by name", () => {
  const { made, ask } = fleet();
  made.add("notes", { queries: ["Notes"] }, answering("[1]"));
  made.add("other", { queries: ["Other"] }, answering("[2]"));
  const custom = (name: string) => ask({ query_type: "Custom", query_name: name }).heard;
  expect(custom("Notes").at(-1)).toMatchObject({ answered: ["notes"] });
  expect(custom("Nothing")).toMatchObject([
    {
      type: "aggregate_query_refused",
      error: {
        code: "no_device",
        hint: "there are: Notes (notes), Other (other), ListTasks, GetTaskStats, SearchTasks, SearchKnowledgebase",
      },
    },
  ]);
});

test("a device that was named and can't answer is told; others that can't are not missed", () => {
  const { made, ask } = fleet();
  made.add("one", offering, answering("[1]"));
  made.add("two", { capabilities: [] }, answering("[2]"));
  const keys = [10, 11].map((byte) => toBase64Url(new Uint8Array(32).fill(byte)));
  const told = { answered: ["one"], failed: { two: "does not offer tasks" } };
  expect(ask({ devices: keys }).heard.at(-1)).toMatchObject(told);
  expect(ask().heard.at(-1)).toMatchObject({ answered: ["one"], failed: {} });
});

test("a query that nobody has, where no plugin has any, is answered with those of every fleet", () => {
  const { ask } = fleet();
  expect(ask({ query_type: "Custom", query_name: "Notes" }).heard).toMatchObject([
    { error: { hint: "there are: ListTasks, GetTaskStats, SearchTasks, SearchKnowledgebase" } },
  ]);
});

test("without any device the answer is complete and empty", () => {
  const { ask } = fleet();
  expect(ask().heard.at(-1)).toMatchObject({ answered: [], timed_out: [], failed: {}, offline: {} });
});

test("a stranger learns nothing, with or without a signature", () => {
  const { made, ask } = fleet();
  const one = made.add("one", offering, answering("[1]"));
  const signed = { log: OWN_ROOT, signer: toBase64Url(new Uint8Array(32)), signature: SOME_SIGNATURE };
  expect(ask({}, []).heard).toMatchObject([{ error: { code: "not_found" } }]);
  expect(ask({ signed }, [OTHER_ROOT]).heard).toMatchObject([{ error: { code: "not_found" } }]);
  expect(ask({}, [OTHER_ROOT]).heard.at(-1)).toMatchObject({ answered: [], offline: {} });
  expect(one.asked).toEqual([]);
});

test("a device that gives nothing in a million parts is cut off", () => {
  const { made, ask } = fleet();
  const empty = (lines: LineStream): void => {
    for (let n = 0; n < 10_000; n++) lines.send(part("", false));
  };
  made.add("one", offering, (_, lines) => empty(lines));
  const { heard } = ask();
  made.time.settle();
  expect(heard.length).toBeLessThan(5_000);
  expect(heard.at(-1)).toMatchObject({ failed: { one: "answered more than fits" } });
});

test("who takes nothing from the beginning is sent nothing by the devices", () => {
  const { made, desk } = fleet();
  let sent = 0;
  const flood = (lines: LineStream): void => {
    for (; sent < 40 && !lines.isFull; sent++) lines.send(part(`"${"x".repeat(20_000)}"`, false));
  };
  made.add("one", offering, (_, lines) => {
    flood(lines);
    made.time.every(10, () => flood(lines));
  });
  const heard: unknown[] = [];
  const run = desk.ask([OWN_ROOT], query(), {
    reply: (reply) => {
      heard.push(reply);
      return false;
    },
    over: () => {},
  });
  made.time.advance(1_000);
  expect(sent).toBeLessThan(12);
  expect(heard).toHaveLength(1);
  run.cancel();
});

test("a device that has answered ends its stream itself, and what it says after its last part ends it", () => {
  const { made, ask } = fleet();
  const whole = (_: unknown, lines: LineStream): void => {
    lines.send(part("[1]"));
    lines.end();
  };
  const good = made.add("good", offering, whole);
  const failing = made.add("failing", offering, (_, lines) => {
    lines.send({ type: "query_failed", reason: "its disk is gone" });
    lines.end();
  });
  const open = made.add("open", offering, answering("[2]"));
  const chatty = made.add("chatty", offering, (_, lines) => {
    lines.send(part("[3]"));
    lines.send(part("[4]"));
  });
  made.add("slow", offering, silent);
  const { heard } = ask({ timeout_ms: 1_000 });
  expect([good, failing, open, chatty].map(({ dropped }) => dropped)).toEqual([0, 0, 0, 1]);
  expect(heard.filter(({ from_device }) => from_device === "chatty")).toMatchObject([{ data: "[3]" }]);
  made.time.advance(1_000);
  expect([good, failing, open, chatty].map(({ dropped }) => dropped)).toEqual([0, 0, 1, 1]);
  expect(heard.at(-1)).toMatchObject({
    answered: ["good", "open", "chatty"],
    timed_out: ["slow"],
    failed: { failing: "its disk is gone" },
  });
  for (const { name } of [good, failing, open, chatty]) {
    expect(made.directory.device(`id-${name}`)?.trunk.streamCount).toBe(0);
  }
});

test("an asker that goes takes its query back from everyone", () => {
  const { made, ask } = fleet();
  const one = made.add("one", offering, silent);
  const two = made.add("two", offering, silent);
  ask().lines.close();
  made.time.settle();
  expect([one.dropped, two.dropped]).toEqual([1, 1]);
});

test("an asker that does not read holds the devices back, and the time limit still holds", () => {
  const { made, desk } = fleet();
  const sent = { one: 0, two: 0 };
  const flood = (name: "one" | "two") => (_: unknown, lines: LineStream) => {
    made.time.every(10, () => {
      while (!lines.isFull && sent[name] < 100) {
        sent[name] += 1;
        lines.send(part("x".repeat(10_000), sent[name] === 100));
      }
    });
  };
  made.add("one", offering, flood("one"));
  made.add("two", offering, flood("two"));
  const asker = made.ask(desk, [OWN_ROOT], "query");
  asker.lines.pause();
  asker.lines.send(query());
  made.time.advance(2_000);
  expect(sent.one + sent.two).toBeLessThan(120);
  made.time.advance(4_000);
  asker.lines.resume();
  made.time.advance(1_000);
  expect(asker.heard.at(-1)).toMatchObject({ timed_out: ["one", "two"] });
});
