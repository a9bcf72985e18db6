// A call of a proven session: one request on a stream of JSON lines, then its answers, so many of one session at once.
// Both kinds of calls begin, are bounded and end alike; what is asked is each desk's own.
import type { z } from "zod";
import { MusterError, publicError, type ErrorBody } from "../../protocol/errors.ts";
import { LINE_MAX_BYTES, LineBudget, LineStream, type LineStreamEvents } from "../../trunk/line-stream.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Timers } from "../../world/world.ts";
import type { Session } from "../sessions/session.ts";
import type { ReplyEvents, Running } from "./asked-replies.ts";

export interface CallKindRules<Request, Reply extends object> {
  request: z.ZodType<Request>;
  /** What is said of a request that is refused before anybody was asked. */
  refused(request: Request, error: ErrorBody): Reply;
  /** Of one session at once. */
  sessionMax: number;
  /** Of a request on its line, where it may be longer than usual. */
  lineMaxBytes?: number;
}

/** Whoever opened the stream says what it wants within this. */
const REQUEST_WAIT_MS = 10_000;

export class CallStreams<Request, Reply extends object> {
  readonly #timers: Timers;
  readonly #rules: CallKindRules<Request, Reply>;
  readonly #open = new WeakMap<Session, number>();
  /** Requests that are being said are no requests yet, and may be as many as a trunk has streams. */
  readonly #unsaid = new WeakMap<Session, LineBudget>();

  constructor(timers: Timers, rules: CallKindRules<Request, Reply>) {
    this.#timers = timers;
    this.#rules = rules;
  }

  /** `begin` may throw a refusal. */
  open(
    session: Session,
    stream: TrunkStream,
    begin: (request: Request, events: ReplyEvents<Reply>) => Running,
  ): TrunkStreamEvents {
    let running: Running | undefined;
    let hasAsked = false;
    let release: (() => void) | undefined;
    // The stream tells of its end where the far side makes it, not of one that is made here.
    const gone = (): void => {
      patience.cancel();
      running?.cancel();
      release?.();
      release = undefined;
    };
    const drop = (): void => {
      lines.close();
      gone();
    };
    const events: LineStreamEvents = {
      message: (value) => {
        const read = this.#rules.request.safeParse(value);
        if (hasAsked || !read.success) return drop();
        hasAsked = true;
        patience.cancel();
        try {
          release = this.#admit(session);
          running = begin(read.data, {
            reply: (reply) => {
              lines.send(reply);
              return !lines.isFull;
            },
            over: () => lines.end(),
          });
        } catch (error) {
          lines.send(this.#rules.refused(read.data, publicError(error).toJSON()));
          lines.end();
        }
      },
      drain: () => running?.resume(),
      close: gone,
    };
    const lines = new LineStream(events, {
      budget: this.#unsaidOf(session),
      ...(this.#rules.lineMaxBytes === undefined ? {} : { lineMaxBytes: this.#rules.lineMaxBytes }),
    });
    const patience = this.#timers.after(REQUEST_WAIT_MS, () => lines.close());
    lines.attach(stream);
    return lines.streamEvents;
  }

  #unsaidOf(session: Session): LineBudget {
    const known = this.#unsaid.get(session) ?? new LineBudget(this.#rules.sessionMax * LINE_MAX_BYTES);
    this.#unsaid.set(session, known);
    return known;
  }

  /** Up to the end of the stream, not of the run: what was answered may wait there for long. */
  #admit(session: Session): () => void {
    const { sessionMax } = this.#rules;
    const open = this.#open.get(session) ?? 0;
    if (open >= sessionMax) throw new MusterError("too_many", `${sessionMax} of this session run already`);
    this.#open.set(session, open + 1);
    return () => this.#open.set(session, (this.#open.get(session) ?? 1) - 1);
  }
}
