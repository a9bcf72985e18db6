import { expect, test } from "bun:test";
import { makeApiKey } from "../../identity/api-key.ts";
import { appendEntry } from "../../identity/owner-log.ts";
import { begun, crypto, home, NOW } from "../../identity/owner-log.fixture.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { EntryBody } from "../../protocol/owner-log.ts";
import type { ProgramQuestion } from "../../protocol/program-gateway.ts";
import type { DeviceView } from "../../protocol/views.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { programCalls, publishesWith } from "./program-calls.ts";

const ID = "019ab000-0000-7000-8000-000000000003";
const chat = { protocol: "llm.chat", version: "1.0.0", class: "compute", models: ["tiny"] } as const;
const view = (name: string, status: DeviceView["status"]) =>
  ({ name, status, capabilities: [chat] }) as unknown as DeviceView; // what is looked at

interface Said {
  token?: string;
  body?: unknown;
  method?: "GET" | "POST";
  headers?: Record<string, string>;
}

async function agent(change: Partial<EntryBody<"key">> = {}) {
  const { text, signer } = makeApiKey(crypto);
  const body: EntryBody<"key"> = {
    public_key: toBase64Url(signer.publicKey),
    name: "editor",
    holder: "program",
    scopes: ["models"],
    capabilities: null,
    devices: null,
    until: null,
    ...change,
  };
  const log = await appendEntry(crypto, begun, { kind: "key", body, signer: home });
  const asked: ProgramQuestion[] = [];
  const signers: string[] = [];
  const calls = programCalls({
    clock: { now: () => NOW, monotonic: () => 0 },
    timers: new FakeTime(),
    crypto,
    book: { log },
    async *ask(question, _, by) {
      asked.push(question);
      signers.push(by === undefined ? "this home" : toBase64Url(by.publicKey));
      yield { type: "capability_response", request_id: ID, from_device: "gpu", payload: '{"ok":true}' };
    },
    devices: async () => [view("gpu", "online"), view("attic", "offline")],
  });
  const call = async (
    path: string,
    { token = text.reveal(), body: said = {}, method = "POST", headers = {} }: Said = {},
  ) => {
    const request = new Request(`http://127.0.0.1:7575${path}`, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
      ...(method === "POST" ? { body: JSON.stringify(said) } : {}),
    });
    const response = await calls(request, () => token === "home-token");
    return response ?? Response.json("not theirs");
  };
  return { asked, signers, call, key: toBase64Url(signer.publicKey) };
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test("a key with the scope models chats and embeds, and signs by itself", async () => {
  const { call, asked, signers, key } = await agent();
  expect(await (await call("/v1/chat/completions", { body: { model: "tiny" } })).json()).toEqual({
    ok: true,
  });
  expect((await call("/v1/embeddings", { body: { input: "hi" } })).status).toBe(200);
  expect(asked).toMatchObject([
    { protocol: "llm.chat", model: "tiny", onlyDevice: undefined },
    { protocol: "embeddings", payload: '{"input":"hi"}' },
  ]);
  expect(signers).toEqual([key, key]);
});

test("responses are asked of a device that has them", async () => {
  const { call, asked } = await agent();
  await call("/v1/responses", { body: { input: "hi" } });
  expect(asked).toMatchObject([
    { protocol: "llm.chat", version: "1.1.0", payload: '{"input":"hi","api":"responses"}' },
  ]);
});

test("one device alone is named by a header, or behind the model", async () => {
  const { call, asked } = await agent();
  await call("/v1/chat/completions", { body: { model: "tiny@attic" } });
  await call("/v1/chat/completions", { body: { model: "tiny" }, headers: { "muster-device": "gpu" } });
  expect(asked).toMatchObject([
    { model: "tiny", onlyDevice: "attic" },
    { model: "tiny", onlyDevice: "gpu" },
  ]);
});

