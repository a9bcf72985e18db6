// One capability request on its way: candidates are tried one after the other until one begins to answer; from then on
// it is that device's, and a failure is told and never repeated elsewhere.
import { encodeCallOpen } from "../../protocol/call-open.ts";
import {
  capabilityAnswer,
  type CallProblem,
  type CapabilityCall,
  type CapabilityReply,
  REQUEST_LINE_MAX_BYTES,
} from "../../protocol/capability-messages.ts";
import { type ErrorCode, type ErrorDetails, MusterError } from "../../protocol/errors.ts";
import { LineStream } from "../../trunk/line-stream.ts";
import type { Timer, Timers } from "../../world/world.ts";
import type { Candidate } from "./candidates.ts";

/** What is said of the asker: it is held against no device, and other refusals tell more. */
const OF_THE_ASKER: ReadonlySet<ErrorCode> = new Set(["forbidden", "not_found"]);
/** A request is said at once, however long it is. */
const SENDING = { waitingMaxBytes: 2 * REQUEST_LINE_MAX_BYTES };

export interface RunParts {
  timers: Timers;
  call: CapabilityCall;
  /** In all. */
  timeoutMs: number;
  /** How long a device may be silent, before its first part and between two. */
  silence: { firstMs: number; betweenMs: number };
  /** At least one, the best first. */
  candidates: readonly Candidate[];
  /** A device takes the request, or is done with it. */
  began(deviceId: string): void;
  ended(deviceId: string): void;
  /** It could not be reached, or refused: others first for a while. */
  failed(deviceId: string): void;
}

export interface RunEvents {
  /** True while the asker takes more; else the device is held until `resume`. */
  reply(reply: CapabilityReply): boolean;
  /** Nothing more comes. */
  over(): void;
}

export class CapabilityRun {
  readonly #parts: RunParts;
  readonly #events: RunEvents;
  readonly #left: Candidate[];
  #device: { candidate: Candidate; lines: LineStream } | undefined;
  #hasBegun = false;
  #isHeld = false;
  #isOver = false;
  readonly #whole: Timer;
  #silence: Timer | undefined;
  /** Why the last candidate did not serve, and its name where it said so itself. */
  #refusal: { problem: MusterError; by?: string } | undefined;

  constructor(parts: RunParts, events: RunEvents) {
    this.#parts = parts;
    this.#events = events;
    this.#left = [...parts.candidates];
    this.#whole = parts.timers.after(parts.timeoutMs, () => this.#tooLate("the request took too long"));
    this.#next();
  }

  /** The asker takes more again. */
  resume(): void {
    if (!this.#isHeld || this.#isOver) return;
    this.#isHeld = false;
    this.#device?.lines.resume();
    this.#watch();
  }

  /** The asker is gone: so is the request. */
  cancel(): void {
    if (this.#isOver) return;
    this.#finish();
  }

  #next(): void {
    for (let candidate = this.#left.shift(); candidate !== undefined; candidate = this.#left.shift()) {
      if (this.#ask(candidate)) return;
      this.#parts.failed(candidate.id);
    }
    const { protocol } = this.#parts.call.capability;
    const nobody = new MusterError("no_device", `no device could be asked for ${protocol}`);
    this.#end(this.#refusal?.problem ?? nobody, this.#refusal?.by);
  }

  #ask(candidate: Candidate): boolean {
    const lines = new LineStream(
      {
        message: (value) => this.#heard(value),
        end: () => this.#lost("ended its answer early"),
        close: () => this.#lost("went away"),
      },
      SENDING,
    );
    const stream = candidate.session.trunk.open(encodeCallOpen("capability"), lines.streamEvents);
    if (typeof stream === "string") return false;
    lines.attach(stream);
    this.#device = { candidate, lines };
    this.#parts.began(candidate.id);
    lines.send(this.#parts.call);
    this.#watch();
    return true;
  }

  #heard(value: unknown): void {
    const read = capabilityAnswer.safeParse(value);
    const device = this.#device;
    if (device === undefined || this.#isOver) return;
    if (!read.success) return this.#lost("answered what is no answer");
    const answer = read.data;
    if (answer.type === "capability_refused") {
      if (this.#hasBegun) return this.#lost("took its answer back");
      const { code, message } = answer.error;
      const problem = new MusterError(code, message, detailsOf(answer.error));
      if (this.#refusal === undefined || !OF_THE_ASKER.has(code)) {
        this.#refusal = { problem, by: device.candidate.name };
      }
      return this.#giveUpOn(code);
    }
    if (answer.request_id !== this.#parts.call.request_id) return this.#lost("answered another request");
    this.#hasBegun = true;
    const takesMore = this.#events.reply({ ...answer, from_device: device.candidate.name });
    if (answer.type === "capability_response") return this.#finish();
    if (this.#isOver) return;
    if (takesMore) return this.#watch();
    // Who does not read is not held against the device.
    this.#isHeld = true;
    this.#silence?.cancel();
    device.lines.pause();
  }

  /** Before it began another one is asked; afterwards it is told. */
  #lost(what: string): void {
    const name = this.#device?.candidate.name ?? "the device";
    if (this.#isOver) return;
    const problem = new MusterError("unavailable", `${name} ${what}`);
    if (this.#hasBegun) return this.#end(problem, name);
    this.#refusal = { problem };
    this.#giveUpOn();
  }

  #giveUpOn(code?: ErrorCode): void {
    this.#release((id) => {
      if (code === undefined || !OF_THE_ASKER.has(code)) this.#parts.failed(id);
    });
    this.#next();
  }

  #watch(): void {
    this.#silence?.cancel();
    const { firstMs, betweenMs } = this.#parts.silence;
    this.#silence = this.#parts.timers.after(this.#hasBegun ? betweenMs : firstMs, () =>
      this.#tooLate(`${this.#device?.candidate.name ?? "the device"} went silent`),
    );
  }

  #tooLate(what: string): void {
    const name = this.#hasBegun ? this.#device?.candidate.name : undefined;
    this.#end(new MusterError("capability_timeout", what), name);
  }

  /** `name`: whose word it is, or who had begun. */
  #end(problem: MusterError, name: string | undefined): void {
    if (this.#isOver) return;
    const { request_id } = this.#parts.call;
    this.#events.reply({
      type: "capability_response",
      request_id,
      ...(name === undefined ? {} : { from_device: name }),
      error: problem.toJSON(),
    });
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#whole.cancel();
    this.#release();
    this.#events.over();
  }

  /** Drops the stream to the device that was asked, which cancels there. */
  #release(then?: (deviceId: string) => void): void {
    this.#silence?.cancel();
    const device = this.#device;
    this.#device = undefined;
    if (device === undefined) return;
    device.lines.close();
    this.#parts.ended(device.candidate.id);
    then?.(device.candidate.id);
  }
}

function detailsOf({ hint, upstream }: CallProblem): ErrorDetails {
  return { ...(hint === undefined ? {} : { hint }), ...(upstream === undefined ? {} : { upstream }) };
}
