import { describe, expect, test } from "bun:test";
import type { CapabilityReply } from "./capability-messages.ts";
import { FakeTime } from "../trunk/testing.ts";
import { MusterError } from "./errors.ts";
import {
  answerCapability,
  answerModels,
  MODEL_CALLS,
  type ModelCall,
  type ProgramQuestion,
} from "./program-gateway.ts";

const callOf = (path: string): ModelCall => {
  const call = MODEL_CALLS.get(path);
  if (call === undefined) throw new Error(path);
  return call;
};
const CHAT = callOf("/v1/chat/completions");
const EMBED = callOf("/v1/embeddings");
const part = (data: string): CapabilityReply => ({
  type: "capability_part",
  request_id: "1",
  from_device: "gpu",
  data,
});
const end = (more: Partial<CapabilityReply & { type: "capability_response" }> = {}): CapabilityReply => ({
  type: "capability_response",
  request_id: "1",
  from_device: "gpu",
  ...more,
});

function asking(...replies: (CapabilityReply | Error)[]) {
  const asked: ProgramQuestion[] = [];
  const left = new AbortController();
  const answer = (body: Record<string, unknown>) =>
    answerModels(
      async function* (question) {
        asked.push(question);
        for (const reply of replies) {
          if (reply instanceof Error) throw reply;
          yield reply;
        }
      },
      {
        call: CHAT,
        body,
        headers: new Headers(),
        isDevice: (name) => name === "gpu",
        timers: new FakeTime(),
        left: left.signal,
      },
    );
  return { asked, answer };
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("a whole answer passes through, with the name of who served", async () => {
  const { answer, asked } = asking(end({ payload: '{"id":"x","choices":[]}' }));
  const response = await answer({ model: "qwen3:8b", messages: [] });
  expect(asked).toEqual([
    {
      protocol: "llm.chat",
      version: "1.0.0",
      payload: '{"model":"qwen3:8b","messages":[]}',
      model: "qwen3:8b",
      onlyDevice: undefined,
      timeoutMs: 600_000,
    },
  ]);
  expect(await response.json()).toEqual({ id: "x", choices: [] });
  expect(response.headers.get("muster-device")).toBe("gpu");
});

test("a stream too is waited for while its model is loaded", async () => {
  const { answer, asked } = asking(part("{}"), end());
  await answer({ stream: true });
  expect(asked[0]?.timeoutMs).toBe(600_000);
});

test("embeddings come in the format that was asked for", async () => {
  const numbers = { data: [{ embedding: [1] }] };
  const { answer } = asking(end({ payload: JSON.stringify(numbers) }));
  const inBase64 = await answer({ input: "x", encoding_format: "base64" });
  expect(await inBase64.json()).toEqual({ data: [{ embedding: "AACAPw==" }] });
  expect(await (await answer({ input: "x" })).json()).toEqual(numbers);
});

test("many texts are asked for in several requests", async () => {
  const asked: ProgramQuestion[] = [];
  const response = await answerModels(
    async function* (question) {
      asked.push(question);
      const { input } = JSON.parse(question.payload) as { input: string[] };
      const data = input.map(() => ({ embedding: "AACAPw==" }));
      yield end({ payload: JSON.stringify({ data }) });
    },
    {
      call: EMBED,
      body: { model: "auto", input: Array.from({ length: 40 }, (_, n) => `text ${n}`) },
      headers: new Headers({ "muster-device": "gpu" }),
      isDevice: () => false,
      timers: new FakeTime(),
      left: new AbortController().signal,
    },
  );
  expect(((await response.json()) as { data: unknown[] }).data[39]).toEqual({ embedding: [1], index: 39 });
  expect(response.headers.get("muster-device")).toBe("gpu");
  expect(asked).toMatchObject([
    { model: undefined, onlyDevice: "gpu", preferDevice: undefined },
    { model: undefined, onlyDevice: "gpu", preferDevice: "gpu" },
  ]);
  expect(asked.every(({ payload }) => !payload.includes("auto"))).toBe(true);
});

describe("responses", () => {
  const ask = async (...replies: CapabilityReply[]) => {
    const asked: ProgramQuestion[] = [];
    const response = await answerModels(
      async function* (question) {
        asked.push(question);
        yield* replies;
      },
      {
        call: callOf("/v1/responses"),
        body: { model: "tiny", input: "hi", api: "completions", stream: true },
        headers: new Headers(),
        isDevice: () => false,
        timers: new FakeTime(),
        left: new AbortController().signal,
      },
    );
    return { asked, text: await response.text() };
  };
  const delta = '{"type":"response.output_text.delta","delta":"a"}';

  test("are asked of who has them, and their events have their names", async () => {
    const { asked, text } = await ask(part(delta), part('{"type":"x y"}'), part("7"), end());
    expect(asked).toMatchObject([
      { version: "1.1.0", payload: '{"model":"tiny","input":"hi","stream":true,"api":"responses"}' },
    ]);
    expect(text).toBe(
      `event: response.output_text.delta\ndata: ${delta}\n\ndata: {"type":"x y"}\n\ndata: 7\n\ndata: [DONE]\n\n`,
    );
  });

  test("that break off end with an event that is an error", async () => {
    const { text } = await ask(part(delta), end({ error: { code: "app_broken", message: "it broke" } }));
    const [, last = ""] = text.split("\n\nevent: error\ndata: ");
    const error = { message: "it broke", type: "server_error", code: "app_broken", param: null };
    expect(JSON.parse(last)).toEqual({ ...error, type: "error", sequence_number: 0, error });
  });
});

describe("a model that is silent for long", () => {
  const slow = async () => {
    const time = new FakeTime();
    const told = Promise.withResolvers<CapabilityReply>();
    const response = answerModels(
      async function* () {
        yield await told.promise;
        yield end();
      },
      {
        call: CHAT,
        body: { stream: true },
        headers: new Headers(),
        isDevice: () => false,
        timers: time,
        left: new AbortController().signal,
      },
    );
    await waiting(time);
    return { time, told, response };
  };
  const waiting = async (time: FakeTime) => {
    while (time.pendingTimers === 0) await Promise.resolve();
  };
  const read = async (reader: ReadableStreamDefaultReader<Uint8Array> | undefined) =>
    new TextDecoder().decode((await reader?.read())?.value);

  test("begins its stream without a word, and keeps it by comments", async () => {
    const { time, told, response } = await slow();
    time.advance(20_000);
    const reader = (await response).body?.getReader();
    for (let quarter = 0; quarter < 3; quarter++) {
      const next = read(reader);
      await waiting(time);
      time.advance(15_000);
      expect(await next).toMatch(/^: [a-z ]+\n\n$/);
    }
    told.resolve(part('{"a":1}'));
    expect(await read(reader)).toBe('data: {"a":1}\n\n');
    expect(await read(reader)).toBe("data: [DONE]\n\n");
  });

  test("and refuses then does so in the stream", async () => {
    const { time, told, response } = await slow();
    time.advance(20_000);
    told.reject(new MusterError("unavailable", "gpu went away"));
    expect(await (await response).text()).toMatch(/^data: \{"error":\{"message":"gpu went away"/);
  });

  test("has a status of its own until then", async () => {
    const { time, told, response } = await slow();
    time.advance(19_999);
    told.reject(new MusterError("unavailable", "gpu went away"));
    expect(await failure(response)).toMatchObject({ code: "unavailable" });
    expect(time.pendingTimers).toBe(0);
  });
});

test("who waits for events and is answered in one piece reads it as one event", async () => {
  const calls = [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }];
  const message = { role: "assistant", content: "hi", tool_calls: calls };
  const payload = {
    id: "c",
    object: "chat.completion",
    choices: [{ index: 0, message, finish_reason: "stop" }],
  };
  const { answer } = asking(end({ payload: JSON.stringify(payload) }));
  const [event, last] = (await (await answer({ stream: true })).text()).split("\n\n");
  expect(JSON.parse(event?.slice("data: ".length) ?? "")).toEqual({
    id: "c",
    object: "chat.completion.chunk",
    choices: [
      {
        index: 0,
        delta: { role: "assistant", content: "hi", tool_calls: [{ index: 0, ...calls[0] }] },
        finish_reason: "stop",
      },
    ],
  });
  expect(last).toBe("data: [DONE]");
});

test.each(["null", "7", '{"choices":1}', '{"choices":[1,{}]}'])(
  "%s in one piece is an end too",
  async (payload) => {
    const { answer } = asking(end({ payload }));
    expect(await (await answer({ stream: true })).text()).toEndWith("data: [DONE]\n\n");
  },
);

test("parts are events as they come, and the end is [DONE]", async () => {
  const { answer } = asking(part('{"a":1}'), part('{"b":\n2}'), end());
  const response = await answer({ stream: true });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(await response.text()).toBe('data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n');
});

test.each(["auto", "default", ""])("the model %p is whichever there is", async (model) => {
  const { answer, asked } = asking(end({ payload: "{}" }));
  await answer({ model, messages: [] });
  expect(asked).toEqual([
    {
      protocol: "llm.chat",
      version: "1.0.0",
      payload: '{"messages":[]}',
      model: undefined,
      timeoutMs: 600_000,
    },
  ]);
});

test("what goes wrong before the first part is a status; after it, the last event", async () => {
  const refusal = end({ error: { code: "no_device", message: "none", hint: "look" } });
  expect(await failure(asking(refusal).answer({}))).toMatchObject({ code: "no_device" });
  expect(await failure(asking(new MusterError("hub_unreachable", "away")).answer({}))).toMatchObject({
    code: "hub_unreachable",
  });
  for (const late of [end({ error: { code: "unavailable", message: "gpu went away" } }), new Error("x")]) {
    const text = await (await asking(part("{}"), late).answer({ stream: true })).text();
    expect(text).toMatch(/^data: \{\}\n\ndata: \{"error":\{"message":"/);
    expect(text).not.toContain("[DONE]");
  }
});

test("a model that is no text is refused before anybody is asked", async () => {
  const { answer, asked } = asking();
  expect(await failure(answer({ model: 7 }))).toMatchObject({ code: "bad_request" });
  expect(await failure(answer({ model: "x".repeat(200) }))).toMatchObject({ code: "bad_request" });
  expect(asked).toEqual([]);
});

test("a device that is named behind the model is asked alone, and hears the model's own name", async () => {
  const { answer, asked } = asking(end({ payload: "{}" }));
  await answer({ model: "qwen3:8b@gpu", messages: [] });
  expect(asked).toMatchObject([
    { model: "qwen3:8b", onlyDevice: "gpu", payload: '{"model":"qwen3:8b","messages":[]}' },
  ]);
});

test.each(["waits for", "holds"])("whoever leaves takes back what %s a part", async (moment) => {
  let isOver = false;
  const response = await answerModels(
    async function* (_, left) {
      try {
        yield part("{}");
        if (moment === "holds") yield part("{}");
        await new Promise((resolve) => left.addEventListener("abort", resolve));
      } finally {
        isOver = true;
      }
    },
    {
      call: CHAT,
      body: { stream: true },
      headers: new Headers(),
      isDevice: () => false,
      timers: new FakeTime(),
      left: new AbortController().signal,
    },
  );
  const reader = response.body?.getReader();
  await reader?.read();
  const next = moment === "holds" ? undefined : reader?.read();
  await reader?.cancel();
  await next;
  expect(isOver).toBe(true);
});

test.each(["", JSON.stringify("x".repeat(1000))])(
  "parts %p without an end are not gathered for ever",
  async (data) => {
    let given = 0;
    const answer = answerCapability(
      async function* () {
        for (; ; given++) yield part(data === "" ? "0" : data);
      },
      {
        url: new URL("http://hub/api/capabilities/thumbnails"),
        payload: {},
        left: new AbortController().signal,
      },
    );
    expect(await failure(answer)).toMatchObject({ code: "too_large" });
    expect(given).toBeLessThan(20_000);
  },
);