test("only a program's key with the scope share publishes, for as long as it holds", async () => {
  const publishes = async (change: Partial<EntryBody<"key">>, shown?: string): Promise<boolean> => {
    const { text, signer } = makeApiKey(crypto);
    const body: EntryBody<"key"> = {
      public_key: toBase64Url(signer.publicKey),
      name: "site",
      holder: "program",
      scopes: ["share"],
      capabilities: null,
      devices: null,
      until: null,
      ...change,
    };
    const log = await appendEntry(crypto, begun, { kind: "key", body, signer: home });
    const headers = { authorization: `Bearer ${shown ?? text.reveal()}` };
    const parts = { clock: { now: () => NOW, monotonic: () => 0 }, crypto, book: { log } };
    return publishesWith(parts)(new Request("http://127.0.0.1:7575/api/add", { method: "POST", headers }));
  };
  expect(await publishes({})).toBe(true);
  expect(await publishes({ scopes: ["models", "share"] })).toBe(true);
  expect(await publishes({ scopes: ["models", "read"] })).toBe(false);
  expect(await publishes({ holder: "device" })).toBe(false);
  expect(await publishes({ until: NOW })).toBe(false);
  expect(await publishes({}, makeApiKey(crypto).text.reveal())).toBe(false);
  expect(await publishes({}, "none")).toBe(false);
});

test("models are those of devices that are online", async () => {
  const { call } = await agent();
  expect(await (await call("/v1/models", { method: "GET" })).json()).toMatchObject({
    data: [{ id: "tiny", owned_by: "gpu" }],
  });
});

test("one model is asked for by its name", async () => {
  const { call } = await agent();
  expect(await (await call("/v1/models/tiny", { method: "GET" })).json()).toMatchObject({ id: "tiny" });
  const none = await call("/v1/models/other", { method: "GET" });
  expect([none.status, await none.json()]).toMatchObject([404, { error: { type: "invalid_request_error" } }]);
});

test.each([
  ["an unknown key", {}, { token: makeApiKey(crypto).text.reveal() }, 401],
  ["no key", {}, { token: "x" }, 401],
  ["a key that is over", { until: NOW }, {}, 401],
  ["a device's grant", { holder: "device" }, {}, 401],
  ["a key for lists", { scopes: ["read"] }, {}, 403],
  ["a key for something else", { scopes: ["capabilities"], capabilities: ["embeddings"] }, {}, 403],
] as const)("%s uses no model", async (_, change, given, status) => {
  const { call, asked } = await agent(change as Partial<EntryBody<"key">>); // a test's lists are never written to
  const response = await call("/v1/chat/completions", given);
  expect(response.status).toBe(status);
  expect(await response.json()).toHaveProperty("error.message");
  expect(asked).toEqual([]);
});

test("a capability is one call, for a key that covers it and for this user's own CLI", async () => {
  const { call, asked, signers, key } = await agent({
    scopes: ["capabilities"],
    capabilities: ["thumbnails"],
  });
  expect(await (await call("/api/capabilities/thumbnails", { body: [1] })).json()).toEqual({
    from_device: "gpu",
    payload: { ok: true },
  });
  expect(await failure(call("/api/capabilities/other"))).toMatchObject({ code: "forbidden" });
  expect((await call("/api/capabilities/other", { token: "home-token" })).status).toBe(200);
  expect(asked.map(({ protocol }) => protocol)).toEqual(["thumbnails", "other"]);
  expect(signers).toEqual([key, "this home"]);
});

test("other methods and paths are refused, and the CLI's own calls are none of theirs", async () => {
  const { call } = await agent();
  expect((await call("/v1/chat/completions", { method: "GET" })).status).toBe(405);
  expect((await call("/v1/files")).status).toBe(404);
  expect(await (await call("/v1/audio/speech")).json()).toMatchObject({
    error: { message: expect.stringContaining("/v1/chat/completions"), code: "not_found" },
  });
  expect(await (await call("/api/status")).json()).toBe("not theirs");
});
