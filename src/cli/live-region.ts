// Some lines at the end of a terminal's screen that are painted again and again in place, until the last of them stay.
// They never take more than the screen, and none more than its width: what a terminal has wrapped or scrolled away is
// out of reach. A terminal that was made narrower has wrapped what is there, which is reckoned with.

import type { Terminal } from "./terminal.ts";

const ERASE_LINE = "\u001b[2K";
const ERASE_BELOW = "\u001b[J";

export class LiveRegion {
  readonly #out: Terminal;
  #painted: readonly string[] = [];
  /** How wide the screen was then. */
  #columns = 0;

  constructor(out: Terminal) {
    this.#out = out;
  }

  /** These instead of those before, cut to the screen; the cursor stays behind the last one. */
  paint(lines: readonly string[]): void {
    const { columns, rows } = this.#out;
    const kept = lines.slice(0, Math.max(1, rows - 1));
    // Behind the last one stands the cursor.
    const shown = kept.map((line, at) => {
      return cutStyled(this.#out, line, at === kept.length - 1 ? columns - 1 : columns);
    });
    // What a terminal has wrapped anew is taken away before, else line by line as it is written: that never flickers.
    const clean = columns === this.#columns ? "" : this.#erased();
    const text = shown.map((line) => `${ERASE_LINE}${line}`).join("\n");
    this.#out.write(`${this.#back()}${clean}${text}${ERASE_BELOW}`);
    this.#painted = shown;
    this.#columns = columns;
  }

  /** These stay, whole, and what is printed next stands below. */
  end(lines: readonly string[]): void {
    const text = lines.map((line) => `${ERASE_LINE}${line}\n`).join("");
    this.#out.write(`${this.#back()}${this.#erased()}${text}`);
    this.#painted = [];
  }

  /** All of it, from its first line and back to it. A terminal may keep what is erased from the top of its screen down. */
  #erased(): string {
    const rows = this.#rows();
    if (rows === 0) return "";
    return ERASE_LINE + `\n${ERASE_LINE}`.repeat(rows - 1) + (rows > 1 ? `\r\u001b[${rows - 1}A` : "\r");
  }

  /** To the first column of the first line. */
  #back(): string {
    const up = this.#rows() - 1;
    return up > 0 ? `\r\u001b[${up}A` : "\r";
  }

  /** As wide as the screen is now. What has scrolled off it is out of reach. */
  #rows(): number {
    const taken = this.#painted.reduce((sum, line) => sum + rowsOf(this.#out, line), 0);
    return Math.min(taken, this.#out.rows);
  }
}

// oxlint-disable-next-line no-control-regex -- control sequences are what this looks for
const STYLED = /\u001b\[[0-9;]*m|[^\u001b]/gu;
const RESET = "\u001b[0m";

/** At most `columns` wide, styles and all, with an ellipsis where something was cut. */
function cutStyled(out: Terminal, line: string, columns: number): string {
  if (out.width(line) <= columns) return line;
  let kept = "";
  let used = 0;
  let isStyled = false;
  for (const [piece] of line.matchAll(STYLED)) {
    if (piece.startsWith("\u001b")) {
      isStyled = true;
      kept += piece;
      continue;
    }
    const width = out.width(piece);
    if (used + width > columns - 1) break;
    kept += piece;
    used += width;
  }
  return `${kept}…${isStyled ? RESET : ""}`;
}

/** How many rows it takes on the screen as wide as that is now. */
function rowsOf(out: Terminal, line: string): number {
  const { columns } = out;
  let rows = 1;
  let used = 0;
  for (const [piece] of line.matchAll(STYLED)) {
    const width = piece.startsWith("\u001b") ? 0 : out.width(piece);
    if (used + width > columns) {
      rows += 1;
      used = 0;
    }
    used += width;
  }
  return rows;
}
