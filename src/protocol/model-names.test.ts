import { expect, test } from "bun:test";
import { isModel } from "./model-names.ts";

test.each([
  ["qwen3:8b", "qwen3:8b", true],
  ["qwen3:latest", "qwen3", true],
  ["qwen3:latest", "qwen3:latest", true],
  ["qwen3:8b", "qwen3", false],
  ["qwen3", "qwen3:latest", false],
  ["qwen3:latest", "qwen", false],
] as const)("%s is what %s asks for: %p", (offered, asked, expected) => {
  expect(isModel(offered, asked)).toBe(expected);
});
