import { expect, test } from "bun:test";
import { makeApiKey } from "../../identity/api-key.ts";
import { isSignedByCaller } from "../../identity/capability-request.ts";
import { appendEntry } from "../../identity/owner-log.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { CapabilityReply, CapabilityRequest } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { EntryBody } from "../../protocol/owner-log.ts";
import type { Ask } from "../calls/capability-desk.ts";
import type { DeviceView } from "../../protocol/views.ts";
import type { ApiParts } from "./ports.ts";
import { HUB, testHub, type TestHub } from "./hub.fixture.ts";

interface Fleet {
  asked: Ask[];
  cancelled: number;
  capabilities: ApiParts["capabilities"];
}

/** Answers each request with these, one after the other, as they are taken. */
function answering(...replies: (Partial<CapabilityReply> & { type: CapabilityReply["type"] })[]): Fleet {
  const fleet: Fleet = {
    asked: [],
    cancelled: 0,
    capabilities: {
      ask(ask, events) {
        fleet.asked.push(ask);
        const left = [...replies];
        const next = (): void => {
          const reply = left.shift();
          if (reply === undefined) return;
          const request_id = ask.request.request_id;
          events.reply({ request_id, from_device: "gpu", data: "", ...reply } as CapabilityReply); // whole with its type
          if (reply.type === "capability_response") events.over();
        };
        queueMicrotask(next);
        return {
          resume: () => queueMicrotask(next),
          cancel: () => void (fleet.cancelled += 1),
        };
      },
    },
  };
  return fleet;
}

async function keyOf(hub: TestHub, change: Partial<EntryBody<"key">> = {}): Promise<string> {
  const { crypto, home, logs } = hub;
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
  const log = await appendEntry(crypto, home.log(), { kind: "key", body, signer: home.signer });
  const entry = log.entries.at(-1);
  if (entry === undefined) throw new Error("a log has entries");
  await logs.append(entry);
  return text.reveal();
}

const chat = (token: string | undefined, body: unknown = { messages: [] }) =>
  ["/v1/chat/completions", { body, at: HUB, ...(token === undefined ? {} : { token }) }] as const;

test("a program's request is signed by its own key while it is under way", async () => {
  const fleet = answering({ type: "capability_response", payload: '{"choices":[]}' });
  await using hub = await testHub(fleet);
  const response = await hub.call(...chat(await keyOf(hub), { model: "qwen3:8b", messages: [] }));
  expect([response.status, await response.json()]).toEqual([200, { choices: [] }]);
  expect(response.headers.get("muster-device")).toBe("gpu");
  const [{ request, caller, actor } = { request: {} as CapabilityRequest, caller: "", actor: undefined }] =
    fleet.asked;
  expect(actor).toBeUndefined();
  expect(request).toMatchObject({ model: "qwen3:8b", log: hub.home.root });
  const { signature = "" } = request;
  expect(isSignedByCaller(hub.crypto, { ...request, signature, caller })).toBe(true);
});

test("one device alone is named by a header, or behind the model", async () => {
  const fleet = answering({ type: "capability_response", payload: "{}" });
  const gpu = { name: "gpu" } as DeviceView; // what is looked at
  const fleetView = { hub: { url: HUB, id: "hub", version: "0.1.0" }, devices: [gpu], shares: [] };
  await using hub = await testHub({ ...fleet, fleet: { viewOf: () => fleetView } });
  const [path, said] = chat(await keyOf(hub), { model: "qwen3:8b" });
  await hub.call(path, { ...said, headers: { "muster-device": "attic" } });
  await hub.call(path, { ...said, body: { model: "auto@gpu" } });
  expect(fleet.asked.map(({ request }) => [request.model, request.only_device])).toEqual([
    ["qwen3:8b", "attic"],
    [undefined, "gpu"],
  ]);
});

test.each(["completions", "responses"])("%s are asked of a device that has them", async (api) => {
  const fleet = answering({ type: "capability_response", payload: '{"id":"x"}' });
  await using hub = await testHub(fleet);
  const body = { model: "tiny", input: "hi", prompt: "hi" };
  const response = await hub.call(`/v1/${api}`, { token: await keyOf(hub), at: HUB, body });
  expect([response.status, await response.json()]).toEqual([200, { id: "x" }]);
  const [asked] = fleet.asked;
  expect(asked?.request.capability).toEqual({ protocol: "llm.chat", version: "1.1.0" });
  expect(JSON.parse(asked?.request.payload ?? "")).toEqual({ ...body, api });
});

