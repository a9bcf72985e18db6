import { afterAll, beforeAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { MusterError } from "../../protocol/errors.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { realWorld } from "../../world/real.ts";
import { createMetrics } from "../metrics.ts";
import { tempHome, until, type TempHome } from "../testing.ts";
import { serveLocalApi, type LocalHandlers, type LocalServer } from "./local-server.ts";

const TOKEN = "t".repeat(43);
const crypto = nodeCrypto((length) => realWorld.random.bytes(length));
const calls: string[] = [];

let home: TempHome;
let server: LocalServer;

const refuse = (): Promise<never> =>
  Promise.reject(new MusterError("not_found", "no such share", { hint: "look" }));
const handlers: LocalHandlers = {
  status: () => Promise.reject(new Error("secret detail of a fault")),
  add: (_, caller) => {
    calls.push("add");
    return new Promise((_resolve, reject) =>
      caller.addEventListener("abort", () => {
        calls.push("its caller left");
        reject(new MusterError("unavailable", "nobody waits"));
      }),
    );
  },
  remove: ({ share }) => {
    calls.push(share);
    return Promise.resolve({ id: "abc", name: share });
  },
  start_app: refuse,
  stop_app: refuse,
  device_token: refuse,
  device_share: refuse,
  device_unshare: refuse,
  device_show: refuse,
  device_invited: refuse,
  device_rename: refuse,
  device_remove: refuse,
  device_approve: refuse,
  device_rotate: refuse,
  leave: refuse,
  pair_make: refuse,
  pair_wait: refuse,
  pair_cancel: refuse,
  pair_join: refuse,
  peers: refuse,
  peer_unpair: refuse,
  peer_name: refuse,
  peer_verify: refuse,
  send: refuse,
  inbox: refuse,
  inbox_read: refuse,
  file_send: refuse,
  file_sends: refuse,
  file_cancel: refuse,
  file_refuse: refuse,
  open_page: refuse,
  login_link: refuse,
  audit: refuse,
  stop: () => Promise.resolve({ pid: 1 }),
  logs: () => new Response("line one\nline two\n").body ?? new ReadableStream(),
  run: () => new ReadableStream(),
  shell: () => new ReadableStream(),
  capability_order: () => new ReadableStream(),
  forward: () => new ReadableStream(),
  capability: () => new ReadableStream(),
  query: () => new ReadableStream(),
  task_query: () => new ReadableStream(),
  task_show: refuse,
  task_logs: refuse,
  task_cancel: refuse,
  task_remove: refuse,
  owners: refuse,
  keys: refuse,
  key_create: refuse,
  key_revoke: refuse,
  grant: refuse,
  owner_promote: refuse,
  hub_handover: refuse,
  recovery_make: refuse,
  recovery_use: refuse,
  owners_reset: refuse,
  order_input: refuse,
  order_tell: refuse,
  service_ticket: refuse,
};

function options(port: number, socketPath: string) {
  return {
    network: realWorld.network,
    log: SILENT_LOG,
    sha256: (bytes: Uint8Array) => crypto.sha256(bytes),
    token: TOKEN,
    port,
    socketPath,
    about: { pid: 4711, version: "0.1.0" },
    handlers,
    programs: () => undefined,
    publishes: ({ headers }: Request) => headers.get("authorization") === "Bearer mk1_share",
    metrics: createMetrics({ trunkConnected: () => true, shares: () => ["running", "waiting"] }),
  };
}

beforeAll(async () => {
  home = await tempHome();
  server = await serveLocalApi(options(0, home.file("agent.sock")));
});

afterAll(async () => {
  server.close();
  await home[Symbol.asyncDispose]();
});

interface Call {
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** A good call, but for what is changed. A header of "" is left out. */
async function call({
  path = "/api/remove",
  method = "POST",
  headers = {},
  body = '{"share":"blog"}',
}: Call = {}) {
  const all = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers };
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
  const init = { method, headers: kept, ...(method === "GET" ? {} : { body }) };
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

test("a program's key with the scope share publishes and takes down, starts nothing, and calls nothing else", async () => {
  const headers = { authorization: "Bearer mk1_share" };
  expect((await call({ headers })).status).toBe(200);
  const share = { access: "public", port: 3000 };
  const starting = await call({ path: "/api/add", headers, body: JSON.stringify({ ...share, run: "id" }) });
  expect(starting.status).toBe(403);
  expect(starting.text).toContain("starts no programs");
  for (const path of [
    "/api/status",
    "/api/stop",
    "/api/run",
    "/api/start_app",
    "/api/logs",
    "/api/keys",
    "/metrics",
  ]) {
    expect([path, (await call({ path, headers, body: "{}" })).status]).toEqual([path, 401]);
  }
  const other = { authorization: "Bearer mk1_other" };
  expect((await call({ headers: other })).status).toBe(401);
  const page = { ...headers, origin: "https://evil.example" };
  expect((await call({ headers: page })).status).toBe(403);
});

test("a call with the token is answered", async () => {
  const { status, text, headers } = await call({
    headers: { "content-type": "application/json; charset=utf-8" },
  });
  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual({ id: "abc", name: "blog" });
  expect(headers.get("cache-control")).toBe("no-store");
});

test("the health needs no token and tells which process answers", async () => {
  const { status, text } = await call({ path: "/health", method: "GET", headers: { authorization: "" } });
  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual({ status: "ok", pid: 4711, version: "0.1.0" });
});

test.each<[string, Call, number]>([
  ["no token", { headers: { authorization: "" } }, 401],
  ["a wrong token", { headers: { authorization: `Bearer ${"u".repeat(43)}` } }, 401],
  ["a token that is only begun", { headers: { authorization: `Bearer ${TOKEN.slice(1)}` } }, 401],
  ["a token sent as Basic", { headers: { authorization: `Basic ${TOKEN}` } }, 401],
  ["the token in the address", { path: `/api/remove?token=${TOKEN}`, headers: { authorization: "" } }, 401],
  ["a page's Origin", { headers: { origin: "https://evil.example" } }, 403],
  ["the Origin null", { headers: { origin: "null" } }, 403],
  ["our own address as Origin", { headers: { origin: "http://127.0.0.1:7575" } }, 403],
  ["a Referer", { headers: { referer: "https://evil.example/" } }, 403],
  ["a host name that was made to point here", { headers: { host: "evil.example" } }, 403],
  ["a host name with our port", { headers: { host: "evil.example:7575" } }, 403],
  ["our host without its port", { headers: { host: "127.0.0.1" } }, 403],
  [
    "a foreign host asking for the health",
    { path: "/health", method: "GET", headers: { host: "evil.example" } },
    403,
  ],
  [
    "a page asking for the health",
    { path: "/health", method: "GET", headers: { origin: "http://localhost:3000" } },
    403,
  ],
  ["a form", { headers: { "content-type": "application/x-www-form-urlencoded" }, body: "share=blog" }, 400],
  ["text that could be sent without asking", { headers: { "content-type": "text/plain" } }, 400],
  ["no type at all", { headers: { "content-type": "" } }, 400],
  [
    "JSON with something behind the type",
    { headers: { "content-type": "application/json, text/plain" } },
    400,
  ],
  ["what is no JSON", { body: "{" }, 400],
  ["a raw control character in a text", { body: '{"share":"a\nb"}' }, 400],
  ["JSON of another shape", { body: '{"share":5}' }, 400],
  ["an array", { body: "[]" }, 400],
  ["deep nesting", { body: `{"share":"x","more":${"[".repeat(200)}${"]".repeat(200)}}` }, 400],
  ["too much", { body: JSON.stringify({ share: "x".repeat(70_000) }) }, 413],
  ["an unknown call", { path: "/api/nothing" }, 404],
  ["a call named like a property of every object", { path: "/api/constructor" }, 404],
  ["another path", { path: "/" }, 404],
  ["GET where POST is due", { method: "GET" }, 405],
  ["POST where GET is due", { path: "/health", body: "{}" }, 405],
  ["the metrics without a token", { path: "/metrics", method: "GET", headers: { authorization: "" } }, 401],
])("%s is refused", async (_, change, status) => {
  calls.length = 0;
  const answer = await call(change);
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.text)).toEqual({ error: expect.objectContaining({ code: expect.any(String) }) });
  expect(calls).toEqual([]);
});

