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
  const { ink, ground } = style;
  const colours: Record<string, string> = {};
  if (ground !== undefined) colours["--cell-ground"] = groundOf(ground);
  // Black and white upon a colour are whatever can be read on it here.
  if (ink !== undefined && !(isOfPage(ground) && GREYS.has(ink))) {
    colours["--cell-ink"] = inkOf(ink, ground === undefined);
  }
  return {
    className: `cell ${className}`.trim(),
    ...(Object.keys(colours).length === 0 ? {} : { style: colours }),
  };
}

const GREYS: ReadonlySet<Colour> = new Set([0, 7, 8, 15]);

/** One of the sixteen. */
function isOfPage(colour: Colour | undefined): colour is number {
  return typeof colour === "number" && colour < 16;
}

function inkOf(colour: Colour, isClamped: boolean): string {
  if (isOfPage(colour)) return `var(--cell-${colour})`;
  const plain = rgb(colour);
  return isClamped ? `oklch(from ${plain} clamp(var(--cell-darkest), l, var(--cell-lightest)) c h)` : plain;
}

function groundOf(colour: Colour): string {
  return isOfPage(colour) ? `color-mix(in oklab, var(--cell-${colour}) 32%, var(--raised))` : rgb(colour);
}

function rgb(colour: Colour): string {
  const [red, green, blue] = typeof colour === "number" ? paletteColour(colour) : colour;
  return `rgb(${red} ${green} ${blue})`;
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
