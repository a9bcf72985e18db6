// A request of this home for a capability of some device: signed with the home's own key, on a stream of its own to
// the hub, answered by JSON lines.
import { signCapabilityRequest } from "../../client/capability-request.ts";
import { uuidV7 } from "../../client/uuid.ts";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { encodeCallOpen } from "../../protocol/call-open.ts";
import { capabilityReply, type CapabilityReply } from "../../protocol/capability-messages.ts";
import type { CapabilityAsked } from "../../protocol/capabilities.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { LineStream } from "../../trunk/line-stream.ts";
import type { Clock, Random } from "../../world/world.ts";
import type { HubPort } from "../hub-port.ts";

export interface AskerParts {
  clock: Clock;
  random: Pick<Random, "bytes">;
  crypto: Pick<Crypto, "sha256">;
  signer: Signer;
  hub: Pick<HubPort, "openStream">;
  ownerRoot: string;
}

export interface CapabilityQuestion {
  capability: CapabilityAsked;
  /** JSON text. */
  payload: string;
  preferDevice?: string | undefined;
  timeoutMs?: number | undefined;
}

/** Parts as they come, then one response. Leaving the loop, or aborting `left`, cancels the request. */
export async function* askCapability(
  parts: AskerParts,
  question: CapabilityQuestion,
  left: AbortSignal,
): AsyncGenerator<CapabilityReply> {
  const { clock, random, crypto, signer, ownerRoot, hub } = parts;
  const { capability, payload, preferDevice, timeoutMs } = question;
  const requestId = uuidV7(clock.now(), random.bytes(10));
  const request = await signCapabilityRequest(
    { log: ownerRoot, requestId, capability, payload },
    crypto,
    signer,
  );
  const replies = new Replies(requestId);
  const stream = hub.openStream(encodeCallOpen("capability"), replies.lines.streamEvents);
  if (typeof stream === "string") {
    throw new MusterError("hub_unreachable", "the hub is out of reach, and with it the fleet", {
      hint: "see `muster status`",
    });
  }
  replies.lines.attach(stream);
  replies.lines.send({
    ...request,
    ...(preferDevice === undefined ? {} : { prefer_device: preferDevice }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
  });
  const gone = (): void => replies.fail(new MusterError("unavailable", "nobody waits for the answer"));
  left.addEventListener("abort", gone, { once: true });
  try {
    for (;;) {
      const reply = await replies.next();
      yield reply;
      if (reply.type === "capability_response") return;
    }
  } finally {
    left.removeEventListener("abort", gone);
    replies.lines.close();
  }
}

/** As many as come in one read; the stream is paused while any wait. */
class Replies {
  readonly #requestId: string;
  readonly #waiting: CapabilityReply[] = [];
  #wake: (() => void) | undefined;
  #problem: MusterError | undefined;

  readonly lines = new LineStream({
    message: (value) => this.#heard(value),
    end: () => this.fail(new MusterError("unavailable", "the hub ended the answer early")),
    close: (error) =>
      this.fail(error ?? new MusterError("hub_unreachable", "the connection to the hub was lost")),
  });

  constructor(requestId: string) {
    this.#requestId = requestId;
  }

  async next(): Promise<CapabilityReply> {
    for (;;) {
      const reply = this.#waiting.shift();
      if (reply !== undefined) return reply;
      if (this.#problem !== undefined) throw this.#problem;
      this.lines.resume();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #heard(value: unknown): void {
    const read = capabilityReply.safeParse(value);
    if (!read.success || read.data.request_id !== this.#requestId) {
      return this.fail(new MusterError("protocol_error", "the hub answered what is no answer"));
    }
    this.#waiting.push(read.data);
    this.lines.pause();
    this.#wake?.();
  }

  fail(problem: MusterError): void {
    this.#problem ??= publicError(problem);
    this.#wake?.();
  }
}