test("a body of unknown length is read no further than its bound", async () => {
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(16 * 1024).fill(0x20));
    },
  });
  const response = await fetch(`http://127.0.0.1:${server.port}/api/remove`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: endless,
  });
  expect(response.status).toBe(413);
});

test("a refusal is told whole, a fault as an internal error", async () => {
  const refusal = await call({ path: "/api/start_app" });
  expect(refusal.status).toBe(404);
  expect(JSON.parse(refusal.text)).toEqual({
    error: { code: "not_found", message: "no such share", hint: "look" },
  });
  const fault = await call({ path: "/api/status", body: "{}" });
  expect(fault.status).toBe(500);
  expect(fault.text).not.toContain("secret");
});

test("logs come as they are", async () => {
  const { text } = await call({ path: "/api/logs", body: '{"share":"shop","lines":10,"follow":false}' });
  expect(text).toBe("line one\nline two\n");
});

test("the metrics count calls by name and shares by state", async () => {
  await call();
  const { text } = await call({ path: "/metrics", method: "GET" });
  expect(text).toMatch(/muster_agent_local_calls_total\{name="remove",outcome="ok"\} \d/);
  expect(text).toContain('muster_agent_shares{state="waiting"} 1');
  expect(text).toContain("muster_agent_trunk_connected 1");
});

test("the unix socket is this user's alone and asks for the token too", async () => {
  const unix = home.file("agent.sock");
  expect(statSync(unix).mode & 0o777).toBe(0o600);
  const health = await fetch("http://localhost/health", { unix });
  expect(health.status).toBe(200);
  expect((await fetch("http://localhost/api/status", { unix, method: "POST" })).status).toBe(401);
  expect((await fetch("http://evil.example/health", { unix })).status).toBe(403);
});

test("a taken port is an error when it was asked for", async () => {
  const error: unknown = await serveLocalApi(options(server.port, home.file("b.sock"))).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: "port_taken" });
});

test("a socket path that is too long for the system is done without", async () => {
  const second = await serveLocalApi(options(0, home.file("x".repeat(120))));
  expect(second.port).toBeGreaterThan(0);
  second.close();
});

test("a call whose caller leaves is told so", async () => {
  const leaving = new AbortController();
  const asked = fetch(`http://127.0.0.1:${server.port}/api/add`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: '{"path":"/srv","access":"public"}',
    signal: leaving.signal,
  }).catch(() => "left");
  await until(() => calls.includes("add"));
  leaving.abort();
  expect(await asked).toBe("left");
  await until(() => calls.includes("its caller left"));
});
