// The list of a question that is under way, on a terminal: what came so far, as much of it as the screen holds, and
// below it who is still waited for.

import type { FleetGathering } from "../protocol/query-gather.ts";
import type { Merged } from "../protocol/query-merge.ts";
import type { Timer } from "../world/world.ts";
import type { Watcher } from "./fleet-queries.ts";
import type { Invocation } from "./invocation.ts";
import { LiveRegion } from "./live-region.ts";
import { plainLine } from "./plain-text.ts";
import { SPINNER, SPINNER_MS } from "./progress.ts";

/** The line of the spinner, and one so that the screen never scrolls. */
const SPARE_ROWS = 2;
const NAMES_SHOWN = 5;

export class FleetWait implements Watcher {
  readonly #invocation: Invocation;
  readonly #render: (merged: Merged) => string[];
  readonly #region: LiveRegion;
  readonly #beganMs: number;
  readonly #timer: Timer;
  readonly #forgetResize: () => void;
  #waitsFor: Set<string> | undefined;
  #asked = 0;
  #gathering: FleetGathering | undefined;
  #lines: string[] = [];
  #isStale = false;
  #frame = 0;
  #isOver = false;

  constructor(invocation: Invocation, render: (merged: Merged) => string[]) {
    const { surroundings, out } = invocation;
    this.#invocation = invocation;
    this.#render = render;
    this.#region = new LiveRegion(out);
    this.#beganMs = surroundings.clock.monotonic();
    this.#paint();
    // Many parts of one moment are one painting.
    this.#timer = surroundings.timers.every(SPINNER_MS, () => this.#paint());
    this.#forgetResize = surroundings.onResize(() => {
      this.#isStale = true;
      this.#paint();
    });
  }

  expected(names: string[]): void {
    this.#waitsFor = new Set(names);
    this.#asked = names.length;
  }

  heard(gathering: FleetGathering, device: string, isFinal: boolean): void {
    this.#gathering = gathering;
    this.#isStale = true;
    if (isFinal) this.#waitsFor?.delete(device);
  }

  /** The whole list in its place. */
  end(merged: Merged): void {
    if (this.#finish()) this.#region.end(this.#render(merged));
  }

  /** Before its end: what there is stays, and that it is not all. Safe after `end`. */
  stop(): void {
    if (!this.#finish()) return;
    const merged = this.#gathering?.merged();
    const lines = merged === undefined ? [] : this.#render(merged);
    const { out } = this.#invocation;
    const note = lines.length === 0 ? [] : [out.style("dim", `stopped with ${this.#counted()}`)];
    this.#region.end([...lines, ...note]);
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#timer.cancel();
    this.#forgetResize();
    return true;
  }

  #paint(): void {
    const { out } = this.#invocation;
    if (this.#isStale && this.#gathering !== undefined) this.#lines = this.#render(this.#gathering.merged());
    this.#isStale = false;
    const room = Math.max(0, out.rows - SPARE_ROWS);
    const isCut = this.#lines.length > room;
    const shown = this.#lines.slice(0, isCut ? Math.max(0, room - 1) : room);
    const rest = this.#lines.length - shown.length;
    const more = isCut && room > 0 ? [out.style("dim", `… and ${rest} more lines`)] : [];
    this.#region.paint([...shown, ...more, this.#status()]);
  }

  #status(): string {
    const { out, surroundings } = this.#invocation;
    const spinner = SPINNER[this.#frame++ % SPINNER.length] ?? "";
    const seconds = Math.floor((surroundings.clock.monotonic() - this.#beganMs) / 1000);
    const names = [...(this.#waitsFor ?? [])];
    const rest = names.length - NAMES_SHOWN;
    const some = names.slice(0, NAMES_SHOWN).map(plainLine).join(", ");
    const waiting = names.length === 0 ? "" : `, waiting for ${some}${rest > 0 ? ` and ${rest} more` : ""}`;
    const took = seconds > 0 ? ` (${seconds} s)` : "";
    return `${out.style("cyan", spinner)} ${this.#counted()}${took}${waiting}`;
  }

  #counted(): string {
    if (this.#waitsFor === undefined) return "asking the fleet";
    return `${this.#asked - this.#waitsFor.size} of ${this.#asked} answered`;
  }
}
