// Queries to the fleet by HTTP. Nobody signs here, so devices answer what they let the hub see: lists of tasks and
// their sums. One answer when all is in, or server-sent events as each device gives its part.
import { z } from "zod";
import { queryName } from "../../protocol/capabilities.ts";
import { deviceName } from "../../protocol/capability-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "../../protocol/limits.ts";
import { rootsOf, type Actor } from "../../protocol/actors.ts";
import { FleetGathering } from "../../protocol/query-gather.ts";
import {
  QUERY_TYPES,
  QUERY_WAIT_MAX_MS,
  type AggregateQuery,
  type QueryReply,
  type QueryType,
} from "../../protocol/query-messages.ts";
import { queryEvents } from "../../protocol/query-events.ts";
import { TASK_STATUSES } from "../../protocol/task-statuses.ts";
import { TASK_CURSOR } from "../../protocol/task-cursor.ts";
import { TASK_PAGE_MAX, TASK_PAGE_USUAL, TASK_REQUESTS } from "../../protocol/tasks.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import { askedReplies } from "../calls/asked-replies.ts";
import { Places } from "../calls/places.ts";
import { json } from "./answers.ts";
import { EVENT_STREAM_HEADERS, eventStream } from "./event-stream.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

/** At once, of one person or one key: as many as of one session. */
const PER_ASKER_MAX = 16;
const DEVICES_MAX = 256;
/** What is kept of one answer until it is whole; as events it may be more. */
const GATHERED_MAX_CHARACTERS = 8 * RELAY_MESSAGE_MAX_BYTES;

const timeoutMs = z.coerce.number().int().min(1).max(QUERY_WAIT_MAX_MS).optional();
const tasksAsked = z
  .strictObject({
    status: z.enum(TASK_STATUSES).optional(),
    q: TASK_REQUESTS.search.shape.q.optional(),
    limit: z.coerce.number().int().min(1).max(TASK_PAGE_MAX).default(TASK_PAGE_USUAL),
    cursor: z.string().regex(TASK_CURSOR).optional(),
    timeout_ms: timeoutMs,
  })
  // What is found by words has one page.
  .refine(({ q, cursor }) => q === undefined || cursor === undefined);
const queryAsked = z.strictObject({
  type: z.enum(QUERY_TYPES),
  name: queryName.optional(),
  params: z.record(z.string(), z.unknown()).default({}),
  /** Names or ids; all that can answer when absent. */
  devices: z.array(deviceName).min(1).max(DEVICES_MAX).optional(),
  timeout_ms: timeoutMs,
});

interface Question {
  type: QueryType;
  name?: string | undefined;
  params: object;
  devices?: readonly string[] | undefined;
  timeout_ms: number | undefined;
}

export function queryRoutes(parts: ApiParts): Route[] {
  const places = new Places(PER_ASKER_MAX, "queries of yours");
  const answer = (call: Call<"fleet.query">, question: Question): Promise<Response> =>
    answered({ ...parts, places }, call, question);
  return [
    route<"fleet.query">({
      method: "GET",
      path: "/api/aggregate/tasks",
      action: "fleet.query",
      at: "hub",
      answer(call) {
        const read = tasksAsked.safeParse(Object.fromEntries(call.url.searchParams));
        if (!read.success) throw badQuery();
        const { timeout_ms, ...params } = read.data;
        return answer(call, {
          type: params.q === undefined ? "ListTasks" : "SearchTasks",
          params,
          timeout_ms,
        });
      },
    }),
    route<"fleet.query">({
      method: "POST",
      path: "/api/query",
      action: "fleet.query",
      at: "hub",
      answer: async (call) => answer(call, { timeout_ms: undefined, ...(await call.json(queryAsked)) }),
    }),
  ];
}

async function answered(
  parts: ApiParts & { places: Places },
  call: Call<"fleet.query">,
  question: Question,
): Promise<Response> {
  const roots = rootsOf(call.actor);
  if (roots.length === 0) call.allow(undefined);
  for (const root of roots) call.allow({ kind: "owner", root });
  const query: AggregateQuery = {
    type: "aggregate_query",
    query_id: uuidV7(parts.clock.now(), parts.crypto.randomBytes(10)),
    query_type: question.type,
    ...(question.name === undefined ? {} : { query_name: question.name }),
    params: JSON.stringify(question.params),
    ...(question.devices === undefined ? {} : { devices: parts.queries.keysOf(roots, question.devices) }),
    ...(question.timeout_ms === undefined ? {} : { timeout_ms: question.timeout_ms }),
  };
  const gone = new AbortController();
  const replies = placed(
    parts.places.take(askerOf(call.actor)),
    askedReplies<QueryReply>(
      (events) => parts.queries.ask(roots, query, events),
      (reply) => reply.type === "aggregate_query_done",
      AbortSignal.any([call.request.signal, gone.signal]),
    ),
  );
  const wantsEvents = (call.request.headers.get("accept") ?? "").includes("text/event-stream");
  return wantsEvents
    ? streamed(replies, question.type, { timers: parts.timers, gone })
    : gathered(replies, question);
}

function askerOf(actor: Actor): string {
  return "userId" in actor ? `person ${actor.userId}` : `key ${"key" in actor ? actor.key : ""}`;
}

/** The place is free again when the last of it was taken, or its taker has gone. */
async function* placed(
  giveBack: () => void,
  replies: AsyncGenerator<QueryReply>,
): AsyncGenerator<QueryReply> {
  try {
    yield* replies;
  } finally {
    giveBack();
  }
}

async function gathered(replies: AsyncGenerator<QueryReply>, question: Question): Promise<Response> {
  const gathering = new FleetGathering({ ...question, mostCharacters: GATHERED_MAX_CHARACTERS });
  for await (const reply of replies) {
    if (reply.type === "aggregate_query_part") gathering.take(reply);
    else if (reply.type === "aggregate_query_done") {
      return json({ ...gathering.merged(), ...gathering.completeness(reply) });
    }
  }
  throw new MusterError("unavailable", "the query was given up");
}

/** `expected`, `part` and `done`, each with its JSON. What goes wrong before the first has a status of its own. */
async function streamed(
  replies: AsyncGenerator<QueryReply>,
  type: QueryType,
  reader: Parameters<typeof eventStream>[1],
): Promise<Response> {
  const first = await replies.next();
  async function* all(): AsyncGenerator<QueryReply> {
    try {
      if (first.done !== true) yield first.value;
      yield* replies;
    } finally {
      // Who goes at the first leaves the others too.
      await replies.return(undefined);
    }
  }
  return new Response(eventStream(queryEvents(all(), type), reader), { headers: EVENT_STREAM_HEADERS });
}

function badQuery(): MusterError {
  return new MusterError("bad_request", "the query does not fit", {
    hint: "status, q, limit (1 to 200), cursor of the page before, timeout_ms",
  });
}
