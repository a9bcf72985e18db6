// A query of this home to the devices of its owner, signed with its key where that is a controller's: unsigned ones get
// what each device lets the hub itself see.
import { signQuery } from "../../identity/query-request.ts";
import { uuidV7 } from "../../protocol/uuid.ts";
import {
  queryReply,
  type AggregateQuery,
  type QueryReply,
  type QueryType,
} from "../../protocol/query-messages.ts";
import { repliesTo } from "./replies.ts";
import type { AskerParts } from "./ask-capability.ts";

export interface FleetQuestion {
  type: QueryType;
  /** Of a `Custom` one. */
  name?: string | undefined;
  /** JSON text of an object. */
  params: string;
  /** Keys of the devices that are meant, base64url; all when absent. */
  devices?: readonly string[] | undefined;
  timeoutMs?: number | undefined;
  /** This home's key may command. */
  signed: boolean;
}

/** Who is expected, each part as it comes, and who answered. Leaving the loop, or aborting `left`, takes it back. */
export async function* askFleet(
  parts: AskerParts,
  question: FleetQuestion,
  left: AbortSignal,
): AsyncGenerator<QueryReply> {
  const { clock, random, crypto, signer, ownerRoot, hub } = parts;
  const { type, name, params, devices, timeoutMs, signed } = question;
  const queryId = uuidV7(clock.now(), random.bytes(10));
  const wish = { log: ownerRoot, queryId, type, name, params, devices };
  const request: AggregateQuery = {
    type: "aggregate_query",
    query_id: queryId,
    query_type: type,
    ...(name === undefined ? {} : { query_name: name }),
    params,
    ...(devices === undefined ? {} : { devices: [...devices] }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
    ...(signed ? { signed: await signQuery(wish, crypto, signer) } : {}),
  };
  yield* repliesTo(
    hub,
    {
      kind: "query",
      request,
      reply: queryReply,
      answers: (reply) => reply.query_id === queryId,
      isLast: ({ type: said }) => said === "aggregate_query_done" || said === "aggregate_query_refused",
    },
    left,
  );
}
