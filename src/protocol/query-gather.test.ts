import { expect, test } from "bun:test";
import { FleetGathering } from "./query-gather.ts";
import type { QueryReply, QueryType } from "./query-messages.ts";

const query_id = "019ab000-0000-7000-8000-000000000001";
const part = (from_device: string, data: unknown, is_final = true) => ({
  type: "aggregate_query_part" as const,
  query_id,
  from_device,
  data: typeof data === "string" ? data : JSON.stringify(data),
  is_final,
});
const done = (more: Partial<QueryReply & { type: "aggregate_query_done" }> = {}) => ({
  type: "aggregate_query_done" as const,
  query_id,
  answered: ["pi", "liar"],
  timed_out: [],
  failed: {},
  offline: {},
  ...more,
});
const task = (id: string, minute: number) => ({ id, updated_at: `2026-11-20T10:0${minute}:00.000Z` });
const gathering = (type: QueryType, params: unknown = {}, mostCharacters?: number) =>
  new FleetGathering({ type, params, ...(mostCharacters === undefined ? {} : { mostCharacters }) });

test("what there is so far is merged at any time, and cut to what was asked for", () => {
  const gathered = gathering("ListTasks", { limit: 2 });
  gathered.take(part("pi", { items: [task("a", 1), task("c", 3)] }));
  expect(gathered.merged().items.map(({ id }) => id)).toEqual(["c", "a"]);
  gathered.take(part("gpu", { items: [task("b", 2)] }));
  const { items, cursor } = gathered.merged();
  expect(items.map(({ id }) => id)).toEqual(["c", "b"]);
  expect(cursor).toBe(`${Date.parse("2026-11-20T10:02:00.000Z")}.b`);
});

test("a list without a limit is a page of fifty", () => {
  const gathered = gathering("ListTasks");
  const items = Array.from({ length: 60 }, (_, at) => task(`a${at}`, 1));
  gathered.take(part("pi", { items }));
  expect(gathered.merged().items).toHaveLength(50);
  expect(gathered.merged().cursor).toBeString();
});

test.each([
  ["ListTasks", "{no json", "no JSON"],
  ["ListTasks", null, "form"],
  ["ListTasks", { items: "none" }, "form"],
  ["ListTasks", { items: [{ id: "a", updated_at: "soon" }] }, "form"],
  // A cursor is made of it, which every device has to read.
  ["ListTasks", { items: [{ ...task("a", 1), id: "a b" }] }, "form"],
  ["SearchTasks", { items: Array.from({ length: 201 }, () => task("a", 1)) }, "form"],
  ["SearchKnowledgebase", { items: [1] }, "form"],
  ["GetTaskStats", { stats: { running: -1 } }, "form"],
  ["GetTaskStats", { stats: { running: 1.5 } }, "form"],
] as const)("%s: a device that answers %j has failed, and is no part of the answer", (type, said, why) => {
  const gathered = gathering(type);
  gathered.take(part("liar", said));
  expect(gathered.merged().items).toEqual([]);
  const { answered, failed } = gathered.completeness(done());
  expect([answered, failed["liar"]]).toEqual([["pi"], expect.stringContaining(why)]);
});

test("one bad part takes back what the device said before, and nothing of it comes after", () => {
  const gathered = gathering("ListTasks");
  gathered.take(part("liar", { items: [task("a", 1)] }, false));
  gathered.take(part("liar", "{", false));
  gathered.take(part("liar", { items: [task("b", 1)] }));
  expect(gathered.merged().items).toEqual([]);
  const { timed_out, failed } = gathered.completeness(done({ answered: ["pi"], timed_out: ["liar"] }));
  expect([timed_out, Object.keys(failed)]).toEqual([[], ["liar"]]);
});

test("what is kept is bounded, and who comes too late is told", () => {
  const gathered = gathering("Custom", {}, 1000);
  gathered.take(part("pi", JSON.stringify("y".repeat(800))));
  gathered.take(part("gpu", JSON.stringify("z".repeat(800))));
  expect(gathered.merged().items.map(({ device }) => device)).toEqual(["pi"]);
  expect(gathered.completeness(done({ answered: ["pi", "gpu"] }))).toMatchObject({
    answered: ["pi"],
    failed: { gpu: "answered more than still fits" },
  });
});

test("a plugin's answer may be anything", () => {
  const gathered = gathering("Custom");
  for (const said of [null, 1, "text", [1], { a: 1 }]) gathered.take(part("pi", JSON.stringify(said)));
  expect(gathered.merged().items).toHaveLength(5);
});
