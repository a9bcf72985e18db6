import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { plainLine, plainValue, stripControl } from "./plain-text.ts";

test("sequences go whole, text and its line breaks stay", () => {
  const cases: [string, string][] = [
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b[2J\u001b[1;1Hhome", "home"],
    ["\u001b]0;owned\u0007title", "title"],
    ["\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["\u001bP1$r0m\u001b\\dcs", "dcs"],
    ["\u009b31mc1", "c1"],
    ["\u001bcreset", "reset"],
    ["\u001b(0line", "line"],
    ["a\rb\bc\u0000d\u007fe", "abcde"],
    ["one\ttwo\nthree", "one\ttwo\nthree"],
    ["safe\u202egnp.exe", "safegnp.exe"],
    ["café 日本 👩‍🚀", "café 日本 👩‍🚀"],
    ["cut short \u001b[", "cut short "],
    ["cut short \u001b]0;never ends", "cut short "],
  ];
  for (const [text, plain] of cases) expect(stripControl(text)).toBe(plain);
});

test("whatever comes in, no control character comes out", () => {
  const hostile = fc.array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("\u001b", "\u001b[", "\u001b]", "\u009b", "\u0007", "\r\n", "\t"),
    ),
  );
  fc.assert(
    fc.property(hostile, (parts) => {
      const line = plainLine(parts.join(""));
      // oxlint-disable-next-line no-control-regex -- what must not be there
      return !/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/.test(line);
    }),
    { seed: 20_261_120 },
  );
});

test("a value is cleaned wherever it holds text", () => {
  const value = { name: "a\u001b[2Jb", list: ["c\nd", 1, null, true], inner: { "k\u0007": undefined } };
  expect(plainValue(value)).toEqual({
    name: "ab",
    list: ["c d", 1, null, true],
    inner: { k: undefined },
  } as never);
});
