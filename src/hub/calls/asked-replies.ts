// A capability request whose answers are read one after the other, for the hub's own HTTP API.
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Ask, CapabilityAsker } from "./capability-desk.ts";

/** Up to the response. While one waits to be read the device is held; aborting `left` cancels. */
export async function* askedReplies(
  desk: CapabilityAsker,
  ask: Ask,
  left: AbortSignal,
): AsyncGenerator<CapabilityReply> {
  const waiting: CapabilityReply[] = [];
  let wake: () => void = () => {};
  let isOver = false;
  const run = desk.ask(ask, {
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
  left.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const reply = waiting.shift();
      if (reply !== undefined) {
        yield reply;
        if (reply.type === "capability_response") return;
        run.resume();
      } else if (isOver) throw new MusterError("unavailable", "the request was given up");
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    left.removeEventListener("abort", cancel);
    run.cancel();
  }
}
