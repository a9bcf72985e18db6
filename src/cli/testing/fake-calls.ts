// What a fleet answers to capability requests and queries, as the agent passes it on.
import type { CapabilityReply } from "../../protocol/capability-messages.ts";
import type { LocalRequest } from "../../protocol/local-api.ts";
import type { QueryReply } from "../../protocol/query-messages.ts";
import { STARTED_AT } from "./fake-timers.ts";

const CALL_ID = "019ab000-0000-7000-8000-000000000001";

/** The pi answers, the liar what is no answer, the gpu is slow, the attic fails, the nas is away; nobody answers a query of a plugin. */
export function queryAnswer({ type }: LocalRequest<"query">): QueryReply[] {
  const query_id = CALL_ID;
  if (type === "Custom") {
    const error = { code: "no_device", message: 'no device answers the query "Notes"' } as const;
    return [{ type: "aggregate_query_refused", query_id, error }];
  }
  const data = JSON.stringify(
    type === "GetTaskStats"
      ? { stats: { pending: 0, running: 1, completed: 3, failed: 0, cancelled: 0 } }
      : { items: [{ id: "t1", title: "make test\u001b[31m", updated_at: before(60_000) }] },
  );
  return [
    { type: "aggregate_query_expected", query_id, expected: [{ id: "id-pi", name: "pi" }] },
    { type: "aggregate_query_part", query_id, from_device: "pi", data, is_final: true },
    { type: "aggregate_query_part", query_id, from_device: "liar", data: "{no json", is_final: true },
    {
      type: "aggregate_query_done",
      query_id,
      answered: ["pi", "liar"],
      timed_out: ["gpu"],
      failed: { attic: "its disk is gone" },
      offline: { nas: before(7_200_000), new: null },
    },
  ];
}

/** Embeddings are served, whoever asks; nothing else is offered. */
export function capabilityAnswer({
  protocol,
}: Pick<LocalRequest<"capability">, "protocol">): CapabilityReply {
  const request_id = CALL_ID;
  return protocol === "embeddings"
    ? { type: "capability_response", request_id, from_device: "gpu", payload: '{"vector":[0.5,-1]}' }
    : {
        type: "capability_response",
        request_id,
        error: {
          code: "no_device",
          message: `no device offers ${protocol} 1.0.0`,
          hint: "`muster device ls` shows what each device offers",
        },
      };
}

function before(ms: number): string {
  return new Date(STARTED_AT - ms).toISOString();
}
