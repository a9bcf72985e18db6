// How letters look, by SGR (ECMA-48 8.3.117 and xterm's 256 and true colours). A style is never changed, so that cells
// of one look share it.

/** 0 to 255 of the palette, or red, green and blue. */
export type Colour = number | readonly [number, number, number];

export interface CellStyle {
  readonly ink?: Colour;
  readonly ground?: Colour;
  readonly bold?: true;
  readonly dim?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly inverse?: true;
  readonly hidden?: true;
  readonly struck?: true;
}

export const PLAIN: CellStyle = {};

const ON: Partial<Record<number, keyof CellStyle>> = {
  1: "bold",
  2: "dim",
  3: "italic",
  4: "underline",
  7: "inverse",
  8: "hidden",
  9: "struck",
  21: "underline",
};
const OFF: Partial<Record<number, readonly (keyof CellStyle)[]>> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  28: ["hidden"],
  29: ["struck"],
  39: ["ink"],
  49: ["ground"],
};

export function styled(before: CellStyle, parameters: readonly number[]): CellStyle {
  let style = before;
  const given = parameters.length === 0 ? [0] : parameters;
  for (let at = 0; at < given.length; at++) {
    const code = Math.max(0, given[at] ?? 0);
    if (code === 38 || code === 48) {
      const { colour, used } = longColour(given.slice(at + 1));
      at += used;
      if (colour !== undefined) style = { ...style, [code === 38 ? "ink" : "ground"]: colour };
    } else style = changed(style, code);
  }
  return style;
}

function changed(style: CellStyle, code: number): CellStyle {
  if (code === 0) return PLAIN;
  const on = ON[code];
  if (on !== undefined) return { ...style, [on]: true };
  const off = OFF[code];
  if (off !== undefined) return without(style, off);
  if (code >= 30 && code <= 37) return { ...style, ink: code - 30 };
  if (code >= 40 && code <= 47) return { ...style, ground: code - 40 };
  if (code >= 90 && code <= 97) return { ...style, ink: code - 90 + 8 };
  if (code >= 100 && code <= 107) return { ...style, ground: code - 100 + 8 };
  return style;
}

/** What follows 38 or 48: `5;N`, or `2;R;G;B`. */
function longColour(rest: readonly number[]): { colour: Colour | undefined; used: number } {
  const [kind, one = 0, two = 0, three = 0] = rest.map((number) => Math.min(255, Math.max(0, number)));
  if (kind === 5) return { colour: one, used: 2 };
  if (kind === 2) return { colour: [one, two, three], used: 4 };
  return { colour: undefined, used: 1 };
}

function without(style: CellStyle, names: readonly (keyof CellStyle)[]): CellStyle {
  const kept = Object.entries(style).filter(([name]) => !names.some((gone) => gone === name));
  return kept.length === 0 ? PLAIN : Object.fromEntries(kept);
}
