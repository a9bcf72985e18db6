// One row of a terminal: a letter and a look for each cell. What is shown of it is made once and kept until the row
// changes.
import { PLAIN, type CellStyle } from "./cell-style.ts";

/** Letters beside each other that look the same. */
export interface Run {
  text: string;
  style: CellStyle;
}

/** Behind a letter of two cells: the second one holds nothing. */
const COVERED = "";
const BLANK = " ";

export class Row {
  #letters: string[];
  #styles: CellStyle[];
  #runs: readonly Run[] | undefined;

  constructor(cols: number, style: CellStyle = PLAIN) {
    this.#letters = Array.from({ length: cols }, () => BLANK);
    this.#styles = Array.from({ length: cols }, () => style);
  }

  put(col: number, letter: string, { style, width }: { style: CellStyle; width: 1 | 2 }): void {
    this.#free(col);
    if (width === 2) this.#free(col + 1);
    this.#set(col, letter, style);
    if (width === 2) this.#set(col + 1, COVERED, style);
  }

  /** A mark that belongs to the letter before it; no more than a few, whatever is sent. */
  join(col: number, mark: string): void {
    const at = this.#letters[col] === COVERED ? col - 1 : col;
    const letter = this.#letters[at];
    if (letter === undefined || letter.length > 16) return;
    this.#letters[at] = letter + mark;
    this.#runs = undefined;
  }

  erase(from: number, to: number, style: CellStyle): void {
    this.#free(from);
    this.#free(to);
    for (let col = Math.max(0, from); col < Math.min(to, this.#letters.length); col++) {
      this.#set(col, BLANK, style);
    }
  }

  /** Opens `count` cells at `col`; what leaves at the end is gone. */
  insert(col: number, count: number, style: CellStyle): void {
    this.#free(col);
    const blanks = Math.min(count, this.#letters.length - col);
    this.#letters.splice(col, 0, ...Array.from({ length: blanks }, () => BLANK));
    this.#styles.splice(col, 0, ...Array.from({ length: blanks }, () => style));
    this.#letters.length -= blanks;
    this.#styles.length -= blanks;
    this.#runs = undefined;
  }

  remove(col: number, count: number, style: CellStyle): void {
    this.#free(col);
    const gone = Math.min(count, this.#letters.length - col);
    this.#letters.splice(col, gone);
    this.#styles.splice(col, gone);
    for (let at = 0; at < gone; at++) {
      this.#letters.push(BLANK);
      this.#styles.push(style);
    }
    this.#runs = undefined;
  }

  resize(cols: number): void {
    while (this.#letters.length < cols) {
      this.#letters.push(BLANK);
      this.#styles.push(PLAIN);
    }
    this.#free(cols);
    this.#letters.length = cols;
    this.#styles.length = cols;
    this.#runs = undefined;
  }

  /** Without the blanks at its end. The same object while nothing in it changed. */
  runs(): readonly Run[] {
    this.#runs ??= this.#join();
    return this.#runs;
  }

  #set(col: number, letter: string, style: CellStyle): void {
    if (col < 0 || col >= this.#letters.length) return;
    this.#letters[col] = letter;
    this.#styles[col] = style;
    this.#runs = undefined;
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
