// What a plugin writes to its standard error: lines of the log, as many as a person would read. The rest is counted.
import type { Log } from "../../protocol/log.ts";
import type { Clock } from "../../world/world.ts";
import { LineSplitter } from "./line-splitter.ts";

const LINE_MAX_BYTES = 1000;
const WINDOW_MS = 60_000;
const LINES_PER_WINDOW = 100;

export class PluginRemarks {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #plugin: string;
  readonly #lines = new LineSplitter(LINE_MAX_BYTES, {
    line: (bytes) => this.#remark(bytes),
    overlong: (beginning) => this.#remark(beginning),
  });
  #windowAtMs: number;
  #inWindow = 0;
  /** The last line, for whoever asks why it ended. */
  last: string | undefined;

  constructor({ clock, log }: { clock: Clock; log: Log }, plugin: string) {
    this.#clock = clock;
    this.#log = log;
    this.#plugin = plugin;
    this.#windowAtMs = clock.monotonic();
  }

  push(bytes: Uint8Array): void {
    this.#lines.push(bytes);
  }

  #remark(bytes: Uint8Array): void {
    const line = new TextDecoder().decode(bytes).trimEnd();
    if (line === "") return;
    this.last = line.slice(0, 300);
    const now = this.#clock.monotonic();
    if (now - this.#windowAtMs >= WINDOW_MS) {
      const unsaid = this.#inWindow - LINES_PER_WINDOW;
      if (unsaid > 0)
        this.#log.warn("a plugin wrote more than is logged", { plugin: this.#plugin, lines: unsaid });
      this.#windowAtMs = now;
      this.#inWindow = 0;
    }
    this.#inWindow += 1;
    if (this.#inWindow <= LINES_PER_WINDOW) this.#log.info("a plugin writes", { plugin: this.#plugin, line });
  }
}
