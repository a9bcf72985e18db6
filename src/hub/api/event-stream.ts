// Server-sent events (html.spec.whatwg.org, 9.2), no faster than they are read. Where there is nothing to say for a
// while a comment is: a reader that has gone without a word is noticed by writing alone.
import { publicError } from "../../protocol/errors.ts";
import { withinOf } from "../../protocol/model-stream.ts";
import type { Timers } from "../../world/world.ts";

export const EVENT_STREAM_HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // A proxy in front must not gather them.
  "X-Accel-Buffering": "no",
} as const;

const COMMENT_MS = 1000;
const COMMENT = ": waiting\n\n";

interface NamedEvent {
  event: string;
  data: object;
}

/**
 * JSON has no line breaks outside its texts. What fails is the last event, `error`. `gone` is aborted when the reader
 * leaves: what it waits for may never come.
 */
export function eventStream(
  events: AsyncGenerator<NamedEvent>,
  { timers, gone }: { timers: Pick<Timers, "after">; gone: AbortController },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const line = ({ event, data }: NamedEvent): Uint8Array =>
    encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  let coming: Promise<IteratorResult<NamedEvent>> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        coming ??= events.next();
        try {
          const next = await withinOf(timers, COMMENT_MS, coming);
          if (next === undefined) return controller.enqueue(encoder.encode(COMMENT));
          coming = undefined;
          if (next.done === true) return controller.close();
          controller.enqueue(line(next.value));
        } catch (error) {
          controller.enqueue(line({ event: "error", data: publicError(error).toJSON() }));
          controller.close();
        }
      },
      async cancel() {
        gone.abort();
        // Nobody hears how it ends.
        await coming?.catch(() => {});
        await events.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
