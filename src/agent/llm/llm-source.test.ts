// Against real HTTP servers: what passes is what they say, and what they do wrong is told in words.
import { afterEach, describe, expect, test } from "bun:test";
import {
  chunksFor,
  eventStream,
  ModelServer,
  refusal,
  type ModelServerOptions,
} from "../../../test/fakes/model-server.ts";
import { Secret } from "../../identity/secret.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { realWorld } from "../../world/real.ts";
import { hearer, until, type Heard } from "../plugins/plugin.fixture.ts";
import { LlmSource, type LlmOptions } from "./llm-source.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

function server(options: ModelServerOptions = {}): ModelServer {
  const made = new ModelServer(options);
  ended.push(() => made[Symbol.asyncDispose]());
  return made;
}

function source(options: LlmOptions) {
  const time = new FakeTime();
  let trouble: string | undefined;
  const made = new LlmSource(
    {
      network: realWorld.network,
      timers: time,
      log: SILENT_LOG,
      changed() {},
      trouble: (text) => (trouble = text),
    },
    options,
  );
  ended.push(() => made.close());
  const offer = (protocol: string) => made.capabilities.find((one) => one.offer.protocol === protocol);
  return { source: made, time, trouble: () => trouble, offer };
}

async function ready(options: LlmOptions) {
  const made = source(options);
  await until("the models", () => made.source.capabilities.length > 0);
  return made;
}

async function ask(
  { offer }: ReturnType<typeof source>,
  protocol: "llm.chat" | "embeddings",
  payload: unknown,
): Promise<Heard> {
  const heard = hearer();
  offer(protocol)?.call({ payload, caller: "me" }, heard);
  await until("its end", () => heard.isOver);
  return heard;
}

const QUESTION = { messages: [{ role: "user", content: "why?" }] };

test("chat and embedding models are told apart, the default first", async () => {
  const models = ["llama3", "nomic-embed-text", "qwen3:8b", "bge-m3", "all-minilm", "bad name"];
  const { offer } = await ready({
    baseUrl: server({ models }).url,
    model: "qwen3:8b",
    embeddingModel: "bge-m3",
  });
  expect(offer("llm.chat")?.offer).toEqual({
    protocol: "llm.chat",
    version: "1.1.0",
    class: "compute",
    models: ["qwen3:8b", "llama3"],
  });
  expect(offer("embeddings")?.offer.models).toEqual(["bge-m3", "nomic-embed-text", "all-minilm"]);
});

test("a model that was named without its tag is the one that the server lists", async () => {
  const models = ["tiny:latest", "qwen3:latest", "embedder:latest"];
  const { offer } = await ready({
    baseUrl: server({ models }).url,
    model: "qwen3",
    embeddingModel: "embedder",
  });
  expect(offer("llm.chat")?.offer.models).toEqual(["qwen3:latest", "tiny:latest"]);
  expect(offer("embeddings")?.offer.models).toEqual(["embedder:latest"]);
});

test("what neither chats nor embeds is not offered, unless it was named", async () => {
  const models = ["gpt", "whisper-1", "bge-reranker-v2-m3", "tts-1-hd", "gpt-mini-tts", "dall-e-3"];
  const plain = await ready({ baseUrl: server({ models }).url });
  expect(plain.source.capabilities.map(({ offer }) => offer.models)).toEqual([["gpt"]]);
  const named = await ready({ baseUrl: server({ models }).url, model: "gpt-mini-tts" });
  expect(named.offer("llm.chat")?.offer.models).toEqual(["gpt-mini-tts", "gpt"]);
});

test("a server with a thousand models is offered with 64", async () => {
  const models = Array.from({ length: 1000 }, (_, n) => `model-${n}`);
  const { offer } = await ready({ baseUrl: server({ models }).url });
  expect(offer("llm.chat")?.offer.models?.length).toBe(64);
  expect(offer("embeddings")).toBeUndefined();
});

test("what is local is for members, what costs money for controllers", async () => {
  const local = await ready({ baseUrl: server().url });
  const paid = await ready({ baseUrl: server({ apiKey: "sk-1" }).url, apiKey: new Secret("sk-1") });
  expect(local.offer("llm.chat")?.audience).toBe("members");
  expect(paid.offer("llm.chat")?.audience).toBe("controllers");
});

test("a stream passes part by part; without a model the default is asked", async () => {
  const model = server();
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
  const [, ...events] = chunksFor(["You ", "asked: ", "why?"]).slice(0, -1);
  expect(heard.parts.slice(1)).toEqual(events.map((event) => JSON.parse(event)));
  expect(heard).toMatchObject({ payload: null, isOver: true });
  expect(model.asked[0]?.body["model"]).toBe("tiny");
});

