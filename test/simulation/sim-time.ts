// Virtual time. Nothing happens but the events in the queue, one at a time; after each, every promise that can
// settle has settled, so a run is one sequence of events and the same seed gives the same one.
//
// Only microtasks are waited for: whatever hangs on the real world (a thread pool, a real timer) never comes
// to pass here, which shows as a run that stands still.
import { drainMicrotasks } from "bun:jsc";
import type { Timer } from "../../src/world/world.ts";
import { EventQueue, type Phase, type SimEvent } from "./event-queue.ts";

/** More events in one moment than any honest program needs: two parts that keep each other busy for ever. */
const MOMENT_MAX_EVENTS = 100_000;
/** Lines of the trace that are kept to be shown. */
const LINES_KEPT = 2000;

export class SimTime {
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #order = 0;
  #events = 0;
  #traceHash = 0n;
  readonly #lines: string[] = [];
  readonly #watchers: (() => void)[] = [];

  /** What a callback threw that nobody caught: in a real process it would have been the end. */
  readonly faults: unknown[] = [];

  /** Milliseconds since the run began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  get events(): number {
    return this.#events;
  }

  /** Of everything that was traced, in order: equal for equal runs. */
  get traceHash(): string {
    return this.#traceHash.toString(16).padStart(16, "0");
  }

  /** The last lines of the trace. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  trace(text: string): void {
    const line = `${this.#nowMs.toFixed(3)} ${text}`;
    this.#traceHash = Bun.hash.xxHash64(line, this.#traceHash);
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.splice(0, LINES_KEPT / 2);
  }

  /** Puts bytes into the trace's hash without a line of their own. */
  mix(bytes: Uint8Array): void {
    this.#traceHash = Bun.hash.xxHash64(bytes, this.#traceHash);
  }

  /** Called after every event, when nothing more can settle. */
  afterEach(look: () => void): void {
    this.#watchers.push(look);
  }

  after(delayMs: number, run: () => void, phase: Phase = "turn"): SimEvent & Timer {
    return this.at(this.#nowMs + delayMs, run, phase);
  }

  /** At a moment that was computed before: the same moment again is exactly the same. */
  at(atMs: number, run: () => void, phase: Phase = "turn"): SimEvent & Timer {
    this.#order += 1;
    const event = {
      atMs: Math.max(this.#nowMs, atMs),
      phase,
      order: this.#order,
      run,
      cancelled: false,
      cancel() {
        event.cancelled = true;
      },
    };
    this.#queue.push(event);
    return event;
  }

  /** Runs all that is due until then, and leaves the clock there. */
  runUntil(untilMs: number): void {
    drainMicrotasks();
    let momentMs = this.#nowMs;
    let inMoment = 0;
    for (
      let next = this.#queue.peek();
      next !== undefined && next.atMs <= untilMs;
      next = this.#queue.peek()
    ) {
      this.#queue.shift();
      this.#nowMs = next.atMs;
      inMoment = next.atMs === momentMs ? inMoment + 1 : 0;
      momentMs = next.atMs;
      if (inMoment > MOMENT_MAX_EVENTS) throw new Error("time does not settle");
      this.#run(next.run);
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  runFor(ms: number): void {
    this.runUntil(this.#nowMs + ms);
  }

  /** Runs until the condition holds; false when it does not within the time. */
  runWhile(waits: () => boolean, withinMs: number): boolean {
    const untilMs = this.#nowMs + withinMs;
    drainMicrotasks();
    while (waits()) {
      const next = this.#queue.peek();
      if (next === undefined || next.atMs > untilMs) {
        this.runUntil(untilMs);
        return false;
      }
      this.runUntil(next.atMs);
    }
    return true;
  }

  /** The value of a promise that settles by events of this run. */
  waitFor<Value>(promise: Promise<Value>, withinMs = 10_000): Value {
    const settled: ({ value: Value } | { error: unknown })[] = [];
    promise.then(
      (value) => settled.push({ value }),
      (error: unknown) => settled.push({ error }),
    );
    this.runWhile(() => settled.length === 0, withinMs);
    const [outcome] = settled;
    if (outcome === undefined) throw new Error(`a promise did not settle within ${withinMs} ms`);
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  #run(run: () => void): void {
    this.#events += 1;
    try {
      run();
    } catch (error) {
      this.fault(error);
    }
    drainMicrotasks();
    for (const look of this.#watchers) look();
  }

  fault(error: unknown): void {
    this.faults.push(error);
    this.trace(`fault ${String(error)}`);
  }
}
