// Questions to the fleet as the commands ask them: by the agent of this home, else by its controller key at the hub.
// Two calls ask in the same words and are answered in the same: `query`, through the hub, and `task_query`, which has
// each device's tasks from a sealed session.
import { queryName } from "../protocol/capabilities.ts";
import { MusterError } from "../protocol/errors.ts";
import type { LocalRequest } from "../protocol/local-api.ts";
import { FleetGathering, type Completeness, type FleetAnswer } from "../protocol/query-gather.ts";
import { QUERY_TYPES, queryReply, type QueryReply, type QueryType } from "../protocol/query-messages.ts";
import { ago } from "./durations.ts";
import type { Invocation } from "./invocation.ts";
import { askAgentOrHub } from "./overview.ts";
import { plainLine, stripControl } from "./plain-text.ts";
import { problemOf, replyLines } from "./reply-lines.ts";

export type FleetQuestion =
  | { call: "query"; request: LocalRequest<"query"> }
  | { call: "task_query"; request: LocalRequest<"task_query"> };

type Replies = AsyncIterable<QueryReply>;

/** `hear` gets each reply as it comes. */
export function askFleet<Result>(
  invocation: Invocation,
  { call, request }: FleetQuestion,
  hear: (replies: Replies) => Promise<Result>,
): Promise<Result> {
  const left = invocation.interrupted;
  return askAgentOrHub(invocation, {
    agent: async (agent) => {
      const body = call === "query" ? agent.stream(call, request) : agent.stream(call, request);
      return hear(replyLines(await body, queryReply));
    },
    hub: (session) =>
      hear(call === "query" ? session.query(request, left) : session.taskQuery(request, left)),
  });
}

export interface Watcher {
  /** Who was asked. */
  expected?(names: string[]): void;
  /** Somebody's part is there; `isFinal`: it was the last. */
  heard?(gathering: FleetGathering, device: string, isFinal: boolean): void;
}

/** All of it, put together. Throws where nobody was asked. */
export async function gatherFleet(
  replies: Replies,
  { request }: FleetQuestion,
  watcher: Watcher = {},
): Promise<FleetAnswer> {
  const { type, params } = request;
  const asked: unknown = typeof params === "string" ? JSON.parse(params) : params;
  const gathering = new FleetGathering({ type, params: asked });
  for await (const reply of replies) {
    switch (reply.type) {
      case "aggregate_query_expected":
        watcher.expected?.(reply.expected.map(({ name }) => name));
        break;
      case "aggregate_query_part":
        gathering.take(reply);
        watcher.heard?.(gathering, reply.from_device, reply.is_final);
        break;
      case "aggregate_query_refused":
        throw problemOf(reply.error);
      case "aggregate_query_done":
        return { ...gathering.merged(), ...gathering.completeness(reply) };
    }
  }
  // Both ways end with who answered, or throw.
  throw problemOf({ code: "internal", message: "the answer has no end" });
}

export function queryFleet(invocation: Invocation, request: LocalRequest<"query">): Promise<FleetAnswer> {
  return gathered(invocation, { call: "query", request });
}

export function queryTasks(
  invocation: Invocation,
  request: LocalRequest<"task_query">,
): Promise<FleetAnswer> {
  return gathered(invocation, { call: "task_query", request });
}

function gathered(invocation: Invocation, question: FleetQuestion): Promise<FleetAnswer> {
  return askFleet(invocation, question, (replies) => gatherFleet(replies, question));
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
export function isComplete({ timed_out, failed, offline }: Completeness): boolean {
  return timed_out.length + Object.keys(failed).length + Object.keys(offline).length === 0;
}

/** Of a list without anything; `otherwise` where somebody did answer. */
export function emptyOf({ answered }: Completeness, otherwise: string): string {
  return answered.length === 0 ? "No device answered." : otherwise;
}

/** Who is missing and why, a line each. */
export function missingLines({ timed_out, failed, offline }: Completeness, now: number): string[] {
  return [
    ...timed_out.map((name) => `${plainLine(name)} did not answer in time`),
    ...Object.entries(failed).map(([name, reason]) => `${plainLine(name)}: ${plainLine(reason)}`),
    ...Object.entries(offline).map(([name, seen]) =>
      seen === null
        ? `${plainLine(name)} is offline, never seen`
        : `${plainLine(name)} is offline, last seen ${ago(seen, now)} (${plainLine(seen)})`,
    ),
  ];
}
