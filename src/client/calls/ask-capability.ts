// A request of this home for a capability of some device, signed with the home's own key.
import { signCapabilityRequest } from "../../identity/capability-request.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { capabilityReply, type CapabilityReply } from "../../protocol/capability-messages.ts";
import type { CapabilityAsked } from "../../protocol/capabilities.ts";
import { modelAsk } from "../../protocol/model-ask.ts";
import type { Clock, Random } from "../../world/world.ts";
import type { StreamOpener } from "../stream-opener.ts";
import { repliesTo } from "./replies.ts";

export interface AskerParts {
  clock: Clock;
  random: Pick<Random, "bytes">;
  crypto: Pick<Crypto, "sha256">;
  signer: Signer;
  hub: StreamOpener;
  ownerRoot: string;
}

export interface CapabilityQuestion {
  capability: CapabilityAsked;
  /** JSON text. */
  payload: string;
  /** Only a device that has this model; the one that the payload names, where nothing is said. */
  model?: string | undefined;
  /** This one or nobody; a name or an id. */
  onlyDevice?: string | undefined;
  preferDevice?: string | undefined;
  timeoutMs?: number | undefined;
  /** In the name of this key, and not of this home. */
  signer?: Signer | undefined;
}

/** Parts as they come, then one response. Leaving the loop, or aborting `left`, cancels the request. */
export async function* askCapability(
  parts: AskerParts,
  question: CapabilityQuestion,
  left: AbortSignal,
): AsyncGenerator<CapabilityReply> {
  const { clock, random, crypto, ownerRoot, hub } = parts;
  const { capability, payload, onlyDevice, preferDevice, signer } = question;
  const { model, timeoutMs } = modelAsk(capability.protocol, payload, question);
  const requestId = uuidV7(clock.now(), random.bytes(10));
  const wish = { log: ownerRoot, requestId, capability, payload };
  const request = {
    ...(await signCapabilityRequest(wish, crypto, signer ?? parts.signer)),
    ...(signer === undefined ? {} : { by: toBase64Url(signer.publicKey) }),
    ...(model === undefined ? {} : { model }),
    ...(onlyDevice === undefined ? {} : { only_device: onlyDevice }),
    ...(preferDevice === undefined ? {} : { prefer_device: preferDevice }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
  };
  yield* repliesTo(
    hub,
    {
      kind: "capability",
      request,
      reply: capabilityReply,
      answers: (reply) => reply.request_id === requestId,
      isLast: (reply) => reply.type === "capability_response",
    },
    left,
  );
}
