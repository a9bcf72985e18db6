// Answers that come one after the other, as JSON lines, no faster than they are read. One that fails says so in its
// last line, since the status is long sent by then.
import { utf8 } from "../../protocol/bytes.ts";
import { publicError } from "../../protocol/errors.ts";

/** `begin` gets the signal that the reader has gone: an answer it waits for may never come. */
export function replyStream(
  begin: (left: AbortSignal) => AsyncGenerator<object>,
): ReadableStream<Uint8Array> {
  const left = new AbortController();
  const replies = begin(left.signal);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await replies.next();
          if (next.done === true) controller.close();
          else controller.enqueue(line(next.value));
        } catch (error) {
          controller.enqueue(line({ error: publicError(error).toJSON() }));
          controller.close();
        }
      },
      cancel() {
        left.abort();
      },
    },
    { highWaterMark: 0 },
  );
}

function line(value: object): Uint8Array {
  return utf8(`${JSON.stringify(value)}\n`);
}
