// The colours of the page, read from the style sheet itself: text at 4.5:1 on every ground it stands on, edges
// of controls at 3:1, in light and dark, plain and high contrast.
import { describe, expect, test } from "bun:test";
import { contrast, isInSrgb, parseOklch, type Oklch } from "./contrast.ts";

const css = await Bun.file(`${import.meta.dir}/tokens.css`).text();
const [plainCss = "", highCss = ""] = css.split("prefers-contrast: more");

const GROUNDS = ["paper", "raised", "pressed"];
const TEXTS = ["ink", "faint", "accent", "live", "degraded", "dead", "unknown"];

type Tokens = Map<string, Oklch>;

function tokens(text: string, side: 1 | 2, base?: Tokens): Tokens {
  const found = new Map(base);
  for (const line of text.matchAll(/--([a-z-]+): light-dark\((oklch\([^)]*\)), (oklch\([^)]*\))\)/g)) {
    const colour = parseOklch(line[side + 1] ?? "");
    if (colour !== undefined) found.set(line[1] ?? "", colour);
  }
  return found;
}

function ratio(of: Tokens, front: string, back: string): number {
  const [a, b] = [of.get(front), of.get(back)];
  if (a === undefined || b === undefined) throw new Error(`no token "${front}" or "${back}"`);
  return contrast(a, b);
}

const light = tokens(plainCss, 1);
const dark = tokens(plainCss, 2);
const THEMES: [string, Tokens, number][] = [
  ["light", light, 4.5],
  ["dark", dark, 4.5],
  ["light, high contrast", tokens(highCss, 1, light), 7],
  ["dark, high contrast", tokens(highCss, 2, dark), 7],
];

test("contrast counts as WCAG does", () => {
  const black = { lightness: 0, chroma: 0, hue: 0 };
  const white = { lightness: 1, chroma: 0, hue: 0 };
  expect(contrast(black, white)).toBeCloseTo(21, 1);
  expect(contrast(white, white)).toBeCloseTo(1, 5);
});

for (const [theme, of, least] of THEMES) {
  describe(theme, () => {
    for (const text of TEXTS) {
      for (const ground of GROUNDS) {
        test(`${text} on ${ground} is at least ${least}:1`, () => {
          expect(ratio(of, text, ground)).toBeGreaterThanOrEqual(least);
        });
      }
    }

    test("the label of the main button is readable", () => {
      expect(ratio(of, "on-accent", "accent")).toBeGreaterThanOrEqual(4.5);
    });

    test("a line that has just moved, and what this browser said, stay readable", () => {
      for (const text of ["ink", "faint", "dead"])
        expect(ratio(of, text, "moved")).toBeGreaterThanOrEqual(4.5);
    });

    test("edges of fields and buttons are at least 3:1", () => {
      expect(ratio(of, "edge", "paper")).toBeGreaterThanOrEqual(3);
    });

    test("every colour fits an sRGB screen", () => {
      for (const [name, colour] of of) expect([name, isInSrgb(colour)]).toEqual([name, true]);
    });
  });
}
