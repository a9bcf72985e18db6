import { expect, test } from "bun:test";
import { Secret } from "../../identity/secret.ts";
import { realWorld } from "../../world/real.ts";
import type { LlmOptions } from "../llm/llm-source.ts";
import { embedderFor, type OwnModels } from "./open-knowledgebase.ts";

const OLLAMA = "http://127.0.0.1:11434/v1";
const models = (options: LlmOptions, ...names: string[]): OwnModels => ({
  options,
  source: {
    capabilities: ["llm.chat", "embeddings"].map((protocol) => ({
      offer: {
        protocol,
        version: "1.0.0",
        class: "compute",
        models: protocol === "embeddings" ? names : ["chat"],
      },
      audience: "members",
      call: () => ({ resume() {}, cancel() {} }),
    })),
  },
});
const made = (embeddings: boolean | "auto", own: OwnModels | undefined) => {
  const embedder = embedderFor(embeddings, own, realWorld);
  return "whyNot" in embedder ? embedder.whyNot : embedder.models();
};

test("by itself it sends texts to a server of this machine, and to its own models", () => {
  expect(made("auto", models({ baseUrl: OLLAMA, isGuess: true }, "nomic", "big:cloud"))).toEqual(["nomic"]);
});

test.each<[string, LlmOptions]>([
  ["elsewhere", { baseUrl: "https://api.openai.com/v1" }],
  ["elsewhere in the house", { baseUrl: "http://10.0.0.7:11434/v1" }],
  ["that takes a key", { baseUrl: "http://127.0.0.1:4000/v1", apiKey: new Secret("sk-123") }],
])("a server %s gets them only when somebody says so", (_, options) => {
  expect(made("auto", models(options, "m"))).toContain("embeddings = true");
  expect(made(true, models(options, "m", "big:cloud"))).toEqual(["m", "big:cloud"]);
});

test("nothing is sent where somebody says so, or where no server is looked for", () => {
  expect(made(false, models({ baseUrl: OLLAMA }, "m"))).toContain("configuration");
  expect(made(true, undefined)).toContain("no model server");
});

test("a model that was named is the only one", () => {
  const named = embedderFor("auto", models({ baseUrl: OLLAMA, embeddingModel: "m" }, "m", "n"), realWorld);
  expect(named).toMatchObject({ isChosen: true });
  const found = embedderFor("auto", models({ baseUrl: OLLAMA }, "m", "n"), realWorld);
  expect(found).toMatchObject({ isChosen: false });
});