test("tokens stream as events", async () => {
  const fleet = answering(
    { type: "capability_part", data: '{"a":1}' },
    { type: "capability_part", data: '{"b":2}' },
    { type: "capability_response" },
  );
  await using hub = await testHub(fleet);
  const response = await hub.call(...chat(await keyOf(hub), { stream: true }));
  expect(await response.text()).toBe('data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n');
});

test("nobody, a key that nobody granted and one that was taken back are refused alike", async () => {
  await using hub = await testHub(answering());
  const { crypto, home, logs } = hub;
  const token = await keyOf(hub);
  const taken = home.log().grants()[0];
  const log = await appendEntry(crypto, home.log(), {
    kind: "remove",
    body: { public_key: toBase64Url(taken?.publicKey ?? new Uint8Array(32)) },
    signer: home.signer,
  });
  await logs.append(log.entries.at(-1) as never); // of a log that has entries
  const strange = makeApiKey(crypto).text.reveal();
  const answers = await Promise.all([token, strange, "mk1_", undefined].map((one) => hub.call(...chat(one))));
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
});

test("a key that is over, and one without the scope, use nothing", async () => {
  const fleet = answering({ type: "capability_response", payload: "{}" });
  await using hub = await testHub(fleet);
  const over = await keyOf(hub, { until: hub.clock.now() });
  expect((await hub.call(...chat(over))).status).toBe(401);
  const reads = await keyOf(hub, { scopes: ["read"], name: "reader" });
  expect((await hub.call(...chat(reads))).status).toBe(403);
  const embeds = await keyOf(hub, {
    scopes: ["capabilities"],
    capabilities: ["embeddings"],
    name: "embedder",
  });
  expect((await hub.call(...chat(embeds))).status).toBe(403);
  expect((await hub.call("/v1/embeddings", { body: { input: "hi" }, at: HUB, token: embeds })).status).toBe(
    200,
  );
  expect(fleet.asked).toHaveLength(1);
});

test("a key with the scope read sees the fleet, and no other does", async () => {
  await using hub = await testHub();
  const status = async (token: string) => (await hub.call("/api/fleet", { token, at: HUB })).status;
  expect(await status(await keyOf(hub, { scopes: ["read"] }))).toBe(200);
  expect(await status(await keyOf(hub, { scopes: ["models"], name: "other" }))).toBe(403);
});

test("what goes wrong is told as OpenAI's clients read it, and elsewhere as ours", async () => {
  const nobody = {
    capabilities: {
      ask: (): never => {
        throw new MusterError("no_device", "no device offers llm.chat", { hint: "look" });
      },
    },
  };
  await using hub = await testHub(nobody);
  const token = await keyOf(hub, { scopes: ["capabilities"] });
  const models = await hub.call(...chat(token));
  expect([models.status, await models.json()]).toMatchObject([
    404,
    { error: { code: "no_device", param: null } },
  ]);
  const call = await hub.call("/api/capabilities/llm.chat", { body: {}, token, at: HUB });
  expect([call.status, await call.json()]).toMatchObject([
    503,
    { error: { code: "no_device", hint: "look" } },
  ]);
});

test("any capability that computes is one call, with its parts", async () => {
  const fleet = answering(
    { type: "capability_part", data: '"a"' },
    { type: "capability_response", payload: '{"b":1}' },
  );
  await using hub = await testHub(fleet);
  const token = await keyOf(hub, { scopes: ["capabilities"] });
  const at = { token, at: HUB, body: { q: 1 } };
  const path = "/api/capabilities/thumbnails?version=2.1.0&prefer_device=gpu&only_device=pi&timeout_ms=1000";
  const response = await hub.call(path, at);
  expect(await response.json()).toEqual({ from_device: "gpu", payload: { b: 1 }, parts: ["a"] });
  expect(fleet.asked[0]?.request).toMatchObject({
    capability: { protocol: "thumbnails", version: "2.1.0" },
    payload: '{"q":1}',
    prefer_device: "gpu",
    only_device: "pi",
    timeout_ms: 1000,
  });
  for (const bad of ["LLM", "x?version=1", "x?timeout_ms=0", "x?other=1"]) {
    expect((await hub.call(`/api/capabilities/${bad}`, at)).status).toBe(400);
  }
});

test("a model that a capability's payload names goes to who has it", async () => {
  const fleet = answering({ type: "capability_response", payload: "{}" });
  await using hub = await testHub(fleet);
  const body = { model: "qwen3:8b", messages: [] };
  await hub.call("/api/capabilities/llm.chat", { token: await keyOf(hub), at: HUB, body });
  expect(fleet.asked[0]?.request).toMatchObject({ model: "qwen3:8b", timeout_ms: 600_000 });
});

