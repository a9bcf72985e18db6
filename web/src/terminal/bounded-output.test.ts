import { expect, test } from "bun:test";
import { boundedOutput, WAITING_MAX_BYTES } from "./bounded-output.ts";

test("the source stops while the screen is behind, and goes on when it has nearly caught up", () => {
  const waiting: (() => void)[] = [];
  const said: string[] = [];
  const show = boundedOutput(
    { write: (_, shown) => void waiting.push(shown) },
    { pause: () => void said.push("pause"), resume: () => void said.push("resume") },
  );
  const piece = new Uint8Array(WAITING_MAX_BYTES / 4);
  for (let at = 0; at < 4; at++) show(piece);
  expect(said).toEqual([]);
  show(piece);
  show(piece);
  expect(said).toEqual(["pause"]);
  for (let at = 0; at < 4; at++) waiting.shift()?.();
  expect(said).toEqual(["pause"]);
  waiting.shift()?.();
  expect(said).toEqual(["pause", "resume"]);
});
