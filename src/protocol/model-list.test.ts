import { expect, test } from "bun:test";
import type { CapabilityOffer } from "./capabilities.ts";
import { answerModelList } from "./model-list.ts";

const offer = (protocol: string, models: string[]): CapabilityOffer => ({
  protocol,
  version: "1.0.0",
  class: "compute",
  models,
});
const devices = [
  { name: "gpu", capabilities: [offer("llm.chat", ["tiny", "qwen3:latest"]), offer("other", ["x"])] },
  { name: "pi", capabilities: [offer("llm.chat", ["tiny"]), offer("embeddings", ["org/Embed-1"])] },
];

test("models are those of all devices, each once", async () => {
  expect(await answerModelList(devices, "/v1/models").json()).toEqual({
    object: "list",
    data: [
      { id: "org/Embed-1", object: "model", created: 0, owned_by: "pi" },
      { id: "qwen3:latest", object: "model", created: 0, owned_by: "gpu" },
      { id: "tiny", object: "model", created: 0, owned_by: "gpu, pi" },
    ],
  });
});

test.each([
  ["tiny", "tiny"],
  ["qwen3", "qwen3:latest"],
  ["org/Embed-1", "org/Embed-1"],
  ["org%2FEmbed-1", "org/Embed-1"],
])("one is asked for by its name %s", async (path, id) => {
  expect(await answerModelList(devices, `/v1/models/${path}`).json()).toMatchObject({ id, object: "model" });
});

test.each(["nope", "x", "", "%E0%A4%A", "constructor"])("there is no model %p", (name) => {
  expect(() => answerModelList(devices, `/v1/models/${name}`)).toThrow("no device that is here");
});
