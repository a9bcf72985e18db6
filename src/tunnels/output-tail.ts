// Follows the file that a child appends its output to. Keeps the file small, so that a child that talks for months
// fills no disk, and never holds more than one line of it.

import type { Disk } from "../world/world.ts";

export const OUTPUT_MAX_BYTES = 1024 * 1024;
/** A child that writes faster than it is read loses what is left unread here. */
const UNREAD_MAX_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** In one look; a child that writes more is read on in the next. */
const CHUNKS_PER_LOOK = 32;
/** Longer ones are cut: what we look for stands at a line's beginning. */
const LINE_MAX_CHARACTERS = 8 * 1024;

export class OutputTail {
  readonly #disk: Pick<Disk, "info" | "open" | "empty">;
  readonly #path: string;
  #at = 0;
  #rest = "";
  #cutting = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(disk: Pick<Disk, "info" | "open" | "empty">, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  /** The lines that were finished since the last look. One look after the other: each goes on where the last ended. */
  look(): Promise<string[]> {
    const look = this.#last.then(() => this.#look());
    this.#last = look.catch(() => {}); // whoever looks hears of it
    return look;
  }

  async #look(): Promise<string[]> {
    const info = await this.#disk.info(this.#path);
    if (info === undefined) return [];
    if (info.size < this.#at) this.#at = 0;
    if (info.size === this.#at) return [];
    const { lines, caughtUp } = await this.#read();
    if (caughtUp ? this.#at > OUTPUT_MAX_BYTES : info.size > UNREAD_MAX_BYTES) {
      await this.#disk.empty(this.#path);
      this.#at = 0;
    }
    return lines;
  }

  async #read(): Promise<{ lines: string[]; caughtUp: boolean }> {
    const lines: string[] = [];
    let caughtUp = false;
    const file = await this.#disk.open(this.#path);
    try {
      for (let chunk = 0; chunk < CHUNKS_PER_LOOK; chunk++) {
        const bytes = await file.read(this.#at, CHUNK_BYTES);
        caughtUp = bytes.length === 0;
        if (caughtUp) break;
        this.#at += bytes.length;
        // Bytes that are no UTF-8, or a character cut in two, only garble text that we don't look for.
        this.#take(Buffer.from(bytes).toString("latin1"), lines);
      }
    } finally {
      await file.close();
    }
    return { lines, caughtUp };
  }

  #take(text: string, lines: string[]): void {
    const pieces = text.split("\n");
    const last = pieces.pop() ?? "";
    for (const piece of pieces) {
      if (!this.#cutting) lines.push((this.#rest + piece).slice(0, LINE_MAX_CHARACTERS).replace(/\r$/, ""));
      this.#rest = "";
      this.#cutting = false;
    }
    if (this.#cutting) return;
    this.#rest += last;
    if (this.#rest.length <= LINE_MAX_CHARACTERS) return;
    lines.push(this.#rest.slice(0, LINE_MAX_CHARACTERS));
    this.#rest = "";
    this.#cutting = true;
  }
}
