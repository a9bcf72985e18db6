import { expect, test } from "bun:test";
import { hearer } from "../plugins/plugin.fixture.ts";
import type { Audience, Capability } from "./capability.ts";
import { joinedModels } from "./joined-models.ts";

function server(models: readonly string[] | undefined, audience: Audience = "members") {
  const asked: unknown[] = [];
  const capability: Capability = {
    offer: {
      protocol: "llm.chat",
      version: "1.0.0",
      class: "compute",
      ...(models === undefined ? {} : { models: [...models] }),
    },
    audience,
    call({ payload }) {
      asked.push(payload);
      return { resume() {}, cancel() {} };
    },
  };
  return { capability, asked };
}
const ask = (capability: Capability, payload: unknown) =>
  capability.call({ payload, caller: "me" }, hearer());

test("each server is asked for its own models, the first for all else", () => {
  const [one, two] = [server(["qwen3:8b", "both"]), server(["big", "both", "tagged:latest"])];
  const joined = joinedModels(one.capability, [two.capability]);
  expect(joined.offer.models).toEqual(["qwen3:8b", "both", "big", "tagged:latest"]);
  for (const model of ["qwen3:8b", "both", "unknown", 7]) ask(joined, { model });
  for (const payload of [{}, null, "big"]) ask(joined, payload);
  for (const model of ["big", "tagged"]) ask(joined, { model });
  expect([one.asked.length, two.asked.length]).toEqual([7, 2]);
});

test("what costs money is not joined to what is for all, nor what has no models", () => {
  const one = server(["a"]);
  expect(joinedModels(one.capability, [server(["b"], "controllers").capability])).toBe(one.capability);
  expect(joinedModels(one.capability, [server(undefined).capability])).toBe(one.capability);
  const own = server(undefined);
  expect(joinedModels(own.capability, [one.capability])).toBe(own.capability);
});

test("no more models are offered than a hub takes", () => {
  const many = (name: string) => server(Array.from({ length: 40 }, (_, n) => `${name}${n}`)).capability;
  expect(joinedModels(many("a"), [many("b")]).offer.models).toHaveLength(64);
});
