import { expect, test } from "bun:test";
import { modelWish } from "./model-wish.ts";

const DEVICES = new Set(["gpu", "pi"]);
const wish = (model: unknown, header: string | null = null) =>
  modelWish({ model, header }, (name) => DEVICES.has(name));

test.each([
  [undefined, null, undefined, undefined],
  ["", null, undefined, undefined],
  ["auto", null, undefined, undefined],
  ["qwen3:8b", null, "qwen3:8b", undefined],
  ["qwen3:8b@gpu", null, "qwen3:8b", "gpu"],
  ["auto@gpu", null, undefined, "gpu"],
  ["@pi", null, undefined, "pi"],
  ["qwen3:8b", "gpu", "qwen3:8b", "gpu"],
  [undefined, "kxq2mmp", undefined, "kxq2mmp"],
  ["qwen3:8b@gpu", "gpu", "qwen3:8b", "gpu"],
  // What stands behind it is no device: it is part of the model's name.
  ["sonnet@20240620", null, "sonnet@20240620", undefined],
  ["a@b@gpu", null, "a@b", "gpu"],
  ["gpu@", null, "gpu@", undefined],
])("%p with the header %p asks for the model %p on %p", async (model, header, named, onlyDevice) => {
  expect(await wish(model, header)).toEqual({ model: named, onlyDevice });
});

test.each([
  [1, null],
  ["x".repeat(200), null],
  ["two words", null],
  ["auto", ""],
  ["auto", "x".repeat(65)],
  ["qwen3:8b@gpu", "pi"],
])("%p with the header %p is refused", async (model, header) => {
  const problem = await wish(model, header).catch((error: unknown) => error);
  expect(problem).toMatchObject({ code: "bad_request" });
});
