// Queries to the fleet as the commands make them, their parts put together: by the agent of this home, else by its
// controller key at the hub.
import { queryName } from "../protocol/capabilities.ts";
import { answerJson } from "../protocol/answer-json.ts";
import { MusterError } from "../protocol/errors.ts";
import type { LocalRequest } from "../protocol/local-api.ts";
import { mergeParts, type DevicePart, type Merged } from "../protocol/query-merge.ts";
import { QUERY_TYPES, queryReply, type QueryReply, type QueryType } from "../protocol/query-messages.ts";
import type { Invocation } from "./invocation.ts";
import { askAgentOrHub } from "./overview.ts";
import { stripControl } from "./plain-text.ts";
import { problemOf, replyLines } from "./reply-lines.ts";

/** What the devices said, and who said nothing. Devices by name, ISO 8601 times, null for "never". */
export interface Envelope extends Merged {
  answered: string[];
  timed_out: string[];
  failed: Record<string, string>;
  offline: Record<string, string | null>;
}

/** `heard` is told how far it has come: how many have answered, of how many that are there. */
export async function queryFleet(
  invocation: Invocation,
  request: LocalRequest<"query">,
  heard: (answered: number, expected: number) => void = () => {},
): Promise<Envelope> {
  const hear = async (replies: AsyncIterable<QueryReply>): Promise<Envelope> => {
    const parts: DevicePart[] = [];
    const broken: Record<string, string> = {};
    let expected = 0;
    let finished = 0;
    for await (const reply of replies) {
      switch (reply.type) {
        case "aggregate_query_expected":
          expected = reply.expected.length;
          break;
        case "aggregate_query_part": {
          const { from_device: device } = reply;
          try {
            parts.push({ device, data: answerJson(reply.data, device) });
          } catch {
            broken[device] = "answered what is no JSON";
          }
          if (reply.is_final) heard(++finished, expected);
          break;
        }
        case "aggregate_query_refused":
          throw problemOf(reply.error);
        case "aggregate_query_done": {
          const { timed_out, offline } = reply;
          const answered = reply.answered.filter((name) => !Object.hasOwn(broken, name));
          const failed = { ...reply.failed, ...broken };
          return { ...mergeParts(request.type, parts), answered, timed_out, failed, offline };
        }
      }
    }
    // Both ways end with who answered, or throw.
    throw problemOf({ code: "internal", message: "the answer has no end" });
  };
  return askAgentOrHub(invocation, {
    agent: async (agent) => hear(replyLines(await agent.stream("query", request), queryReply)),
    hub: (session) => hear(session.query(request, invocation.interrupted)),
  });
}

/** A type of the table, or the name of a custom query. */
export function queryNamed(type: string): { type: QueryType; name?: string } {
  const known = QUERY_TYPES.find((one) => one === type && one !== "Custom");
  if (known !== undefined) return { type: known };
  if (queryName.safeParse(type).success) return { type: "Custom", name: type };
  throw new MusterError("usage", `"${stripControl(type)}" names no query`, {
    hint: `one of ${QUERY_TYPES.filter((one) => one !== "Custom").join(", ")}, or what a plugin calls its own`,
  });
}

/** Nobody that could answer is missing. */
export function isComplete({ timed_out, failed, offline }: Envelope): boolean {
  return timed_out.length + Object.keys(failed).length + Object.keys(offline).length === 0;
}

/** Who is missing and why, a line each. */
export function missingLines({ timed_out, failed, offline }: Envelope): string[] {
  return [
    ...timed_out.map((name) => `${name} did not answer in time`),
    ...Object.entries(failed).map(([name, reason]) => `${name}: ${reason}`),
    ...Object.entries(offline).map(([name, since]) =>
      since === null ? `${name} has never been online` : `${name} is offline since ${since}`,
    ),
  ];
}
