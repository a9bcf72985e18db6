// Server-sent events (html.spec.whatwg.org, 9.2) out of bytes: the data of each event, whole. What is too long or no
// text is a fault, never cut.
import { fromUtf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { LineSplitter } from "../plugins/line-splitter.ts";

export class EventReader {
  readonly #lines: LineSplitter;
  readonly #eventMaxBytes: number;
  #data: string[] = [];
  #dataLength = 0;
  #events: string[] = [];
  #problem: MusterError | undefined;

  constructor(eventMaxBytes: number = RELAY_MESSAGE_MAX_BYTES) {
    this.#eventMaxBytes = eventMaxBytes;
    this.#lines = new LineSplitter(eventMaxBytes, {
      line: (bytes) => this.#line(bytes),
      overlong: () => this.#fail("a line is too long"),
    });
  }

  /** The events that are whole now. Throws `app_broken` for what is no such stream. */
  push(bytes: Uint8Array): string[] {
    this.#lines.push(bytes);
    if (this.#problem !== undefined) throw this.#problem;
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #line(bytes: Uint8Array): void {
    const text = fromUtf8(bytes);
    if (text === undefined) return this.#fail("a line is no text");
    const line = text.endsWith("\r") ? text.slice(0, -1) : text;
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    // A comment, or a field that tells nothing here: `event`, `id`, `retry`.
    if ((colon === -1 ? line : line.slice(0, colon)) !== "data") return;
    const value = colon === -1 ? "" : line.slice(colon + 1);
    this.#data.push(value.startsWith(" ") ? value.slice(1) : value);
    // With its line's end: empty ones add up too.
    this.#dataLength += value.length + 1;
    if (this.#dataLength > this.#eventMaxBytes) this.#fail("an event is too long");
  }

  #dispatch(): void {
    if (this.#data.length === 0) return;
    this.#events.push(this.#data.join("\n"));
    this.#data = [];
    this.#dataLength = 0;
  }

  #fail(what: string): void {
    this.#data = [];
    this.#problem ??= new MusterError("app_broken", `the model server's stream is broken: ${what}`);
  }
}
