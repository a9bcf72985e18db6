// Queries to the fleet by HTTP. Nobody signs here, so devices answer what they let the hub see: lists of tasks and
// their sums. One answer when all is in, or server-sent events as each device gives its part.
import { z } from "zod";
import { answerJson } from "../../protocol/answer-json.ts";
import { queryName } from "../../protocol/capabilities.ts";
import { MusterError } from "../../protocol/errors.ts";
import { rootsOf } from "../../protocol/actors.ts";
import { mergeParts, pageOf, type DevicePart, type Merged } from "../../protocol/query-merge.ts";
import {
  QUERY_TYPES,
  QUERY_WAIT_MAX_MS,
  type AggregateQuery,
  type QueryReply,
} from "../../protocol/query-messages.ts";
import { TASK_STATUSES } from "../../protocol/task-statuses.ts";
import { TASK_REQUESTS } from "../../protocol/tasks.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import { askedReplies } from "../calls/asked-replies.ts";
import { json } from "./answers.ts";
import { EVENT_STREAM_HEADERS, eventStream } from "./event-stream.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

const timeoutMs = z.coerce.number().int().min(1).max(QUERY_WAIT_MAX_MS).optional();
const tasksAsked = z.strictObject({
  status: z.enum(TASK_STATUSES).optional(),
  q: TASK_REQUESTS.search.shape.q.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional(),
  timeout_ms: timeoutMs,
});
const queryAsked = z.strictObject({
  type: z.enum(QUERY_TYPES),
  name: queryName.optional(),
  params: z.record(z.string(), z.unknown()).default({}),
  timeout_ms: timeoutMs,
});

type Done = Extract<QueryReply, { type: "aggregate_query_done" }>;

export function queryRoutes(parts: ApiParts): Route[] {
  return [
    route<"fleet.query">({
      method: "GET",
      path: "/api/aggregate/tasks",
      action: "fleet.query",
      at: "hub",
      answer(call) {
        const read = tasksAsked.safeParse(Object.fromEntries(call.url.searchParams));
        if (!read.success) throw badQuery();
        const { q, limit, timeout_ms, ...filter } = read.data;
        const question =
          q === undefined ? ["ListTasks", { ...filter, limit }] : ["SearchTasks", { q, limit }];
        const [type, params] = question as [AggregateQuery["query_type"], object]; // the two just above
        const merge = (all: DevicePart[]): Merged =>
          type === "ListTasks" ? pageOf(all, limit) : mergeParts(type, all);
        return answered(parts, call, { type, params, timeout_ms, merge });
      },
    }),
    route<"fleet.query">({
      method: "POST",
      path: "/api/query",
      action: "fleet.query",
      at: "hub",
      async answer(call) {
        const { type, name, params, timeout_ms } = await call.json(queryAsked);
        const merge = (all: DevicePart[]): Merged => mergeParts(type, all);
        return answered(parts, call, { type, name, params, timeout_ms, merge });
      },
    }),
  ];
}

interface Question {
  type: AggregateQuery["query_type"];
  name?: string | undefined;
  params: object;
  timeout_ms: number | undefined;
  merge(parts: DevicePart[]): Merged;
}

async function answered(parts: ApiParts, call: Call<"fleet.query">, question: Question): Promise<Response> {
  const roots = rootsOf(call.actor);
  if (roots.length === 0) call.allow(undefined);
  for (const root of roots) call.allow({ kind: "owner", root });
  const query: AggregateQuery = {
    type: "aggregate_query",
    query_id: uuidV7(parts.clock.now(), parts.crypto.randomBytes(10)),
    query_type: question.type,
    ...(question.name === undefined ? {} : { query_name: question.name }),
    params: JSON.stringify(question.params),
    ...(question.timeout_ms === undefined ? {} : { timeout_ms: question.timeout_ms }),
  };
  const replies = askedReplies<QueryReply>(
    (events) => parts.queries.ask(roots, query, events),
    (reply) => reply.type === "aggregate_query_done",
    call.request.signal,
  );
  const wantsEvents = (call.request.headers.get("accept") ?? "").includes("text/event-stream");
  return wantsEvents ? streamed(replies) : gathered(replies, question);
}

async function gathered(replies: AsyncGenerator<QueryReply>, question: Question): Promise<Response> {
  const all: DevicePart[] = [];
  for await (const reply of replies) {
    if (reply.type === "aggregate_query_part") {
      all.push({ device: reply.from_device, data: readable(reply) });
    } else if (reply.type === "aggregate_query_done") {
      return json({ ...question.merge(all), ...envelopeOf(reply) });
    }
  }
  throw new MusterError("unavailable", "the query was given up");
}

/** `expected`, `part` and `done`, each with its JSON. */
async function streamed(replies: AsyncGenerator<QueryReply>): Promise<Response> {
  const first = await replies.next();
  async function* events(): AsyncGenerator<{ event: string; data: object }> {
    if (first.done !== true) yield eventOf(first.value);
    for await (const reply of replies) yield eventOf(reply);
  }
  return new Response(eventStream(events()), { headers: EVENT_STREAM_HEADERS });
}

function eventOf(reply: QueryReply): { event: string; data: object } {
  switch (reply.type) {
    case "aggregate_query_expected":
      return { event: "expected", data: { expected: reply.expected } };
    case "aggregate_query_part":
      return {
        event: "part",
        data: { from_device: reply.from_device, data: readable(reply), is_final: reply.is_final },
      };
    case "aggregate_query_done":
      return { event: "done", data: envelopeOf(reply) };
    case "aggregate_query_refused":
      return { event: "refused", data: reply.error };
  }
}

function envelopeOf({ answered: names, timed_out, failed, offline }: Done): object {
  return { answered: names, timed_out, failed, offline };
}

/** Nothing where it is no JSON: a lying device has said nothing. */
function readable({ data, from_device: device }: { data: string; from_device: string }): unknown {
  try {
    return answerJson(data, device);
  } catch {
    return { items: [] };
  }
}

function badQuery(): MusterError {
  return new MusterError("bad_request", "the query does not fit", {
    hint: "status, q, limit (1 to 200), cursor of the page before, timeout_ms",
  });
}
