import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { canonicalJson, parseCanonicalJson } from "./canonical-json.ts";
import type { JsonValue } from "./canonical-json.ts";

test("keys are sorted and nothing is added", () => {
  expect(canonicalJson({ b: [1, null, "x"], a: { z: true, "": false } })).toBe(
    '{"a":{"":false,"z":true},"b":[1,null,"x"]}',
  );
});

const json = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().filter((value) => !Object.is(value, -0)),
    fc.string({ unit: "grapheme" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4 }),
  ),
})).value;

test("the text gives back the value, and is the only one that does", () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      const parsed = parseCanonicalJson(text);
      expect(parsed !== undefined && canonicalJson(parsed)).toBe(text);
      expect(parseCanonicalJson(` ${text}`)).toBeUndefined();
    }),
    { seed: 7, numRuns: 300 },
  );
});

test.each([
  '{"b":1,"a":2}',
  '{"a":1,"a":1}',
  "[1.0]",
  "1e3",
  "-0",
  "1.5",
  '"\\u0061"',
  '"\\ud800"',
  "",
  "{",
  "NaN",
])("%s is not canonical", (text) => {
  expect(parseCanonicalJson(text)).toBeUndefined();
});

test("nesting is bounded", () => {
  expect(parseCanonicalJson("[".repeat(32) + "]".repeat(32))).toBeDefined();
  expect(parseCanonicalJson("[".repeat(33) + "]".repeat(33))).toBeUndefined();
});
