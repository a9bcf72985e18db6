import { expect, test } from "bun:test";
import { proseLines } from "./prose.ts";

const at = (columns: number) => ({ columns, width: (text: string) => Bun.stringWidth(text) });

test("sentences break between words, and a command stays whole", () => {
  expect(proseLines("make another one: `muster device token`, or ask", at(30))).toEqual([
    "make another one:",
    "`muster device token`, or ask",
  ]);
});

test("what fits stays as it is, with its blanks", () => {
  expect(proseLines("words:  amber  candle", at(40))).toEqual(["words:  amber  candle"]);
  expect(proseLines("", at(40))).toEqual([""]);
});

test("lines are at most 80 wide on a wide terminal, and one line where nobody watches", () => {
  const text = "word ".repeat(60).trim();
  const lines = proseLines(text, at(200));
  expect(lines.every((line) => line.length <= 80)).toBe(true);
  expect(lines.join(" ")).toBe(text);
  expect(proseLines(text, at(Number.POSITIVE_INFINITY))).toEqual([text]);
});

test("a word that is wider than the terminal, and a lone backtick, lose nothing", () => {
  expect(proseLines(`see ${"x".repeat(30)} there`, at(10))).toEqual(["see", "x".repeat(30), "there"]);
  expect(proseLines("it's a ` that stands alone", at(12)).join(" ")).toBe("it's a ` that stands alone");
});

test("colours count for nothing", () => {
  expect(proseLines("\u001b[31mone two\u001b[39m three", at(13))).toEqual([
    "\u001b[31mone two\u001b[39m three",
  ]);
});