test("without a stream the payload is the whole completion", async () => {
  const heard = await ask(await ready({ baseUrl: server().url }), "llm.chat", QUESTION);
  expect(heard).toMatchObject({
    parts: [],
    payload: { object: "chat.completion", choices: [{ message: { content: "You asked: why?" } }] },
  });
});

test("embeddings in the format's own words, and in few", async () => {
  const made = await ready({ baseUrl: server().url });
  expect(await ask(made, "embeddings", { text: "four" })).toMatchObject({
    payload: { embedding: [4, 0.5], model: "nomic-embed-text" },
  });
  expect(await ask(made, "embeddings", { input: ["a", "bb"] })).toMatchObject({
    payload: { object: "list", data: [{ embedding: [1, 0.5] }, { embedding: [2, 0.5] }] },
  });
});

test("numbers of a server that knows no base64 travel in it where it was asked for", async () => {
  const numbers = Array.from({ length: 4000 }, (_, n) => Math.fround(Math.sin(n)));
  const answer = () => Response.json({ data: Array.from({ length: 32 }, () => ({ embedding: numbers })) });
  const made = await ready({ baseUrl: server({ answer }).url });
  const inBase64 = await ask(made, "embeddings", { input: ["a"], encoding_format: "base64" });
  const { data } = inBase64.payload as { data: { embedding: string }[] };
  expect(data).toHaveLength(32);
  expect(Uint8Array.fromBase64(data[0]?.embedding ?? "").length).toBe(16_000);
  const inNumbers = await ask(made, "embeddings", { input: ["a"] });
  expect(inNumbers.failure).toMatchObject({ code: "too_large" });
});

test.each([5, "text", null, [1]])("%p is no payload", async (payload) => {
  const { offer } = await ready({ baseUrl: server().url });
  expect(() => offer("llm.chat")?.call({ payload, caller: "me" }, hearer())).toThrow("JSON object");
});

test.each([
  [400, "invalid", "failure"],
  [413, "too_large", "failure"],
  [401, "unavailable", "refusal"],
  [404, "not_found", "refusal"],
  [429, "too_many", "refusal"],
  [500, "unavailable", "refusal"],
  [301, "unavailable", "refusal"],
] as const)("a status of %i before the first byte is %s, a %s", async (status, code, kind) => {
  const model = server({ answer: () => refusal(status, "the reason") });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
  expect(heard[kind]).toMatchObject({ code, message: expect.stringContaining("the reason") });
});

test("a refusal keeps its type, its code and when to come back, as far as they are words", async () => {
  const error = { message: "slow down", type: "tokens", code: "rate_limit_exceeded", param: ["x"] };
  const headers = { "Retry-After": "17" };
  const model = server({ answer: () => Response.json({ error }, { status: 429, headers }) });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", QUESTION);
  expect(heard.refusal?.toJSON()).toEqual({
    code: "too_many",
    message: "the model server takes no more now: slow down",
    upstream: { type: "tokens", code: "rate_limit_exceeded", retry_after_s: 17 },
  });
});

test.each(["later", "-1", "1e9", "0.5"])("it is not told to come back in %s", async (after) => {
  const model = server({
    answer: () => Response.json({ error: "no" }, { status: 503, headers: { "Retry-After": after } }),
  });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", QUESTION);
  expect(heard.refusal?.toJSON()).toEqual({
    code: "unavailable",
    message: "the model server can't do this now: no",
  });
});

test.each([
  ["that breaks off", () => eventStream(chunksFor(["a"]).slice(0, 2)), "broke off"],
  [
    "with a text that is no JSON",
    () => eventStream([...chunksFor(["a"]).slice(0, 2), "hello"]),
    "no JSON object",
  ],
  [
    "with an error in it",
    () => eventStream([...chunksFor(["a"]).slice(0, 2), '{"error":{"message":"out of memory"}}']),
    "out of memory",
  ],
] as const)("a stream %s has failed, and its parts stay", async (_, answer, problem) => {
  const model = server({ answer });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
  expect(heard.parts.length).toBe(2);
  expect(heard.failure?.message).toContain(problem);
  expect(heard.failure?.hint).toContain("not whole");
});

test.each([
  ["a page", () => new Response("<html>", { headers: { "Content-Type": "text/html" } })],
  ["no stream", () => Response.json({ object: "chat.completion" })],
  ["what is no text", () => new Response("hello", { headers: { "Content-Type": "text/plain" } })],
] as const)("%s in place of a stream is a refusal", async (_, answer) => {
  const model = server({ answer });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
  expect(heard.refusal).toMatchObject({ code: "app_broken" });
});

const [ROLE = "", WORD = "", STOP = ""] = chunksFor(["a"]);

