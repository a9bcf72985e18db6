import { describe, expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import type { AggregateQuery, QueryReply } from "../../protocol/query-messages.ts";
import type { ApiParts } from "./ports.ts";
import { HUB, testHub, type TestHub } from "./hub.fixture.ts";

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
const doneBy = (answered: string[]) => ({ ...done, answered, failed: {} });
const expected = { type: "aggregate_query_expected" as const, expected: [{ id: "id-pi", name: "pi" }] };

type Said = QueryReply extends infer Reply ? Omit<Reply, "query_id"> : never;

/** Answers each query with these, one after the other, as they are taken; then it is silent. */
function fleet(...replies: Said[]) {
  const asked: { roots: readonly string[]; query: AggregateQuery; given: number; isCancelled: boolean }[] =
    [];
  const queries: ApiParts["queries"] = {
    keysOf: (_, references) => references.map((reference) => `key of ${reference}`),
    ask(roots, query, events) {
      const one = { roots, query, given: 0, isCancelled: false };
      asked.push(one);
      const left = [...replies];
      const next = (): void => {
        const reply = left.shift();
        if (reply === undefined) return;
        one.given += 1;
        events.reply({ ...reply, query_id: query.query_id } as QueryReply); // whole with its id
      };
      queueMicrotask(next);
      return {
        resume: () => queueMicrotask(next),
        cancel() {
          if (one.isCancelled) return;
          one.isCancelled = true;
          events.over();
        },
      };
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
    failed: { attic: "its disk is gone", liar: "answered what is no JSON" },
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

test("some devices are named, as a person names them", async () => {
  const { asked, queries } = fleet(done);
  await using hub = await testHub({ queries });
  const { token } = await hub.home.person("anna");
  await hub.call("/api/query", { body: { type: "ListTasks", devices: ["pi", "gpu"] }, token, at: HUB });
  expect(asked[0]?.query.devices).toEqual(["key of pi", "key of gpu"]);
});

test("what does not fit, and what nobody answers, is refused", async () => {
  const nobody = () => {
    throw new MusterError("no_device", "no device answers that");
  };
  await using hub = await testHub({ queries: { ask: nobody, keysOf: () => [] } });
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

test("what is found by words has one page, and takes a status", async () => {
  const { asked, queries } = fleet(done);
  await using hub = await testHub({ queries });
  const { token } = await hub.home.person("anna");
  await hub.call("/api/aggregate/tasks?q=backup&status=failed", { token, at: HUB });
  expect(JSON.parse(asked[0]?.query.params ?? "")).toEqual({ q: "backup", status: "failed", limit: 50 });
  const both = await hub.call("/api/aggregate/tasks?q=backup&cursor=1.a", { token, at: HUB });
  const strange = await hub.call("/api/aggregate/tasks?cursor=yesterday", { token, at: HUB });
  expect([both.status, strange.status]).toEqual([400, 400]);
});

describe("of one person or key", () => {
  const events = { accept: "text/event-stream" };
  const open = async (hub: TestHub, token: string) =>
    hub.call("/api/aggregate/tasks", { token, at: HUB, headers: events });

  test("sixteen queries run at once; who goes takes its own back and makes room", async () => {
    const { asked, queries } = fleet(expected);
    await using hub = await testHub({ queries });
    const anna = (await hub.home.person("anna")).token;
    const streams = await Promise.all(Array.from({ length: 16 }, async () => open(hub, anna)));
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]));
    const refused = await open(hub, anna);
    expect([refused.status, await refused.json()]).toMatchObject([
      429,
      { error: { code: "too_many", hint: expect.any(String) } },
    ]);
    expect((await hub.call("/api/aggregate/tasks", { token: anna, at: HUB })).status).toBe(429);
    const ben = (await hub.other.person("ben")).token;
    expect((await open(hub, ben)).status).toBe(200);

    const [first, second] = streams.map(({ body }) => body?.getReader());
    await first?.read();
    await first?.cancel();
    expect((await open(hub, anna)).status).toBe(200);
    await second?.read();
    const waits = second?.read();
    await Bun.sleep(0);
    await second?.cancel();
    await waits;
    expect((await open(hub, anna)).status).toBe(200);
    expect(asked.filter(({ isCancelled }) => isCancelled)).toHaveLength(2);
  });

  test("one that could not begin takes no place", async () => {
    let refusals = 0;
    const ask = (): never => {
      refusals += 1;
      throw new MusterError("no_device", "no device answers that");
    };
    await using hub = await testHub({ queries: { ask, keysOf: () => [] } });
    const { token } = await hub.home.person("anna");
    for (let n = 0; n < 20; n++)
      await hub.call("/api/query", { body: { type: "ListTasks" }, token, at: HUB });
    expect(refusals).toBe(20);
  });
});

test("events that nobody takes are not gathered", async () => {
  const parts = Array.from({ length: 100 }, (_, at) => part(`device-${at}`, { items: [] }));
  const { asked, queries } = fleet(expected, ...parts, done);
  await using hub = await testHub({ queries });
  const { token } = await hub.home.person("anna");
  const headers = { accept: "text/event-stream" };
  const { body } = await hub.call("/api/aggregate/tasks", { token, at: HUB, headers });
  const reader = body?.getReader();
  for (let n = 0; n < 3; n++) await reader?.read();
  await Bun.sleep(0);
  expect(asked[0]?.given).toBeLessThan(6);
  await reader?.cancel();
  expect(asked[0]?.isCancelled).toBe(true);
});

test("what is gathered into one answer is bounded, and who does not fit is told", async () => {
  const large = { items: [{ ...task("a", 1), title: "x".repeat(1_000_000) }] };
  const names = Array.from({ length: 12 }, (_, at) => `device-${at}`);
  const { queries } = fleet(...names.map((name) => part(name, large)), doneBy(names));
  await using hub = await testHub({ queries });
  const { token } = await hub.home.person("anna");
  const answer = (await (await hub.call("/api/aggregate/tasks", { token, at: HUB })).json()) as {
    answered: string[];
    failed: Record<string, string>;
  };
  expect(answer.answered).toHaveLength(8);
  expect(answer.failed["device-11"]).toBe("answered more than still fits");
});
