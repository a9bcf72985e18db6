// What the hub answers to one call, one after the other: the stream is paused while an answer waits to be taken.
import type { z } from "zod";
import { encodeCallOpen, type CallKind } from "../../protocol/call-open.ts";
import { REQUEST_LINE_MAX_BYTES } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { LineStream } from "../../trunk/line-stream.ts";
import type { StreamOpener } from "../stream-opener.ts";

export interface Call<Reply> {
  kind: CallKind;
  request: object;
  /** Whether this answers the request that was sent. */
  reply: z.ZodType<Reply>;
  answers(reply: Reply): boolean;
  isLast(reply: Reply): boolean;
}

/** A request is said at once, however long it is. */
const SENDING = { waitingMaxBytes: 2 * REQUEST_LINE_MAX_BYTES };

/** The replies up to the last one. Leaving the loop, or aborting `left`, takes the request back. */
export async function* repliesTo<Reply>(
  hub: StreamOpener,
  call: Call<Reply>,
  left: AbortSignal,
): AsyncGenerator<Reply> {
  const replies = new Replies(call);
  const stream = hub.openStream(encodeCallOpen(call.kind), replies.lines.streamEvents);
  if (typeof stream === "string") {
    throw new MusterError("hub_unreachable", "the hub is out of reach, and with it the fleet", {
      hint: "see `muster status`",
    });
  }
  replies.lines.attach(stream);
  replies.lines.send(call.request);
  const gone = (): void => {
    replies.fail(new MusterError("unavailable", "nobody waits for the answer"));
    // Now, and not when a reader that is gone takes the next reply.
    replies.lines.close();
  };
  const end = (): void => {
    left.removeEventListener("abort", gone);
    replies.lines.close();
  };
  left.addEventListener("abort", gone, { once: true });
  if (left.aborted) gone();
  try {
    for (;;) {
      const reply = await replies.next();
      const isLast = call.isLast(reply);
      // Before it is taken: who has the last one need not come back for more.
      if (isLast) end();
      yield reply;
      if (isLast) return;
    }
  } finally {
    end();
  }
}

class Replies<Reply> {
  readonly #call: Call<Reply>;
  readonly #waiting: Reply[] = [];
  #wake: (() => void) | undefined;
  #problem: MusterError | undefined;

  readonly lines = new LineStream(
    {
      message: (value) => this.#heard(value),
      end: () => this.fail(new MusterError("unavailable", "the hub ended the answer early")),
      close: (error) =>
        this.fail(error ?? new MusterError("hub_unreachable", "the connection to the hub was lost")),
    },
    SENDING,
  );

  constructor(call: Call<Reply>) {
    this.#call = call;
  }

  async next(): Promise<Reply> {
    for (;;) {
      const reply = this.#waiting.shift();
      if (reply !== undefined) return reply;
      if (this.#problem !== undefined) throw this.#problem;
      this.lines.resume();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  fail(problem: MusterError): void {
    this.#problem ??= problem;
    this.#wake?.();
  }

  #heard(value: unknown): void {
    const read = this.#call.reply.safeParse(value);
    if (!read.success || !this.#call.answers(read.data)) {
      return this.fail(new MusterError("protocol_error", "the hub answered what is no answer"));
    }
    this.#waiting.push(read.data);
    this.lines.pause();
    this.#wake?.();
  }
}
