// A terminal's screen as programs expect it of `xterm-256color`: what they write goes in, rows of letters come out. It
// answers what they ask about it with words of its own, never with theirs. What scrolls off is kept up to a bound.
import { PLAIN, styled, type CellStyle } from "./cell-style.ts";
import { ControlParser, type ControlHandler, type ControlSequence } from "./control-parser.ts";
import { letterWidth } from "./letter-width.ts";
import { Row } from "./row.ts";

export interface ScreenSize {
  cols: number;
  rows: number;
}

export interface ScreenEvents {
  /** To be typed: what a program asked about its terminal. */
  answer(text: string): void;
}

export const SCROLLBACK_ROWS = 1_000;
const TAB = 8;
/** Lines and corners of DEC's graphic set, for the letters from "`" to "~". */
const GRAPHICS = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·";

interface Cursor {
  row: number;
  col: number;
  style: CellStyle;
  graphics: boolean;
}

/** The usual one, or the one that full-screen programs take for themselves. */
interface Page {
  rows: Row[];
  saved: Cursor | undefined;
}

export class Screen implements ControlHandler {
  readonly #events: ScreenEvents;
  readonly #parser = new ControlParser(this);
  #size: ScreenSize;
  #scrolled: Row[] = [];
  #main: Page;
  #other: Page | undefined;
  #cursor: Cursor = { row: 0, col: 0, style: PLAIN, graphics: false };
  /** A letter stands in the last cell, and the next one begins a row. */
  #wraps = false;
  /** First and behind the last row that scroll. */
  #region: { top: number; end: number };
  #last = "";
  #modes = { cursor: true, wrap: true, insert: false, origin: false, arrows: false, paste: false };

  constructor(size: ScreenSize, events: ScreenEvents) {
    this.#size = size;
    this.#events = events;
    this.#main = this.#emptyPage();
    this.#region = { top: 0, end: size.rows };
  }

  get size(): ScreenSize {
    return this.#size;
  }

  /** What is kept above, and the screen itself. The same rows while nothing in them changed. */
  get rows(): readonly Row[] {
    return this.#other === undefined ? [...this.#scrolled, ...this.#main.rows] : this.#other.rows;
  }

