// A terminal's screen with what has scrolled off it, as far as the commands draw: text that wraps, wide characters,
// carriage return, line feed, cursor up, erasing of a line and of all behind the cursor, styles that are passed over.
// Made narrower or wider it wraps its lines anew, as most terminals do.

interface Row {
  /** A wide character stands in its first cell, and "" in its second. */
  cells: string[];
  /** The next row goes on with the same line. */
  wraps: boolean;
}

const PIECES =
  // oxlint-disable-next-line no-control-regex -- control sequences are what this looks for
  /\u001b\[(\d*)([A-Za-z])|[\s\S]/gu;

export class FakeScreen {
  rows: number;
  columns: number;
  readonly isTerminal = true;
  #lines: Row[] = [{ cells: [], wraps: false }];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** All that was printed and still stands, scrolled away or not. */
  get text(): string {
    const rows = this.#lines.map(({ cells }) => cells.join("").trimEnd());
    return rows.join("\n").trimEnd();
  }

  /** How many rows have scrolled off. */
  get scrolled(): number {
    return Math.max(0, this.#lines.length - this.rows);
  }

  write(text: string): void {
    for (const [piece, count, command] of text.matchAll(PIECES)) {
      if (command !== undefined) this.#control(command, count ?? "");
      else if (piece === "\r") this.#column = 0;
      else if (piece === "\n") this.#lineFeed();
      else this.#print(piece);
    }
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    this.write(new TextDecoder().decode(bytes));
  }

  resize(columns: number): void {
    const lines: { cells: string[]; cursor?: number }[] = [{ cells: [] }];
    for (const [at, { cells, wraps }] of this.#lines.entries()) {
      const line = lines.at(-1);
      if (line === undefined) break;
      if (at === this.#row) line.cursor = line.cells.length + this.#column;
      line.cells.push(...cells);
      if (!wraps && at < this.#lines.length - 1) lines.push({ cells: [] });
    }
    this.columns = columns;
    this.#lines = [];
    for (const { cells, cursor } of lines) {
      let from = 0;
      do {
        // A wide character is not split.
        const to = cells[from + columns] === "" ? from + columns - 1 : from + columns;
        if (cursor !== undefined && cursor >= from) {
          this.#row = this.#lines.length;
          this.#column = cursor - from;
        }
        this.#lines.push({ cells: cells.slice(from, to), wraps: to < cells.length });
        from = to;
      } while (from < cells.length);
    }
  }

  #control(command: string, count: string): void {
    const row = this.#here();
    if (command === "A") this.#row = Math.max(this.scrolled, this.#row - Number(count || "1"));
    else if (command === "J") {
      // tmux keeps such a screen in its history.
      if (this.#row === this.scrolled && this.#column === 0 && row.cells.length > 0) {
        throw new Error("the whole screen is erased, and some terminals keep it");
      }
      row.cells.length = Math.min(row.cells.length, this.#column);
      row.wraps = false;
      this.#lines.length = this.#row + 1;
    } else if (command === "K") {
      row.cells.length = count === "2" ? 0 : Math.min(row.cells.length, this.#column);
      row.wraps = false;
    } else if (command !== "m") throw new Error(`the screen knows no ${command}`);
  }

  #lineFeed(): void {
    this.#row += 1;
    this.#column = 0;
    if (this.#row === this.#lines.length) this.#lines.push({ cells: [], wraps: false });
  }

  #print(character: string): void {
    const width = Bun.stringWidth(character);
    if (this.#column + width > this.columns) {
      this.#here().wraps = true;
      this.#lineFeed();
    }
    const { cells } = this.#here();
    while (cells.length < this.#column) cells.push(" ");
    cells.splice(this.#column, width, character, ...Array.from({ length: width - 1 }, () => ""));
    this.#column += width;
  }

  #here(): Row {
    const row = this.#lines[this.#row];
    if (row === undefined) throw new Error("the cursor is on a row that is not there");
    return row;
  }
}
