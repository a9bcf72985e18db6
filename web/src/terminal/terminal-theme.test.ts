import { expect, test } from "bun:test";
import { hexOf } from "./terminal-theme.ts";

test("what a browser computes becomes what the emulator reads", () => {
  expect(hexOf("color(srgb 1 0.5 0)")).toBe("#ff8000");
  // Out of what a screen shows, and in the words of very small numbers.
  expect(hexOf("color(srgb 1.02 -0.01 1e-7)")).toBe("#ff0000");
  expect(hexOf("oklch(0.5 0.1 250)")).toBeUndefined();
});
