// One row of a terminal: a letter and a look for each cell that was written; behind them it is blank. What is shown of
// it is made once and kept until the row changes.
import { PLAIN, type CellStyle } from "./cell-style.ts";

/** Letters beside each other that look the same. */
export interface Run {
  text: string;
  style: CellStyle;
}

/** Behind a letter of two cells: the second one holds nothing. */
const COVERED = "";
const BLANK = " ";
/** A letter with marks upon it; no more than a few, whatever is sent. */
const LETTER_MAX = 16;

let made = 0;

export class Row {
  /** Rows have no name but their place, which changes with each that scrolls off. */
  readonly id = made++;
  #cols: number;
  #letters: string[] = [];
  #styles: CellStyle[] = [];
  #runs: readonly Run[] | undefined;

  constructor(cols: number, style: CellStyle = PLAIN) {
    this.#cols = cols;
    if (style !== PLAIN) this.#reach(cols, style);
  }

  put(col: number, letter: string, { style, width }: { style: CellStyle; width: 1 | 2 }): void {
    this.#reach(Math.min(col, this.#cols), PLAIN);
    this.#free(col);
    if (width === 2) this.#free(col + 1);
    this.#set(col, letter, style);
    if (width === 2) this.#set(col + 1, COVERED, style);
  }

  /** A mark that belongs to the letter before it. */
  join(col: number, mark: string): void {
    const at = this.#letters[col] === COVERED ? col - 1 : col;
    const letter = this.#letters[at];
    if (letter === undefined || letter.length > LETTER_MAX) return;
    this.#letters[at] = letter + mark;
    this.#runs = undefined;
  }

  erase(from: number, to: number, style: CellStyle): void {
    const [first, end] = [Math.max(0, from), Math.min(to, this.#cols)];
    this.#free(first);
    this.#free(end);
    this.#runs = undefined;
    if (style === PLAIN && end >= this.#letters.length) return this.#cut(first);
    this.#reach(end, PLAIN);
    for (let col = first; col < end; col++) this.#set(col, BLANK, style);
  }

  /** Opens `count` cells at `col`; what leaves at the end is gone. */
  insert(col: number, count: number, style: CellStyle): void {
    this.#free(col);
    this.#runs = undefined;
    if (col >= this.#letters.length && style === PLAIN) return;
    this.#reach(col, PLAIN);
    const blanks = Math.max(0, Math.min(count, this.#cols - col));
    this.#letters.splice(col, 0, ...Array.from({ length: blanks }, () => BLANK));
    this.#styles.splice(col, 0, ...Array.from({ length: blanks }, () => style));
    this.#free(this.#cols);
    this.#cut(this.#cols);
  }

  remove(col: number, count: number, style: CellStyle): void {
    this.#free(col);
    this.#free(col + count);
    this.#runs = undefined;
    const gone = Math.max(0, Math.min(count, this.#cols - col));
    this.#letters.splice(col, gone);
    this.#styles.splice(col, gone);
    if (style !== PLAIN) this.erase(this.#cols - gone, this.#cols, style);
  }

  resize(cols: number): void {
    this.#cols = cols;
    this.#free(cols);
    this.#cut(cols);
    this.#runs = undefined;
  }

  /** Without the blanks at its end. The same object while nothing in it changed. */
  runs(): readonly Run[] {
    this.#runs ??= this.#join();
    return this.#runs;
  }

  #set(col: number, letter: string, style: CellStyle): void {
    if (col < 0 || col >= this.#cols) return;
    this.#letters[col] = letter;
    this.#styles[col] = style;
    this.#runs = undefined;
  }

  /** Every cell before this one is written. */
  #reach(cols: number, style: CellStyle): void {
    while (this.#letters.length < cols) {
      this.#letters.push(BLANK);
      this.#styles.push(style);
    }
  }

  #cut(cols: number): void {
    if (this.#letters.length <= cols) return;
    this.#letters.length = cols;
    this.#styles.length = cols;
  }

  /** Half of a wide letter is no letter. */
  #free(col: number): void {
    if (this.#letters[col] !== COVERED) return;
    this.#letters[col] = BLANK;
    if (col > 0) this.#letters[col - 1] = BLANK;
    this.#runs = undefined;
  }

  #join(): Run[] {
    const runs: Run[] = [];
    for (const [col, letter] of this.#letters.entries()) {
      const style = this.#styles[col] ?? PLAIN;
      const last = runs.at(-1);
      if (last?.style === style) last.text += letter;
      else runs.push({ text: letter, style });
    }
    const last = runs.at(-1);
    if (last?.style === PLAIN) last.text = last.text.trimEnd();
    return runs.filter(({ text }) => text !== "");
  }
}
