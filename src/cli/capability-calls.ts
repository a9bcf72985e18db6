// Capability requests as the commands make them: by the agent of this home, else by its controller key at the hub.
import { answerJson } from "../protocol/answer-json.ts";
import { capabilityReply, type CapabilityReply } from "../protocol/capability-messages.ts";
import type { LocalRequest } from "../protocol/local-api.ts";
import type { Invocation } from "./invocation.ts";
import { askAgentOrHub } from "./overview.ts";
import { problemOf, replyLines } from "./reply-lines.ts";

export interface Served {
  /** Name of the device that answered. */
  device: string;
  payload: unknown;
}

/** `part` gets each part's value as it comes. Throws what the device, or the hub in its place, says went wrong. */
export async function useCapability(
  invocation: Invocation,
  request: LocalRequest<"capability">,
  part: (data: unknown, device: string) => void,
): Promise<Served> {
  const hear = async (replies: AsyncIterable<CapabilityReply>): Promise<Served> => {
    for await (const reply of replies) {
      const device = reply.from_device ?? "";
      if (reply.type === "capability_part") part(answerJson(reply.data, device), device);
      else if (reply.error !== undefined) throw problemOf(reply.error, device);
      else return { device, payload: answerJson(reply.payload ?? "null", device) };
    }
    // Both ways end with a response, or throw.
    throw problemOf({ code: "internal", message: "the answer has no end" });
  };
  return askAgentOrHub(invocation, {
    agent: async (agent) => hear(replyLines(await agent.stream("capability", request), capabilityReply)),
    hub: (session) => hear(session.capability(request, invocation.interrupted)),
  });
}
