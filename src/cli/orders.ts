// Orders as the commands give them: to the agent of this home, else by this home's controller key to the hub. They
// are not cut by Ctrl-C: what runs elsewhere is asked to end, and its end is still heard.
import { toBase64Url } from "../protocol/bytes.ts";
import { errorOf, type SealedOutcome } from "../protocol/command-messages.ts";
import { MusterError } from "../protocol/errors.ts";
import { readOrderFrames, type OrderEvent } from "../protocol/order-frames.ts";
import { warn, type Invocation } from "./invocation.ts";
import { askAgentOrHub } from "./overview.ts";
import { plainLine } from "./plain-text.ts";
import type { OrderCalls } from "./hub-session.ts";

/** Well below what one call may carry. */
const INPUT_PIECE_BYTES = 128 * 1024;

export function withOrders<Result>(
  invocation: Invocation,
  use: (orders: OrderCalls) => Promise<Result>,
): Promise<Result> {
  const steady: Invocation = { ...invocation, interrupted: new AbortController().signal };
  return askAgentOrHub(steady, {
    agent: (agent) =>
      use({
        run: (request) => agent.stream("run", request),
        shell: (request) => agent.stream("shell", request),
        forward: (request) => agent.stream("forward", request),
        capability: (request) => agent.stream("capability_order", request),
        async input(order, bytes) {
          for (let at = 0; at < bytes.length; at += INPUT_PIECE_BYTES) {
            const piece = bytes.subarray(at, at + INPUT_PIECE_BYTES);
            await agent.call("order_input", { order, bytes: toBase64Url(piece) });
          }
        },
        async tell(order, message) {
          await agent.call("order_tell", { order, message });
        },
      }),
    hub: async (session) => use(await session.orders()),
  });
}

type ErrorBody = Parameters<typeof errorOf>[0];

export interface OrderHearer {
  /** Which one was named; absent for this one. */
  device?: string | undefined;
  opened?(order: string): void;
  accepted?(event: OrderEvent & { type: "accepted" }): void;
  /** The session broke: nothing of what was on its way there arrives. */
  lost?(): void;
  output(from: "output" | "errors", bytes: Uint8Array): Promise<void>;
}

/** How it ended. Throws what kept it from beginning, and the device's refusals. */
export async function hearOrder(
  invocation: Invocation,
  body: AsyncIterable<Uint8Array>,
  hearer: OrderHearer,
): Promise<NonNullable<SealedOutcome["result"]>> {
  const { device } = hearer;
  // People read who "this device" is; programs get the device's own words.
  const saidBy = (error: ErrorBody): MusterError => {
    const isNamed = device === undefined || invocation.json || !error.message.startsWith("this device");
    return errorOf(isNamed ? error : { ...error, message: `${plainLine(device)}: ${error.message}` });
  };
  for await (const frame of readOrderFrames(body)) {
    if (frame.type !== "event") {
      await hearer.output(frame.type, frame.bytes);
      continue;
    }
    const { event } = frame;
    switch (event.type) {
      case "opened":
        hearer.opened?.(event.order);
        break;
      case "accepted":
        hearer.accepted?.(event);
        break;
      case "waiting": {
        const until = event.until.slice(11, 19);
        warn(invocation, `${plainLine(event.reason.message)}; it is tried again until ${until} UTC`);
        break;
      }
      case "queued": {
        const { name } = event.device;
        const why = plainLine(event.reason.message);
        warn(
          invocation,
          `${why}: task ${event.task} waits here, and starts when ${plainLine(name)} is there`,
        );
        break;
      }
      case "lost":
        warn(invocation, `${plainLine(event.reason.message)}; it runs on, and its end is asked for`);
        hearer.lost?.();
        break;
      case "failed":
        // What is not known here yet is this side's own trouble.
        throw event.error.code === "unavailable" ? errorOf(event.error) : saidBy(event.error);
      case "ended":
        if (event.outcome.error !== undefined) throw saidBy(event.outcome.error);
        return event.outcome.result ?? {};
    }
  }
  throw new MusterError("agent_not_running", "the agent ended before the order did", {
    hint: "see whether it still runs: `muster status`",
  });
}
