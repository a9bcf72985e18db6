import { expect, test } from "bun:test";
import { array, assert, constantFrom, property } from "fast-check";
import { passagesOf } from "./passages.ts";

const cut = (text: string, countMax = 1000): string[] =>
  passagesOf(text, countMax).map(({ start, end }) => text.slice(start, end));
const sentence = (n: number): string => `Sentence ${n} has some words in it.`;
const sentences = (count: number): string => Array.from({ length: count }, (_, n) => sentence(n)).join(" ");

test("a short text is one passage, an empty one or one of signs alone is none", () => {
  expect(cut("\n  The router stands in the cellar.\n\n")).toEqual(["The router stands in the cellar."]);
  expect(cut("")).toEqual([]);
  expect(cut(" \n---\n***\n")).toEqual([]);
});

test("a heading begins a passage, unless the one before has hardly begun", () => {
  const text = `# House\n\n## Router\n\n${sentences(12)}\n\n## Heating\n\n${sentences(12)}`;
  const found = cut(text);
  expect(found).toHaveLength(2);
  expect(found[0]).toStartWith("# House\n\n## Router");
  expect(found[1]).toStartWith("## Heating");
});

test("a long text is cut between paragraphs, a long paragraph between sentences, a long word anywhere", () => {
  const paragraphs = cut(`${sentences(20)}\n\n${sentences(20)}`);
  expect(paragraphs.slice(0, 2)).toEqual([sentences(20), sentences(20)]);
  for (const passage of cut(sentences(200))) expect(passage).toEndWith(".");
  expect(cut("x".repeat(3000)).map(({ length }) => length)).toEqual([1200, 1200, 600]);
});

test("scripts whose signs are tokens of their own make shorter passages", () => {
  expect(cut("汉".repeat(1000))[0]).toHaveLength(400);
  expect(cut("ж".repeat(1000))[0]).toHaveLength(600);
  expect(cut("a".repeat(2000))[0]).toHaveLength(1200);
});

test("no more than so many", () => {
  expect(cut(sentences(1000), 3)).toHaveLength(3);
});

test("passages are in order, apart, hold all that is written, and split no sign", () => {
  const words = constantFrom("word", "😀", "汉", "\n", "\n\n", "# Title\n", ".", "x".repeat(700), "ж");
  assert(
    property(array(words, { maxLength: 60 }), (parts) => {
      const text = parts.join(" ");
      const passages = passagesOf(text, 1000);
      let last = 0;
      for (const { start, end } of passages) {
        expect(start).toBeGreaterThanOrEqual(last);
        expect(end).toBeGreaterThan(start);
        expect(text.slice(start, end).isWellFormed()).toBe(true);
        last = end;
      }
      const letters = (value: string): string => value.replaceAll(/[^\p{L}\p{N}]/gu, "");
      expect(letters(passages.map(({ start, end }) => text.slice(start, end)).join(""))).toBe(letters(text));
    }),
    { seed: 11, numRuns: 200 },
  );
});