test("who speaks is no word yet: a stream that breaks off after it is a refusal", async () => {
  const empty = JSON.stringify({ choices: [{ index: 0, delta: { content: null, tool_calls: [] } }] });
  for (const events of [[ROLE], [ROLE, empty], [ROLE, '{"error":{"message":"out of memory"}}']]) {
    const model = server({ answer: () => eventStream(events) });
    const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
    expect([heard.parts, heard.failure]).toEqual([[], undefined]);
    expect(heard.refusal?.message).toMatch(/broke off|out of memory/);
  }
});

test("what says nothing is passed on with the first word, and where no word comes", async () => {
  const more = JSON.stringify({ choices: [], prompt_filter_results: [] });
  for (const events of [
    [ROLE, more, WORD, STOP, "[DONE]"],
    [ROLE, more, STOP, "[DONE]"],
    [more, "[DONE]"],
  ]) {
    const model = server({ answer: () => eventStream(events) });
    const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
    expect(heard.parts).toEqual(events.slice(0, -1).map((event) => JSON.parse(event)));
    expect(heard).toMatchObject({ payload: null, isOver: true });
  }
});

test.each([
  ["reasoning_content", "hm"],
  ["reasoning", "hm"],
  ["tool_calls", [7]],
  ["refusal", "no"],
  ["content", " "],
])("a %s of %p is a word", async (name, value) => {
  const word = JSON.stringify({ choices: [{ index: 0, delta: { [name]: value }, finish_reason: null }] });
  const model = server({ answer: () => eventStream([ROLE, word]) });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
  expect(heard.parts).toHaveLength(2);
  expect(heard.failure?.message).toContain("broke off");
});

test("a server may talk for long without a word", async () => {
  const events = [...Array.from({ length: 40 }, () => ROLE), WORD, STOP, "[DONE]"];
  const model = server({ answer: () => eventStream(events) });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
  expect(heard.parts).toHaveLength(42);
});

test("a stream whose choices are all over needs no last word", async () => {
  const over = (index: number) => JSON.stringify({ choices: [{ index, delta: {}, finish_reason: "stop" }] });
  const heardOf = async (...events: string[]) => {
    const model = server({ answer: () => eventStream(events) });
    return ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
  };
  expect(await heardOf(ROLE, WORD, over(0))).toMatchObject({ payload: null });
  const other = JSON.stringify({ choices: [{ index: 1, delta: { content: "b" } }] });
  expect((await heardOf(ROLE, WORD, other, over(0))).failure?.message).toContain("broke off");
  expect(await heardOf(WORD, other, over(0), over(1))).toMatchObject({ payload: null });
});

test.each(["completions", "responses"])(
  "%s are asked for at their own path, with their own body",
  async (api) => {
    const model = server({ answer: ({ path, body }) => Response.json({ path, body }) });
    const made = await ready({ baseUrl: model.url });
    expect(await ask(made, "llm.chat", { api, prompt: "why?" })).toMatchObject({
      payload: { path: `/v1/${api}`, body: { model: "tiny", prompt: "why?" } },
    });
    expect(model.asked[0]?.body).not.toHaveProperty("api");
  },
);

test.each(["../files", "embeddings", 7, null])("%p is no way to chat", async (api) => {
  const { offer } = await ready({ baseUrl: server().url });
  expect(() => offer("llm.chat")?.call({ payload: { api }, caller: "me" }, hearer())).toThrow(
    "`api` must be",
  );
});

describe("the events of a response", () => {
  const [created, added, delta, completed] = [
    { type: "response.created", response: { id: "r", error: null } },
    { type: "response.output_item.added", output_index: 0 },
    { type: "response.output_text.delta", delta: "a" },
    { type: "response.completed", response: { id: "r" } },
  ];
  const heardOf = async (...events: object[]) => {
    const model = server({ answer: () => eventStream(events.map((event) => JSON.stringify(event))) });
    const made = await ready({ baseUrl: model.url });
    return ask(made, "llm.chat", { api: "responses", input: "why?", stream: true });
  };

  test("pass up to the last of them", async () => {
    const events = [created, added, delta, completed];
    expect(await heardOf(...events)).toMatchObject({ parts: events, payload: null });
  });

  test("are a refusal where no word has come, and a failure after it", async () => {
    expect(await heardOf(created, added)).toMatchObject({ parts: [], refusal: { code: "app_broken" } });
    expect((await heardOf(created, delta)).failure?.message).toContain("broke off");
    const error = { type: "error", message: "out of memory", code: "x" };
    expect((await heardOf(created, error)).refusal?.message).toContain("out of memory");
    expect((await heardOf(delta, { ...error, error: { message: "no room" } })).failure?.message).toContain(
      "no room",
    );
  });
});

