import { expect, test } from "bun:test";
import { modelAsk } from "./model-ask.ts";

test("a model that the payload names is asked for, and waited for", () => {
  expect(modelAsk("llm.chat", '{"model":"qwen3:8b"}', {})).toEqual({ model: "qwen3:8b", timeoutMs: 600_000 });
  expect(modelAsk("embeddings", '{"text":"hi"}', {})).toEqual({ model: undefined, timeoutMs: 600_000 });
});

test("what was said goes before", () => {
  expect(modelAsk("llm.chat", '{"model":"other"}', { model: "qwen3:8b", timeoutMs: 5 })).toEqual({
    model: "qwen3:8b",
    timeoutMs: 5,
  });
});

test.each(['{"model":7}', '{"model":"two words"}', '"model"', "null", "{", "[]", '{"model":""}'])(
  "%s names none",
  (payload) => expect(modelAsk("llm.chat", payload, {}).model).toBeUndefined(),
);

test("other protocols are left alone", () => {
  expect(modelAsk("thumbnails", '{"model":"x"}', {})).toEqual({ model: undefined, timeoutMs: undefined });
});
