// A cell's look as attributes of an element: the sixteen colours are the page's own, so that they can be read on its
// ground in each theme; others are kept within what can be.
import type { CSSProperties } from "react";
import { PLAIN, type CellStyle, type Colour } from "./cell-style.ts";

export interface CellLook {
  className: string;
  style?: CSSProperties;
}

/** Undefined for plain letters. */
export function cellLook(style: CellStyle): CellLook | undefined {
  if (style === PLAIN) return undefined;
  const { bold, dim, italic, underline, hidden, struck, inverse } = style;
  const names = { bold, dim, italic, underline, hidden, struck, inverse };
  const className = Object.entries(names)
    .flatMap(([name, on]) => (on === true ? [`cell-${name}`] : []))
    .join(" ");
  const colours: Record<string, string> = {};
  if (style.ink !== undefined) colours["--cell-ink"] = colourOf(style.ink, style.ground === undefined);
  if (style.ground !== undefined) colours["--cell-ground"] = colourOf(style.ground, false);
  return {
    className: `cell ${className}`.trim(),
    ...(Object.keys(colours).length === 0 ? {} : { style: colours }),
  };
}

function colourOf(colour: Colour, isClamped: boolean): string {
  if (typeof colour === "number" && colour < 16) return `var(--cell-${colour})`;
  const [red, green, blue] = typeof colour === "number" ? paletteColour(colour) : colour;
  const plain = `rgb(${red} ${green} ${blue})`;
  return isClamped ? `oklch(from ${plain} clamp(var(--cell-darkest), l, var(--cell-lightest)) c h)` : plain;
}

/** xterm's: a cube of six steps a side, then 24 greys. */
function paletteColour(number: number): readonly [number, number, number] {
  if (number >= 232) {
    const grey = 8 + 10 * (number - 232);
    return [grey, grey, grey];
  }
  const at = number - 16;
  const step = (value: number): number => (value === 0 ? 0 : 55 + 40 * value);
  return [step(Math.floor(at / 36)), step(Math.floor(at / 6) % 6), step(at % 6)];
}
