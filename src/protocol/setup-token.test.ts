import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { MusterError } from "./errors.ts";
import { formatSetupToken, parseSetupToken } from "./setup-token.ts";

const part = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const token = fc.record({ pin: part(16), invite: fc.integer({ min: 1, max: 0xffffffff }), seed: part(32) });

test("a token gives back what it was made of", () => {
  fc.assert(
    fc.property(token, (made) => {
      const text = formatSetupToken(made);
      expect(text).toMatch(/^mst1_[A-Za-z0-9_-]{70}$/);
      expect(parseSetupToken(`  ${text}\n`)).toEqual(made);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test("the format is pin, number and seed, for good", () => {
  const text = formatSetupToken({
    pin: new Uint8Array(16).fill(0x11),
    invite: 0x01020304,
    seed: new Uint8Array(32).fill(0x22),
  });
  const bytes = Buffer.from("11".repeat(16) + "01020304" + "22".repeat(32), "hex");
  expect(text).toBe(`mst1_${bytes.toString("base64url")}`);
});

function refusal(text: string): string {
  try {
    parseSetupToken(text);
    return "taken";
  } catch (thrown) {
    return thrown instanceof MusterError ? JSON.stringify(thrown) : `not ours: ${String(thrown)}`;
  }
}

test("every malformed token gets one and the same answer", () => {
  const good = formatSetupToken({ pin: new Uint8Array(16), invite: 1, seed: new Uint8Array(32) });
  const expected = refusal("");
  expect(expected).toContain("token_invalid");
  const bad = [
    "mst1_",
    good.slice(0, -1),
    `${good}A`,
    `${good}==`,
    good.replace("mst1_", "mst2_"),
    good.replace("mst1_", "MST1_"),
    `${good.slice(0, -1)}B`,
    good.replace("AAAAAA", "AAA AA"),
    formatSetupToken({ pin: new Uint8Array(16), invite: 0, seed: new Uint8Array(32) }),
    "x".repeat(1_000_000),
  ];
  for (const text of bad) expect(refusal(text)).toBe(expected);
  fc.assert(
    fc.property(fc.string({ maxLength: 90 }), (noise) => {
      expect(refusal(noise)).toBe(expected);
      expect(refusal(`mst1_${noise}`)).toBe(expected);
    }),
    { seed: 7, numRuns: 500 },
  );
});