  /** Counts from the first of `rows`; undefined while a program hides it. */
  get cursor(): { row: number; col: number } | undefined {
    if (!this.#modes.cursor) return undefined;
    const above = this.#other === undefined ? this.#scrolled.length : 0;
    return { row: above + this.#cursor.row, col: Math.min(this.#cursor.col, this.#size.cols - 1) };
  }

  /** How a program wants to hear arrows, and pasted text. */
  get wants(): { arrows: boolean; paste: boolean } {
    return this.#modes;
  }

  write(bytes: Uint8Array): void {
    this.#parser.write(bytes);
  }

  resize(size: ScreenSize): void {
    const { cols, rows } = size;
    for (const page of [this.#main, this.#other]) {
      if (page === undefined) continue;
      for (const row of page.rows) row.resize(cols);
      while (page.rows.length < rows) page.rows.push(new Row(cols));
      const isShown = page === (this.#other ?? this.#main);
      while (page.rows.length > rows) {
        // Rows below the cursor go first, then those above it into what is kept.
        const isBelow = isShown && this.#cursor.row < page.rows.length - 1;
        if (isBelow || !isShown) page.rows.pop();
        else {
          const [first] = page.rows.splice(0, 1);
          if (first !== undefined && page === this.#main) this.#keep(first);
          this.#cursor.row -= 1;
        }
      }
    }
    for (const row of this.#scrolled) row.resize(cols);
    this.#size = size;
    this.#region = { top: 0, end: rows };
    this.#moveTo(this.#cursor.row, this.#cursor.col);
  }

  text(text: string): void {
    for (const letter of text) this.#put(letter);
  }

  control(code: number): void {
    const { row, col } = this.#cursor;
    switch (code) {
      case 8:
        return this.#moveTo(row, col - 1);
      case 9:
        return this.#moveTo(row, (Math.floor(col / TAB) + 1) * TAB);
      case 10:
      case 11:
      case 12:
        return this.#down();
      case 13:
        return this.#moveTo(row, 0);
      case 14:
      case 15:
        this.#cursor.graphics = code === 14;
        return;
      default: // the others say nothing that is seen
    }
  }

  escape(intermediate: string, final: string): void {
    if (intermediate === "(") this.#cursor.graphics = final === "0";
    if (intermediate === "#" && final === "8")
      for (const row of this.#page.rows) fillWith(row, "E", this.#size);
    if (intermediate !== "") return;
    switch (final) {
      case "7":
        this.#page.saved = { ...this.#cursor };
        return;
      case "8":
        return this.#restore();
      case "D":
        return this.#down();
      case "E":
        this.#down();
        return this.#moveTo(this.#cursor.row, 0);
      case "M":
        return this.#up();
      case "c":
        return this.#reset();
      default: // keypads and the like
    }
  }

  sequence(given: ControlSequence): void {
    const { prefix, intermediate, final } = given;
    if (intermediate === "!" && final === "p") return this.#reset();
    if (intermediate !== "") return;
    if (prefix === "?") return this.#private(given);
    if (prefix === ">" && final === "c") return this.#events.answer("\u001B[>0;10;1c");
    if (prefix !== "") return;
    const count = Math.max(1, given.parameters[0] ?? 1);
    const number = (at: number, otherwise: number): number => {
      const value = given.parameters[at] ?? -1;
      return value <= 0 ? otherwise : value;
    };
    const { row, col, style } = this.#cursor;
    const line = this.#page.rows[row];
    switch (final) {
      case "@":
        return line?.insert(col, count, this.#blank);
      case "A":
        return this.#moveTo(Math.max(row >= this.#region.top ? this.#region.top : 0, row - count), col);
      case "B":
      case "e":
        return this.#moveTo(
          Math.min(row < this.#region.end ? this.#region.end - 1 : this.#size.rows - 1, row + count),
          col,
        );
      case "C":
      case "a":
        return this.#moveTo(row, col + count);
      case "D":
        return this.#moveTo(row, col - count);
      case "E":
        return this.#moveTo(row + count, 0);
      case "F":
        return this.#moveTo(row - count, 0);
      case "G":
      case "`":
        return this.#moveTo(row, number(0, 1) - 1);
      case "H":
      case "f":
        return this.#moveTo(this.#originRow + number(0, 1) - 1, number(1, 1) - 1);
      case "I":
        return this.#moveTo(row, (Math.floor(col / TAB) + count) * TAB);
      case "Z":
        return this.#moveTo(row, (Math.ceil(col / TAB) - count) * TAB);
      case "J":
        return this.#eraseScreen(Math.max(0, given.parameters[0] ?? 0));
      case "K":
        return this.#eraseLine(Math.max(0, given.parameters[0] ?? 0));
      case "L":
        return this.#inRegion(() => this.#scrollDown(row, count));
      case "M":
        return this.#inRegion(() => this.#scrollUp(row, count));
      case "P":
        return line?.remove(col, count, this.#blank);
      case "S":
        return this.#scrollUp(this.#region.top, count);
      case "T":
        return this.#scrollDown(this.#region.top, count);
      case "X":
        return line?.erase(col, col + count, this.#blank);
      case "b":
        for (let at = 0; at < Math.min(count, this.#size.cols) && this.#last !== ""; at++)
          this.#put(this.#last);
        return;
      case "c":
        return this.#events.answer("\u001B[?62;22c");
      case "d":
        return this.#moveTo(this.#originRow + number(0, 1) - 1, col);
      case "h":
      case "l":
        if (given.parameters.includes(4)) this.#modes.insert = final === "h";
        return;
      case "m":
        this.#cursor.style = styled(style, given.parameters);
        return;
      case "n":
        if (given.parameters[0] === 5) this.#events.answer("\u001B[0n");
        if (given.parameters[0] === 6) this.#events.answer(`\u001B[${row + 1};${this.#column + 1}R`);
        return;
      case "r":
        return this.#setRegion(number(0, 1) - 1, number(1, this.#size.rows));
      case "s":
        this.#page.saved = { ...this.#cursor };
        return;
      case "u":
        return this.#restore();
      default: // one that is not known changes nothing
    }
  }

  #private({ parameters, final }: ControlSequence): void {
    if (final !== "h" && final !== "l") return;
    const on = final === "h";
    for (const mode of parameters) {
      if (mode === 1) this.#modes.arrows = on;
      else if (mode === 6) {
        this.#modes.origin = on;
        this.#moveTo(this.#originRow, 0);
      } else if (mode === 7) this.#modes.wrap = on;
      else if (mode === 25) this.#modes.cursor = on;
      else if (mode === 2004) this.#modes.paste = on;
      else if (mode === 47 || mode === 1047 || mode === 1049) this.#takeOther(on, mode === 1049);
    }
  }

  #takeOther(on: boolean, savesCursor: boolean): void {
    if (on === (this.#other !== undefined)) return;
    if (on && savesCursor) this.#main.saved = { ...this.#cursor };
    this.#other = on ? this.#emptyPage() : undefined;
    this.#region = { top: 0, end: this.#size.rows };
    if (!on && savesCursor) this.#restore();
  }

  #put(letter: string): void {
    const shown = this.#cursor.graphics ? graphic(letter) : letter;
    const width = letterWidth(shown);
    const { cols } = this.#size;
    if (width === 0) {
      const at = this.#wraps ? this.#cursor.col : this.#cursor.col - 1;
      this.#page.rows[this.#cursor.row]?.join(at, shown);
      return;
    }
    if (this.#wraps || this.#cursor.col + width > cols) {
      if (this.#modes.wrap) {
        this.#down();
        this.#cursor.col = 0;
      } else this.#cursor.col = Math.max(0, cols - width);
      this.#wraps = false;
    }
    const { row, col, style } = this.#cursor;
    const line = this.#page.rows[row];
    if (this.#modes.insert) line?.insert(col, width, style);
    line?.put(col, shown, { style, width });
    this.#last = letter;
    this.#wraps = col + width >= cols;
    this.#cursor.col = this.#wraps ? cols - 1 : col + width;
  }

  #moveTo(row: number, col: number): void {
    const { cols, rows } = this.#size;
    const { origin } = this.#modes;
    const [top, end] = origin ? [this.#region.top, this.#region.end] : [0, rows];
    this.#cursor.row = Math.min(end - 1, Math.max(top, row));
    this.#cursor.col = Math.min(cols - 1, Math.max(0, col));
    this.#wraps = false;
  }

  #down(): void {
    const { row } = this.#cursor;
    if (row === this.#region.end - 1) this.#scrollUp(this.#region.top, 1);
    else if (row < this.#size.rows - 1) this.#cursor.row += 1;
    this.#wraps = false;
  }

  #up(): void {
    if (this.#cursor.row === this.#region.top) this.#scrollDown(this.#region.top, 1);
    else if (this.#cursor.row > 0) this.#cursor.row -= 1;
    this.#wraps = false;
  }

  #scrollUp(from: number, count: number): void {
    const { rows } = this.#page;
    const { end } = this.#region;
    for (let at = 0; at < Math.min(count, end - from); at++) {
      const [gone] = rows.splice(from, 1);
      // Only what leaves at the very top of the usual page was seen as a whole.
      if (gone !== undefined && from === 0 && this.#other === undefined) this.#keep(gone);
      rows.splice(end - 1, 0, new Row(this.#size.cols, this.#blank));
    }
  }

  #scrollDown(from: number, count: number): void {
    const { rows } = this.#page;
    const { end } = this.#region;
    for (let at = 0; at < Math.min(count, end - from); at++) {
      rows.splice(end - 1, 1);
      rows.splice(from, 0, new Row(this.#size.cols, this.#blank));
    }
  }

  #keep(row: Row): void {
    this.#scrolled.push(row);
    if (this.#scrolled.length > SCROLLBACK_ROWS) this.#scrolled.shift();
  }

  #inRegion(work: () => void): void {
    const { row } = this.#cursor;
    if (row < this.#region.top || row >= this.#region.end) return;
    work();
    this.#moveTo(row, 0);
  }

  #setRegion(top: number, end: number): void {
    const last = Math.min(end, this.#size.rows);
    if (top >= last - 1) return;
    this.#region = { top, end: last };
    this.#moveTo(this.#originRow, 0);
  }

  #eraseLine(part: number): void {
    const { row } = this.#cursor;
    const { cols } = this.#size;
    const [from, to] = part === 0 ? [this.#column, cols] : part === 1 ? [0, this.#column + 1] : [0, cols];
    this.#page.rows[row]?.erase(from, to, this.#blank);
  }

  #eraseScreen(part: number): void {
    const { rows } = this.#page;
    const { cols } = this.#size;
    if (part === 3) {
      this.#scrolled = [];
      return;
    }
    if (part !== 2) this.#eraseLine(part);
    const [from, to] =
      part === 0
        ? [this.#cursor.row + 1, rows.length]
        : part === 1
          ? [0, this.#cursor.row]
          : [0, rows.length];
    for (const row of rows.slice(from, to)) row.erase(0, cols, this.#blank);
  }

  #restore(): void {
    const { saved } = this.#page;
    this.#cursor = { ...(saved ?? { row: 0, col: 0, style: PLAIN, graphics: false }) };
    this.#moveTo(this.#cursor.row, this.#cursor.col);
  }

  #reset(): void {
    this.#main = this.#emptyPage();
    this.#other = undefined;
    this.#cursor = { row: 0, col: 0, style: PLAIN, graphics: false };
    this.#region = { top: 0, end: this.#size.rows };
    this.#modes = { cursor: true, wrap: true, insert: false, origin: false, arrows: false, paste: false };
    this.#wraps = false;
  }

  get #page(): Page {
    return this.#other ?? this.#main;
  }

  get #originRow(): number {
    return this.#modes.origin ? this.#region.top : 0;
  }

  get #column(): number {
    return Math.min(this.#cursor.col, this.#size.cols - 1);
  }

  /** What is erased keeps the ground that is set. */
  get #blank(): CellStyle {
    const { ground } = this.#cursor.style;
    return ground === undefined ? PLAIN : { ground };
  }

  #emptyPage(): Page {
    const rows = Array.from({ length: this.#size.rows }, () => new Row(this.#size.cols));
    return { rows, saved: undefined };
  }
}

function graphic(letter: string): string {
  return GRAPHICS.charAt(letter.charCodeAt(0) - 0x60) || letter;
}

function fillWith(row: Row, letter: string, { cols }: ScreenSize): void {
  for (let col = 0; col < cols; col++) row.put(col, letter, { style: PLAIN, width: 1 });
}