test("the text of a completion is a word", async () => {
  const events = [
    JSON.stringify({ choices: [{ index: 0, text: "", finish_reason: null }] }),
    JSON.stringify({ choices: [{ index: 0, text: "a", finish_reason: null }] }),
  ];
  const model = server({ answer: () => eventStream(events) });
  const made = await ready({ baseUrl: model.url });
  const heard = await ask(made, "llm.chat", { api: "completions", prompt: "why?", stream: true });
  expect([heard.parts.length, heard.failure?.message]).toEqual([2, expect.stringContaining("broke off")]);
});

test("a server that does not stream answers in one piece", async () => {
  const whole = { object: "chat.completion", error: null, choices: [{ message: { content: "hi" } }] };
  const model = server({ answer: () => Response.json(whole) });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", { ...QUESTION, stream: true });
  expect(heard).toMatchObject({ parts: [], payload: whole });
});

test("an error with a status of 200 is a refusal", async () => {
  const model = server({ answer: () => Response.json({ error: { message: "no credit", code: 402 } }) });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", QUESTION);
  expect(heard.refusal).toMatchObject({ code: "unavailable", message: expect.stringContaining("no credit") });
});

test.each([2_000_000, 20_000_000])("an answer of %i bytes is too long", async (bytes) => {
  const model = server({ answer: () => Response.json({ x: "y".repeat(bytes) }) });
  const heard = await ask(await ready({ baseUrl: model.url }), "llm.chat", QUESTION);
  expect(heard.failure).toMatchObject({ code: "too_large" });
});

test("who takes the request back ends it at the server", async () => {
  const model = server({
    answer: () => eventStream(chunksFor(["a"]).slice(0, 2), () => new Promise(() => {})),
  });
  const { offer } = await ready({ baseUrl: model.url });
  const heard = hearer();
  const call = offer("llm.chat")?.call({ payload: { ...QUESTION, stream: true }, caller: "me" }, heard);
  await until("a first part", () => heard.parts.length > 0);
  call?.cancel();
  await until("its end there", () => model.abandoned > 0);
});

test("an asker who takes no more is waited for", async () => {
  const words = Array.from({ length: 20 }, (_, n) => String(n));
  let isSent = false;
  const sent = async (): Promise<void> => void (isSent = true);
  const model = server({ answer: () => eventStream(chunksFor(words), sent) });
  const { offer } = await ready({ baseUrl: model.url });
  const heard = hearer(3);
  const call = offer("llm.chat")?.call({ payload: { ...QUESTION, stream: true }, caller: "me" }, heard);
  await until("three parts", () => heard.parts.length === 3 && isSent);
  expect(heard.parts.length).toBe(3);
  await until("its end", () => (call?.resume(), heard.isOver));
  expect(heard.parts.length).toBe(22);
});

test("what it offers comes and goes with the server", async () => {
  const model = server();
  const made = await ready({ baseUrl: model.url });
  await model[Symbol.asyncDispose]();
  await until("its end", () => (made.time.advance(15_000), made.source.capabilities.length === 0));
  expect(made.trouble()).toContain("does not answer");
});

test("one that nobody named is looked for in silence", async () => {
  const model = server();
  const { url } = model;
  await model[Symbol.asyncDispose]();
  const made = source({ baseUrl: url, isGuess: true });
  await until("a next look", () => made.time.pendingTimers > 0);
  expect(made.trouble()).toBeUndefined();
});

test("a server without a list has the model that was named", async () => {
  const http = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => refusal(404, "no such path") });
  ended.push(() => http.stop(true));
  const { offer } = await ready({ baseUrl: `http://127.0.0.1:${http.port}/v1`, model: "only" });
  expect(offer("llm.chat")?.offer.models).toEqual(["only"]);
});

test("a key that is refused is told", async () => {
  const made = source({ baseUrl: server({ apiKey: "right" }).url, apiKey: new Secret("wrong") });
  await until("the trouble", () => made.trouble() !== undefined);
  expect(made.trouble()).toContain("wrong API key");
  expect(made.source.capabilities).toEqual([]);
});

test("a server that quotes the key tells nobody what it is", async () => {
  const apiKey = "sk-very-secret";
  const answer = () => refusal(401, `Incorrect API key provided: ${apiKey}. Find yours elsewhere.`);
  const made = await ready({ baseUrl: server({ apiKey, answer }).url, apiKey: new Secret(apiKey) });
  const heard = await ask(made, "llm.chat", QUESTION);
  expect(JSON.stringify(heard)).toContain("Incorrect API key");
  expect(JSON.stringify(heard)).not.toContain(apiKey);
});
