// What is answered to one request of the hub's own HTTP API, one after the other: while an answer waits to be read the
// devices are held.
import { MusterError } from "../../protocol/errors.ts";

export interface Running {
  resume(): void;
  cancel(): void;
}

export interface ReplyEvents<Reply> {
  reply(reply: Reply): boolean;
  over(): void;
}

/** Up to the last one. Leaving the loop, or aborting `left`, cancels. `begin` may throw a refusal. */
export async function* askedReplies<Reply>(
  begin: (events: ReplyEvents<Reply>) => Running,
  isLast: (reply: Reply) => boolean,
  left: AbortSignal,
): AsyncGenerator<Reply> {
  const waiting: Reply[] = [];
  let wake: () => void = () => {};
  let isOver = false;
  const run = begin({
    reply(reply) {
      waiting.push(reply);
      wake();
      return false;
    },
    over() {
      isOver = true;
      wake();
    },
  });
  const cancel = (): void => run.cancel();
  const end = (): void => {
    left.removeEventListener("abort", cancel);
    run.cancel();
  };
  left.addEventListener("abort", cancel, { once: true });
  if (left.aborted) cancel();
  try {
    for (;;) {
      const reply = waiting.shift();
      if (reply !== undefined) {
        const wasLast = isLast(reply);
        // Before it is taken: who has the last one need not come back for more.
        if (wasLast) end();
        yield reply;
        if (wasLast) return;
        if (waiting.length === 0) run.resume();
      } else if (isOver) throw new MusterError("unavailable", "the request was given up");
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    end();
  }
}
