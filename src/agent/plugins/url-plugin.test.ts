import { afterEach, expect, test } from "bun:test";
import { ModelServer } from "../../../test/fakes/model-server.ts";
import { FakeTime } from "../../trunk/testing.ts";
import type { PluginCapability } from "./manifest.ts";
import { ECHO, hearer, testParts, until, type Heard } from "./plugin.fixture.ts";
import { UrlPlugin } from "./url-plugin.ts";

type Answer = (request: { id: number; method: string; params: Record<string, unknown> }) => Response;

const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

const json = (value: unknown): string => `${JSON.stringify(value)}\n`;
const result = (id: number, value: unknown): string => json({ jsonrpc: "2.0", id, result: value });

function served(answer: Answer): string {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const asked = (await request.json()) as Parameters<Answer>[0]; // the plugin sends nothing else
      return asked.method === "plugin.hello" ? new Response(result(asked.id, {})) : answer(asked);
    },
  });
  ended.push(() => server.stop(true));
  return `http://127.0.0.1:${server.port}/rpc`;
}

function pluginAt(url: string, capabilities: PluginCapability[] = [ECHO]) {
  const time = new FakeTime();
  let trouble: string | undefined;
  const manifest = { name: "local", capabilities, queries: ["look"], run: { url } };
  const given = { manifest, folder: "/", changed() {}, trouble: (text?: string) => (trouble = text) };
  const plugin = new UrlPlugin(testParts(time), given, url);
  ended.push(() => plugin.stop());
  return { plugin, time, trouble: () => trouble };
}

async function called(answer: Answer): Promise<Heard> {
  const { plugin } = pluginAt(served(answer));
  await until("the plugin", () => plugin.capabilities.length > 0);
  const heard = hearer();
  plugin.capabilities[0]?.call({ payload: { a: 1 }, caller: "me" }, heard);
  await until("its end", () => heard.isOver);
  return heard;
}

test("a call is one POST, its answer the same lines as a program's", async () => {
  const heard = await called(({ id, params }) => {
    const part = (data: unknown): string =>
      json({ jsonrpc: "2.0", method: "capability.part", params: { request_id: params["request_id"], data } });
    return new Response(part(1) + part("two") + result(id, params["payload"]));
  });
  expect(heard).toMatchObject({ parts: [1, "two"], payload: { a: 1 } });
});

test("a last line needs no end", async () => {
  expect(await called(({ id }) => new Response(result(id, 5).trimEnd()))).toMatchObject({ payload: 5 });
});

test.each([
  ["a status", () => new Response("", { status: 500 }), "status 500"],
  ["a page", () => new Response("<html>\n"), "no JSON-RPC message"],
  ["nothing", () => new Response(""), "without an end"],
  ["an overlong line", () => new Response("x".repeat(2 * 1024 * 1024)), "no JSON-RPC message"],
] as const)("%s in place of an answer is a refusal", async (_, answer, problem) => {
  const { refusal } = await called(answer);
  expect(refusal).toMatchObject({ code: "app_broken", message: expect.stringContaining(problem) });
});

test("one that leads elsewhere is not followed: its address is all that is ever asked", async () => {
  let visits = 0;
  const inside = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(String((visits += 1))),
  });
  ended.push(() => inside.stop(true));
  for (const status of [301, 302, 303, 307, 308]) {
    const Location = `http://127.0.0.1:${inside.port}/secret`;
    const { refusal } = await called(() => new Response(null, { status, headers: { Location } }));
    expect(refusal).toMatchObject({
      code: "app_broken",
      message: expect.stringContaining(`status ${status}`),
    });
  }
  expect(visits).toBe(0);
});

test("one that goes on about what it was not asked is given up", async () => {
  for (const line of [
    json({ jsonrpc: "2.0", method: "note" }),
    json({ jsonrpc: "2.0", id: 999, result: 1 }),
    json({ jsonrpc: "2.0", method: "capability.part", params: { request_id: "call-999", data: 1 } }),
  ]) {
    const { refusal, parts } = await called(({ id }) => new Response(line.repeat(1001) + result(id, 1)));
    expect(refusal).toMatchObject({ code: "app_broken", message: expect.stringContaining("not asked") });
    expect(parts).toEqual([]);
    const { payload } = await called(({ id }) => new Response(line.repeat(1000) + result(id, 1)));
    expect(payload).toBe(1);
  }
});

test("what it offers comes and goes with who listens there", async () => {
  const url = served(({ id }) => new Response(result(id, {})));
  const { plugin, time, trouble } = pluginAt(url);
  await until("the plugin", () => plugin.capabilities.length > 0);
  expect(await plugin.queries["look"]?.({}, "all")).toEqual({});
  await ended.shift()?.();
  await until("its end", () => (time.advance(15_000), plugin.capabilities.length === 0));
  expect(trouble()).toContain("nothing answers");
});

test("a call that is taken back ends its request", async () => {
  let gone = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    async fetch(request) {
      const { id, method } = (await request.json()) as { id: number; method: string }; // as above
      if (method === "plugin.hello") return new Response(result(id, {}));
      request.signal.addEventListener("abort", () => (gone += 1));
      return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
    },
  });
  ended.push(() => server.stop(true));
  const { plugin } = pluginAt(`http://127.0.0.1:${server.port}`);
  await until("the plugin", () => plugin.capabilities.length > 0);
  const call = plugin.capabilities[0]?.call({ payload: {}, caller: "me" }, hearer());
  await until("the request", () => server.pendingRequests > 0);
  call?.cancel();
  await until("its end", () => gone > 0);
});

test("a model protocol speaks the OpenAI format there", async () => {
  await using server = new ModelServer({ models: ["tiny"] });
  const chat: PluginCapability = { protocol: "llm.chat", version: "1.2.0", class: "compute", models: [] };
  const { plugin } = pluginAt(`http://127.0.0.1:${server.port}`, [chat]);
  await until("the plugin", () => plugin.capabilities.length > 0);
  expect(plugin.capabilities[0]?.offer).toEqual({
    protocol: "llm.chat",
    version: "1.2.0",
    class: "compute",
    models: ["tiny"],
  });
});
