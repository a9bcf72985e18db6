// Aligned columns without boxes. Every cell is plain text from elsewhere until it is styled here; a line that
// is too long for the terminal first takes the shorter forms of its cells, column by column, then is cut.

import { plainLine } from "./plain-text.ts";
import { proseLines } from "./prose.ts";
import type { Style, Terminal } from "./terminal.ts";

export interface Cell {
  text: string;
  /** What may stand there instead where room is short. */
  short?: string;
  style?: Style;
}

export interface TableOptions {
  /** Column headings, dimmed; none when absent. */
  headings?: readonly string[];
  /** Columns that take their short form first, in this order. */
  shorten?: readonly number[];
  indent?: string;
  /** Cut nothing. */
  wide?: boolean;
  /**
   * What has no room in the last column goes on below itself, once so many columns of `shorten` have taken their
   * short form; nothing folds when absent.
   */
  foldAfter?: number;
}

const GAP = "  ";

/** Of a column that is folded: narrower ones are left to the terminal. */
const NARROWEST = 20;

/** The lines of the table, without line breaks. */
export function tableLines(
  terminal: Terminal,
  rows: readonly (readonly Cell[])[],
  options: TableOptions = {},
): string[] {
  const { headings, shorten = [], indent = "", wide = false, foldAfter } = options;
  const columns = wide ? Number.POSITIVE_INFINITY : terminal.columns;
  let cells = rows.map((row) => row.map((cell) => ({ ...cell, text: plainLine(cell.text) })));
  for (const [step, column] of [undefined, ...shorten].entries()) {
    const fold = foldAfter !== undefined && step >= foldAfter;
    if (column !== undefined) {
      cells = cells.map((row) => row.map((cell, at) => (at === column ? shortened(cell) : cell)));
    }
    const shown = withoutEmptyColumns(cells, headings);
    const widths = columnWidths(terminal, shown);
    const foldable = fold ? Math.max(0, (widths.at(-1) ?? 0) - NARROWEST) : 0;
    const fits = totalWidth(terminal, shown, indent) - foldable <= columns;
    if (fits || step === shorten.length) {
      // What was shortened as far as it goes is cut; what has no shorter forms is left to the terminal.
      if (!fold || (!fits && shorten.length > 0))
        return shown.map((row) => line(terminal, row, { widths, indent, columns }));
      const room = columns - totalWidth(terminal, shown, indent) + (widths.at(-1) ?? 0);
      return shown
        .flatMap((row) => foldedRow(terminal, row, room))
        .map((row) => line(terminal, row, { widths, indent, columns: Number.POSITIVE_INFINITY }));
    }
  }
  return [];
}

/** The heading row and the rows, without the columns in which no row says anything. */
function withoutEmptyColumns(
  rows: readonly (readonly Cell[])[],
  headings: readonly string[] | undefined,
): Cell[][] {
  const used = new Set(rows.flatMap((row) => [...row.keys()].filter((at) => row[at]?.text !== "")));
  const heading = (headings ?? []).map((text): Cell => ({ text, style: "dim" }));
  return [...(heading.length === 0 ? [] : [heading]), ...rows].map((row) =>
    row.filter((_, at) => used.has(at)),
  );
}

function shortened(cell: Cell): Cell {
  return cell.short === undefined ? cell : { ...cell, text: plainLine(cell.short) };
}

function columnWidths(terminal: Terminal, rows: readonly (readonly Cell[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, terminal.width(cell.text));
  }
  return widths;
}

function totalWidth(terminal: Terminal, rows: readonly (readonly Cell[])[], indent: string): number {
  const widths = columnWidths(terminal, rows);
  return widths.reduce(
    (sum, width) => sum + width,
    indent.length + GAP.length * Math.max(0, widths.length - 1),
  );
}

/** The row, and below it what of its last cell had no room: nothing in the other columns. */
function foldedRow(terminal: Terminal, row: readonly Cell[], room: number): Cell[][] {
  const pieces = proseLines(row.at(-1)?.text ?? "", {
    columns: Math.max(room, NARROWEST),
    width: (text) => terminal.width(text),
  });
  return pieces.map((text, below) =>
    row.map((cell, at) => (at === row.length - 1 ? { ...cell, text } : below === 0 ? cell : { text: "" })),
  );
}

function line(
  terminal: Terminal,
  row: readonly Cell[],
  { widths, indent, columns }: { widths: number[]; indent: string; columns: number },
): string {
  let text = indent;
  let used = indent.length;
  for (const [at, cell] of row.entries()) {
    const gap = at === 0 ? "" : GAP;
    const room = columns - used - gap.length;
    if (room < 1) break;
    const shown = cutTo(terminal, cell.text, room);
    const last = at === row.length - 1 || shown !== cell.text;
    const padding = last ? 0 : Math.max(0, (widths[at] ?? 0) - terminal.width(shown));
    text +=
      gap + (cell.style === undefined ? shown : terminal.style(cell.style, shown)) + " ".repeat(padding);
    used += gap.length + terminal.width(shown) + padding;
    if (shown !== cell.text) break;
  }
  return text.trimEnd();
}

/** At most `columns` wide, with an ellipsis where something was cut. */
export function cutTo(terminal: Terminal, text: string, columns: number): string {
  if (terminal.width(text) <= columns) return text;
  let kept = "";
  let used = 0;
  for (const character of text) {
    const width = terminal.width(character);
    if (used + width > columns - 1) break;
    kept += character;
    used += width;
  }
  return `${kept}…`;
}
