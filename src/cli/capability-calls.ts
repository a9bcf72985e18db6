// Capability requests as the commands make them: by the agent of this home, else by its controller key at the hub.
import { capabilityReply, type CapabilityReply } from "../protocol/capability-messages.ts";
import { isErrorCode, MusterError } from "../protocol/errors.ts";
import type { LocalRequest } from "../protocol/local-api.ts";
import { isObject } from "./bounded-json.ts";
import type { Invocation } from "./invocation.ts";
import { askAgentOrHub } from "./overview.ts";

export interface Served {
  /** Name of the device that answered. */
  device: string;
  payload: unknown;
}

/** A line is a part of at most 1 MiB, with its escapes. */
const LINE_MAX_CHARACTERS = 4 * 1024 * 1024;

/** `part` gets each part's value as it comes. Throws what the device, or the hub in its place, says went wrong. */
export async function useCapability(
  invocation: Invocation,
  request: LocalRequest<"capability">,
  part: (data: unknown, device: string) => void,
): Promise<Served> {
  const hear = async (replies: AsyncIterable<CapabilityReply>): Promise<Served> => {
    for await (const reply of replies) {
      const device = reply.from_device ?? "";
      if (reply.type === "capability_part") part(JSON.parse(reply.data), device);
      else if (reply.error !== undefined) throw problemOf(reply.error, device);
      else return { device, payload: JSON.parse(reply.payload ?? "null") };
    }
    throw new MusterError("agent_not_running", "the agent ended before the answer did", {
      hint: "see whether it still runs: `muster status`",
    });
  };
  return askAgentOrHub(invocation, {
    agent: async (agent) => hear(repliesOf(await agent.stream("capability", request))),
    hub: (session) => hear(session.capability(request, invocation.interrupted)),
  });
}

async function* repliesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<CapabilityReply> {
  const decoder = new TextDecoder();
  let begun = "";
  for await (const bytes of body) {
    begun += decoder.decode(bytes, { stream: true });
    if (begun.length > LINE_MAX_CHARACTERS) throw new MusterError("too_large", "an answer is too long");
    const lines = begun.split("\n");
    begun = lines.pop() ?? "";
    for (const line of lines) yield replyIn(line);
  }
}

function replyIn(line: string): CapabilityReply {
  const value: unknown = JSON.parse(line);
  const read = capabilityReply.safeParse(value);
  if (read.success) return read.data;
  const error = isObject(value) ? value["error"] : undefined;
  if (isObject(error) && typeof error["code"] === "string" && typeof error["message"] === "string") {
    const code = isErrorCode(error["code"]) ? error["code"] : "internal";
    const { message, hint } = error;
    throw new MusterError(code, message, typeof hint === "string" ? { hint } : {});
  }
  throw new MusterError("internal", "the agent answered in a form that this version does not know");
}

function problemOf(
  { code, message, hint }: { code: string; message: string; hint?: string | undefined },
  device: string,
): MusterError {
  return new MusterError(
    isErrorCode(code) ? code : "internal",
    device === "" ? message : `${device}: ${message}`,
    hint === undefined ? {} : { hint },
  );
}
