import { expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import type { AggregateQuery, QueryReply } from "../../protocol/query-messages.ts";
import type { ApiParts } from "./ports.ts";
import { HUB, testHub } from "./hub.fixture.ts";

const task = (id: string, minute: number) => ({ id, updated_at: `2026-11-20T10:0${minute}:00.000Z` });
const part = (device: string, data: unknown) => ({
  type: "aggregate_query_part" as const,
  from_device: device,
  data: typeof data === "string" ? data : JSON.stringify(data),
  is_final: true,
});
const done = {
  type: "aggregate_query_done" as const,
  answered: ["pi", "gpu"],
  timed_out: ["slow"],
  failed: { attic: "its disk is gone" },
  offline: { nas: null },
};
const expected = { type: "aggregate_query_expected" as const, expected: [{ id: "id-pi", name: "pi" }] };

type Said = QueryReply extends infer Reply ? Omit<Reply, "query_id"> : never;

/** Answers each query with these, one after the other, as they are taken. */
function fleet(...replies: Said[]) {
  const asked: { roots: readonly string[]; query: AggregateQuery }[] = [];
  const queries: ApiParts["queries"] = {
    ask(roots, query, events) {
      asked.push({ roots, query });
      const left = [...replies];
      const next = (): void => {
        const reply = left.shift();
        if (reply !== undefined) events.reply({ ...reply, query_id: query.query_id } as QueryReply); // whole with its id
      };
      queueMicrotask(next);
      return { resume: () => queueMicrotask(next), cancel() {} };
    },
  };
  return { asked, queries };
}

test("the tasks of all devices are one list, with a cursor and who is missing", async () => {
  const { asked, queries } = fleet(
    expected,
    part("pi", { items: [task("a", 5), task("b", 1)], cursor: null }),
    part("gpu", { items: [task("c", 3)], cursor: "more" }),
    part("liar", "{no json"),
    done,
  );
  await using hub = await testHub({ queries });
  const { token } = await hub.home.person("anna");
  const response = await hub.call("/api/aggregate/tasks?status=running&limit=2&timeout_ms=900", {
    token,
    at: HUB,
  });
  expect(await response.json()).toEqual({
    items: [
      { ...task("a", 5), device: "pi" },
      { ...task("c", 3), device: "gpu" },
    ],
    cursor: `${Date.parse("2026-11-20T10:03:00.000Z")}.c`,
    answered: ["pi", "gpu"],
    timed_out: ["slow"],
    failed: { attic: "its disk is gone" },
    offline: { nas: null },
  });
  expect(asked).toMatchObject([
    {
      roots: [hub.home.root],
      query: { query_type: "ListTasks", params: '{"status":"running","limit":2}', timeout_ms: 900 },
    },
  ]);
  expect(asked[0]?.query.signed).toBeUndefined();
});

test("words make it a search", async () => {
  const { asked, queries } = fleet(done);
  await using hub = await testHub({ queries });
  const { token } = await hub.home.person("anna");
  await hub.call("/api/aggregate/tasks?q=backup", { token, at: HUB });
  expect(asked[0]?.query).toMatchObject({ query_type: "SearchTasks", params: '{"q":"backup","limit":50}' });
});

test("who takes events gets each part as it comes", async () => {
  const { queries } = fleet(expected, part("pi", { items: [] }), done);
  await using hub = await testHub({ queries });
  const { token } = await hub.home.person("anna");
  const headers = { accept: "text/event-stream" };
  const response = await hub.call("/api/aggregate/tasks", { token, at: HUB, headers });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(await response.text()).toBe(
    'event: expected\ndata: {"expected":[{"id":"id-pi","name":"pi"}]}\n\n' +
      'event: part\ndata: {"from_device":"pi","data":{"items":[]},"is_final":true}\n\n' +
      'event: done\ndata: {"answered":["pi","gpu"],"timed_out":["slow"],"failed":{"attic":"its disk is gone"},"offline":{"nas":null}}\n\n',
  );
});

test("any query is one call", async () => {
  const { asked, queries } = fleet(part("pi", { stats: { running: 2 } }), done);
  await using hub = await testHub({ queries });
  const { token } = await hub.home.person("anna");
  const body = { type: "Custom", name: "Notes", params: { q: 1 } };
  expect((await hub.call("/api/query", { body, token, at: HUB })).status).toBe(200);
  expect(asked[0]?.query).toMatchObject({ query_type: "Custom", query_name: "Notes", params: '{"q":1}' });
  const stats = await hub.call("/api/query", { body: { type: "GetTaskStats" }, token, at: HUB });
  expect(await stats.json()).toMatchObject({ total: { running: 2 } });
});

test("what does not fit, and what nobody answers, is refused", async () => {
  const nobody = () => {
    throw new MusterError("no_device", "no device answers that");
  };
  await using hub = await testHub({ queries: { ask: nobody } });
  const { token } = await hub.home.person("anna");
  for (const query of ["status=odd", "limit=0", "limit=201", "timeout_ms=70000", "q=", "other=1"]) {
    expect((await hub.call(`/api/aggregate/tasks?${query}`, { token, at: HUB })).status).toBe(400);
  }
  const events = { accept: "text/event-stream" };
  for (const headers of [{}, events]) {
    expect((await hub.call("/api/aggregate/tasks", { token, at: HUB, headers })).status).toBe(503);
  }
  expect((await hub.call("/api/aggregate/tasks", { at: HUB })).status).toBe(401);
});