test("a body of up to 8 MiB passes, a larger one is refused", async () => {
  await using hub = await testHub(answering({ type: "capability_response", payload: "{}" }));
  const token = await keyOf(hub);
  const status = async (bytes: number) =>
    (await hub.call(...chat(token, { input: "x".repeat(bytes) }))).status;
  expect(await status(8_000_000)).toBe(200);
  expect(await status(8_500_000)).toBe(413);
});

test("one model is asked for by its name, whatever stands in it", async () => {
  const models = ["tiny", "org/Some-Model:7b"];
  const capabilities = [{ protocol: "llm.chat", version: "1.0.0", class: "compute", models }];
  const gpu = { name: "gpu", status: "online", capabilities } as unknown as DeviceView; // what is looked at
  const fleetView = { hub: { url: HUB, id: "hub", version: "0.1.0" }, devices: [gpu], shares: [] };
  await using hub = await testHub({ fleet: { viewOf: () => fleetView } });
  const token = await keyOf(hub);
  for (const path of ["tiny", "org/Some-Model:7b", "org%2FSome-Model%3A7b"]) {
    const response = await hub.call(`/v1/models/${path}`, { token, at: HUB });
    expect([response.status, await response.json()]).toMatchObject([
      200,
      { id: decodeURIComponent(path), object: "model", owned_by: "gpu" },
    ]);
  }
  const none = await hub.call("/v1/models/other", { token, at: HUB });
  expect([none.status, await none.json()]).toMatchObject([404, { error: { code: "not_found" } }]);
  expect((await hub.call("/v1/models/tiny", { at: HUB })).status).toBe(401);
});

test("every refusal below /v1 is in the format of OpenAI", async () => {
  await using hub = await testHub();
  const token = await keyOf(hub);
  const told = async (method: string, path: string, said: { body?: unknown; token?: string } = {}) => {
    const response = await hub.call(path, { ...said, method, at: HUB });
    const { error } = (await response.json()) as { error: { message: string; type: string; code: string } };
    return [response.status, error.type, error.message] as const;
  };
  expect(await told("GET", "/v1/models")).toEqual([
    401,
    "authentication_error",
    "this takes a key of a program (those that hold: muster key ls; make one: muster key create NAME)",
  ]);
  const strange = await told("GET", "/v1/models", { token: "sk-of-somebody" });
  expect(strange.slice(0, 2)).toEqual([401, "authentication_error"]);
  const others = [
    await told("POST", "/v1/audio/speech", { token, body: {} }),
    await told("GET", "/v1/files", { token }),
    await told("GET", "/v1", { token }),
    await told("GET", "/v1/chat/completions", { token }),
  ];
  expect(others[0]?.[2]).toContain("there are /v1/chat/completions");
  expect(others.map(([status, type]) => [status, type])).toEqual([
    [404, "invalid_request_error"],
    [404, "invalid_request_error"],
    [404, "invalid_request_error"],
    [405, "invalid_request_error"],
  ]);
});

test("a page of any site may use models by a key, and nothing else", async () => {
  await using hub = await testHub(answering({ type: "capability_response", payload: "{}" }));
  const headers = { "access-control-request-method": "POST", "sec-fetch-site": "cross-site" };
  const from = { origin: "http://localhost:3000", at: HUB };
  const asked = await hub.call("/v1/chat/completions", { ...from, method: "OPTIONS", headers });
  expect([asked.status, asked.headers.get("access-control-allow-origin")]).toEqual([204, "*"]);
  expect(asked.headers.get("access-control-allow-headers")).toContain("Authorization");
  const [path, said] = chat(await keyOf(hub));
  const answered = await hub.call(path, { ...said, ...from });
  expect([answered.status, answered.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  expect(answered.headers.get("access-control-allow-credentials")).toBeNull();
  expect((await hub.call("/v1/models", from)).status).toBe(401);
  const elsewhere = await hub.call("/api/fleet", { ...from, method: "OPTIONS", headers });
  expect([elsewhere.status, elsewhere.headers.get("access-control-allow-origin")]).toEqual([405, null]);
  expect((await hub.call("/api/capabilities/x", { ...said, ...from })).status).toBe(403);
});

test("models are those of the devices that are here", async () => {
  await using hub = await testHub();
  const token = await keyOf(hub);
  const response = await hub.call("/v1/models", { token, at: HUB });
  expect([response.status, await response.json()]).toEqual([200, { object: "list", data: [] }]);
});
