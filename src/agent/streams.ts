// A stream that the hub opened: one visitor's request for one share. The gateway answers for what is shared; a
// share that its owner has stopped is answered for here, so that nothing behind it is touched.
import { refusalAnswer } from "../http1/answer.ts";
import type { After } from "../http1/exchange.ts";
import { ServerConnection } from "../http1/server-connection.ts";
import type { Ticker } from "../http1/ticker.ts";
import { MusterError } from "../protocol/errors.ts";
import { encodeFin } from "../protocol/fin.ts";
import { decodeOpen, DEVICE_TARGET, type Open } from "../protocol/open.ts";
import { SERVICE_TARGET } from "../protocol/service-address.ts";
import type { ShareState } from "../protocol/views.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type { Clock } from "../world/world.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { jsonReply, problemReply } from "./gateway/reply.ts";
import { sendReply } from "./gateway/send-reply.ts";
import { askerOf, type ShareTarget } from "./gateway/share-target.ts";
import { Visit } from "./gateway/visit.ts";

export interface StreamsOptions {
  clock: Clock;
  ticker: Ticker;
  gateway: Pick<Gateway, "openStream">;
  shares: {
    target(shareId: string): ShareTarget | undefined;
    state(shareId: string): ShareState | undefined;
  };
  /** Where there are any. */
  services?: { open(stream: TrunkStream, open: Open): TrunkStreamEvents };
}

/** Throws `protocol_error`, which resets the stream, for what no hub of ours sends. */
export function openShareStream(
  options: StreamsOptions,
  stream: TrunkStream,
  payload: Uint8Array,
): TrunkStreamEvents {
  const open = decodeOpen(payload);
  if (open === undefined)
    throw new MusterError("protocol_error", "a stream was opened for nothing that is known");
  if (options.services !== undefined && open.target.startsWith(SERVICE_TARGET)) {
    return options.services.open(stream, open);
  }
  if (open.target === DEVICE_TARGET) return answerHealth(options, stream, open);
  const share = options.shares.target(open.target);
  // An app's process is gone while it is stopped, and the gateway says so by itself; it also proves the way.
  if (share === undefined || options.shares.state(share.id) !== "stopped") {
    return options.gateway.openStream(stream, open, share);
  }
  return answerStopped(options, { stream, open, share });
}

/** That this answer comes back through the public address is the device's proof. */
function answerHealth({ clock, ticker }: StreamsOptions, stream: TrunkStream, open: Open): TrunkStreamEvents {
  const visit = new Visit(clock, open.visitorCloses);
  return new ServerConnection({
    stream,
    ticker,
    handler: (_, exchange) => sendReply(exchange, jsonReply(200, '{"status":"healthy"}\n'), visit),
    refused: (refusal) => {
      visit.sending(refusal.status);
      return refusalAnswer(refusal);
    },
    handlerFailed: () => visit.sending(500),
    finished: (after: After) => {
      stream.finish(encodeFin({ ...visit.response, close: after === "close" && !open.visitorCloses }));
    },
  });
}

function answerStopped(
  { clock, ticker }: StreamsOptions,
  { stream, open, share }: { stream: TrunkStream; open: Open; share: ShareTarget },
): TrunkStreamEvents {
  const visit = new Visit(clock, open.visitorCloses);
  return new ServerConnection({
    stream,
    ticker,
    handler: (head, exchange) => {
      const problem = {
        code: "unavailable",
        title: "This share is stopped",
        message: `The owner of "${share.name}" has stopped it.`,
        hint: `They start it again with 'muster start ${share.name}'.`,
        hop: "share",
      } as const;
      return sendReply(exchange, problemReply(problem, askerOf({ share, head, open })), visit);
    },
    refused: (refusal) => {
      visit.sending(refusal.status);
      return refusalAnswer(refusal);
    },
    handlerFailed: () => visit.sending(500),
    finished: (after: After) => {
      stream.finish(encodeFin({ ...visit.response, close: after === "close" }));
      // A body that nobody wanted may have paused it; the hub's own end would then never be seen.
      stream.resume();
    },
  });
}
