import { expect, test } from "bun:test";
import type { CapabilityReply } from "./capability-messages.ts";
import { MusterError } from "./errors.ts";
import {
  answerCapability,
  answerModels,
  listModels,
  openAiRefusal,
  type ProgramQuestion,
} from "./program-gateway.ts";

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
        protocol: "llm.chat",
        body,
        headers: new Headers(),
        isDevice: (name) => name === "gpu",
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

test("what is asked to come as a stream is waited for no longer than usual", async () => {
  const { answer, asked } = asking(part("{}"), end());
  await answer({ stream: true });
  expect(asked[0]?.timeoutMs).toBeUndefined();
});

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

test("models are those of all devices, each once", async () => {
  const chat = { protocol: "llm.chat", version: "1.0.0", class: "compute" } as const;
  const response = listModels([
    {
      name: "gpu",
      capabilities: [
        { ...chat, models: ["b", "a"] },
        { ...chat, protocol: "embeddings", models: ["a"] },
      ],
    },
    {
      name: "mac",
      capabilities: [
        { ...chat, models: ["b"] },
        { ...chat, protocol: "other", models: ["c"] },
      ],
    },
    { name: "pi", capabilities: [chat] },
  ]);
  expect(await response.json()).toMatchObject({
    object: "list",
    data: [
      { id: "a", owned_by: "gpu" },
      { id: "b", owned_by: "gpu, mac" },
    ],
  });
});

test("a refusal is in the format of OpenAI, with our hint, and a missing model is not tried again", async () => {
  const response = openAiRefusal(new MusterError("no_device", "no model x", { hint: "there are a, b" }));
  expect(response.status).toBe(404);
  expect(await response.json()).toEqual({
    error: {
      message: "no model x (there are a, b)",
      type: "invalid_request_error",
      code: "no_device",
      param: null,
    },
  });
  expect(await openAiRefusal(new Error("/home/ada")).text()).not.toContain("ada");
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
      protocol: "llm.chat",
      body: { stream: true },
      headers: new Headers(),
      isDevice: () => false,
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
