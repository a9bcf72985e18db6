import { expect, test } from "bun:test";
import { assert, double, nat, property, tuple, uniqueArray } from "fast-check";
import { fuse } from "./fused-search.ts";
import type { FoundText } from "./text-index.ts";

const words = (document: number, rank: number): FoundText => ({
  document,
  rank,
  path: `${document}`,
  title: "",
  snippet: "",
  modifiedAt: 0,
});
const close = (document: number, closeness: number) => ({ document, closeness, meaning: document });
const ranked = (...args: Parameters<typeof fuse>) =>
  fuse(...args).map(({ document, rank }) => [document, Number(rank.toFixed(3))]);

test("what is found both ways stands above what is found by one", () => {
  expect(ranked([words(1, 0.5), words(2, 0.4)], [close(3, 0.45), close(2, 0.4)], 10)).toEqual([
    [2, 0.64],
    [1, 0.5],
    [3, 0.45],
  ]);
});

test("words alone keep their ranks and their order", () => {
  expect(ranked([words(4, 1), words(2, 0.7), words(9, 0.7)], [], 2)).toEqual([
    [4, 1],
    [2, 0.7],
  ]);
});

test("no text ranks lower than by its words, none above 1, each stands there once", () => {
  const unit = double({ min: 0, max: 1, noNaN: true });
  const list = uniqueArray(tuple(nat(20), unit), { selector: ([document]) => document });
  assert(
    property(list, list, (byWords, byMeaning) => {
      const found = fuse(
        byWords.map(([document, rank]) => words(document, rank)),
        byMeaning.map(([document, closeness]) => close(document, closeness)),
        100,
      );
      expect(new Set(found.map(({ document }) => document)).size).toBe(found.length);
      for (const { rank, words: own } of found) {
        expect(rank).toBeGreaterThanOrEqual((own?.rank ?? 0) - 1e-9);
        expect(rank).toBeLessThanOrEqual(1);
      }
      const ranks = found.map(({ rank }) => rank);
      expect(ranks).toEqual(ranks.toSorted((one, other) => other - one));
    }),
    { seed: 3, numRuns: 200 },
  );
});
