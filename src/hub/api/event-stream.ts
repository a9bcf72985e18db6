// Server-sent events (html.spec.whatwg.org, 9.2), no faster than they are read.
import { publicError } from "../../protocol/errors.ts";

export const EVENT_STREAM_HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // A proxy in front must not gather them.
  "X-Accel-Buffering": "no",
} as const;

/**
 * JSON has no line breaks outside its texts. What fails is the last event, `error`. `gone` is aborted when the reader
 * leaves: what it waits for may never come.
 */
export function eventStream(
  events: AsyncGenerator<{ event: string; data: object }>,
  gone: AbortController,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const line = (event: string, data: object): Uint8Array =>
    encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await events.next();
          if (next.done === true) return controller.close();
          controller.enqueue(line(next.value.event, next.value.data));
        } catch (error) {
          controller.enqueue(line("error", publicError(error).toJSON()));
          controller.close();
        }
      },
      async cancel() {
        gone.abort();
        await events.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
