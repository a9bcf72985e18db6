// One query as events for whoever takes its answer part by part: `expected`, then a `part` of each device, or several,
// and `done` with who answered and who did not. The same words as server-sent events and as lines of JSON.
import { FleetParts, type Completeness } from "./query-gather.ts";
import type { QueryReply, QueryType } from "./query-messages.ts";

export type QueryEvent =
  | { event: "expected"; data: { expected: { id: string; name: string }[] } }
  | { event: "part"; data: { from_device: string; data: unknown; is_final: boolean } }
  | { event: "done"; data: Completeness }
  | { event: "refused"; data: Extract<QueryReply, { type: "aggregate_query_refused" }>["error"] };

/** A device whose part is of no use is told in `done`, and not before. */
export async function* queryEvents(
  replies: AsyncIterable<QueryReply>,
  type: QueryType,
): AsyncGenerator<QueryEvent> {
  const checks = new FleetParts(type);
  for await (const reply of replies) {
    switch (reply.type) {
      case "aggregate_query_expected":
        yield { event: "expected", data: { expected: reply.expected } };
        break;
      case "aggregate_query_part": {
        const part = checks.read(reply);
        if (part === undefined) break;
        const { device, data, isFinal } = part;
        yield { event: "part", data: { from_device: device, data, is_final: isFinal } };
        break;
      }
      case "aggregate_query_refused":
        yield { event: "refused", data: reply.error };
        return;
      case "aggregate_query_done":
        yield { event: "done", data: checks.completeness(reply) };
        return;
    }
  }
}
