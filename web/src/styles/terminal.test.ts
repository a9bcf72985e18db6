// The sixteen colours of terminals, read from the style sheet itself: text at 4.5:1 on the ground of a terminal, in
// light and dark, and at 7:1 where somebody asks for more contrast.
import { describe, expect, test } from "bun:test";
import { contrast, isInSrgb, parseOklch, type Oklch } from "./contrast.ts";

const HIGH = "prefers-contrast: more";
const [plain = "", high = ""] = (await Bun.file(`${import.meta.dir}/terminal.css`).text()).split(HIGH);
const [tokens = "", highTokens = ""] = (await Bun.file(`${import.meta.dir}/tokens.css`).text()).split(HIGH);

function colours(text: string, side: 1 | 2): [string, Oklch][] {
  const all = [...text.matchAll(/--(cell-\d+|raised): light-dark\((oklch\([^)]*\)), (oklch\([^)]*\))\)/g)];
  return all.map((line) => {
    const colour = parseOklch(line[side + 1] ?? "");
    if (colour === undefined) throw new Error(`no colour: ${line[0]}`);
    return [line[1] ?? "", colour];
  });
}

describe.each([
  ["light", colours(plain, 1), colours(tokens, 1), 4.5],
  ["dark", colours(plain, 2), colours(tokens, 2), 4.5],
  ["light, high contrast", colours(high, 1), colours(highTokens, 1), 7],
  ["dark, high contrast", colours(high, 2), colours(highTokens, 2), 7],
] as const)("%s", (_, cells, [ground], least) => {
  test(`each of the sixteen is at least ${least}:1, and fits an sRGB screen`, () => {
    if (ground === undefined) throw new Error("no ground");
    const weak = cells.flatMap(([name, colour]) => {
      const ratio = contrast(colour, ground[1]);
      return ratio >= least && isInSrgb(colour) ? [] : [`${name} ${ratio.toFixed(2)} ${isInSrgb(colour)}`];
    });
    expect(weak).toEqual([]);
    expect(cells).toHaveLength(16);
  });
});
