// One query to many devices: it is asked of all at once, each part goes on as it comes, and at the end everyone is
// accounted for. A device that is slow, dead, flooding or lying costs the others nothing.
//
// The hub ends its side of a stream with the query, and the device its own with the answer: a stream that both have
// ended is gone without a word more.
import { encodeCallOpen } from "../../protocol/call-open.ts";
import {
  QUERY_PART_MAX_BYTES,
  queryAnswer,
  type QueryLocal,
  type QueryReply,
} from "../../protocol/query-messages.ts";
import { lineOf, LineStream } from "../../trunk/line-stream.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { Candidate } from "./candidates.ts";

/** What a part costs whoever gathers them, were it empty. */
const PART_COST_BYTES = 256;

export interface QueryRunParts {
  timers: Timers;
  query: QueryLocal;
  timeoutMs: number;
  /** Those that are here. */
  expected: readonly Candidate[];
  /** Those that were named and can't answer, by name: why. */
  failed: Readonly<Record<string, string>>;
  /** Those that are away, by name: since when. */
  offline: Readonly<Record<string, string | null>>;
}

export interface QueryEvents {
  /** True while the asker takes more; else the devices are held until `resume`. */
  reply(reply: QueryReply): boolean;
  over(): void;
}

export class QueryRun {
  readonly #parts: QueryRunParts;
  readonly #events: QueryEvents;
  /** Those whose last part has not come. */
  readonly #open = new Set<Candidate>();
  /** Theirs, and those of devices that have answered and not ended. */
  readonly #streams = new Map<Candidate, LineStream>();
  readonly #answered: string[] = [];
  readonly #failed: Record<string, string>;
  readonly #limit: Timer;
  #isHeld = false;
  #isOver = false;

  constructor(parts: QueryRunParts, events: QueryEvents) {
    this.#parts = parts;
    this.#events = events;
    const { query, expected, failed, timers, timeoutMs } = parts;
    this.#failed = { ...failed };
    this.#limit = timers.after(timeoutMs, () => this.#finish());
    this.#say({
      type: "aggregate_query_expected",
      query_id: query.query_id,
      expected: expected.map(({ id, name }) => ({ id, name })),
    });
    const line = lineOf(query);
    for (const device of expected) this.#ask(device, line);
    this.#settle();
  }

  /** The asker takes more again. */
  resume(): void {
    if (!this.#isHeld || this.#isOver) return;
    this.#isHeld = false;
    for (const lines of this.#streams.values()) lines.resume();
  }

  /** The asker is gone: so is the query. */
  cancel(): void {
    this.#end();
  }

  #ask(device: Candidate, line: Uint8Array): void {
    let bytes = 0;
    const lines = new LineStream({
      message: (value) => {
        // It has said which part is its last.
        if (!this.#open.has(device)) return this.#drop(device);
        const read = queryAnswer.safeParse(value);
        if (!read.success) return this.#cutOff(device, "answered what is no answer");
        if (read.data.type === "query_failed") return this.#fail(device, read.data.reason);
        bytes += read.data.data.length + PART_COST_BYTES;
        if (bytes > QUERY_PART_MAX_BYTES) return this.#cutOff(device, "answered more than fits");
        this.#part(device, read.data);
      },
      end: () => this.#fail(device, "ended its answer early"),
      close: () => this.#gone(device),
    });
    const stream = device.session.trunk.open(encodeCallOpen("query"), lines.streamEvents);
    if (typeof stream === "string") {
      this.#failed[device.name] = "could not be reached";
      return;
    }
    this.#open.add(device);
    this.#streams.set(device, lines);
    lines.attach(stream);
    if (this.#isHeld) lines.pause();
    lines.sendLine(line);
    lines.end();
  }

  #part(device: Candidate, { data, is_final }: { data: string; is_final: boolean }): void {
    const { query_id } = this.#parts.query;
    if (is_final) {
      this.#answered.push(device.name);
      this.#open.delete(device);
    }
    this.#say({ type: "aggregate_query_part", query_id, from_device: device.name, data, is_final });
    this.#settle();
  }

  #fail(device: Candidate, reason: string): void {
    if (!this.#open.delete(device)) return;
    this.#failed[device.name] = reason;
    this.#settle();
  }

  /** Nothing more is wanted of it. */
  #cutOff(device: Candidate, reason: string): void {
    this.#drop(device);
    this.#fail(device, reason);
  }

  #gone(device: Candidate): void {
    this.#streams.delete(device);
    this.#fail(device, "went away");
  }

  #drop(device: Candidate): void {
    this.#streams.get(device)?.close();
    this.#streams.delete(device);
  }

  #settle(): void {
    if (this.#open.size === 0) this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    const timedOut = [...this.#open].map(({ name }) => name);
    this.#say({
      type: "aggregate_query_done",
      query_id: this.#parts.query.query_id,
      answered: this.#answered,
      timed_out: timedOut,
      failed: this.#failed,
      offline: this.#parts.offline,
    });
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#limit.cancel();
    for (const lines of this.#streams.values()) lines.close();
    this.#streams.clear();
    this.#open.clear();
    this.#events.over();
  }

  #say(reply: QueryReply): void {
    if (this.#isOver || this.#events.reply(reply) || this.#isHeld) return;
    this.#isHeld = true;
    for (const lines of this.#streams.values()) lines.pause();
  }
}
