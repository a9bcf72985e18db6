// One question to many devices on its stream, and the parts of the answer as they come.
//
//   asker                         hub                                   each device that can answer
//   aggregate_query           ->
//                             <-  aggregate_query_expected
//                                 query_local {caller}              ->
//                             <-  aggregate_query_part              <-  query_part, the last with is_final
//                             <-  aggregate_query_done                  or query_failed
//                              or aggregate_query_refused, when nobody was asked
//
// What shows more than lists is signed by a controller (purpose "query"); each device checks that by its own copy of
// the owner log. `params` and `data` are JSON texts: the signature covers the bytes of `params`.
import { z } from "zod";
import { queryName } from "./capabilities.ts";
import { callId, callProblem } from "./capability-messages.ts";
import { RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";

export const QUERY_TYPES = [
  "ListTasks",
  "GetTaskStats",
  "SearchTasks",
  "SearchKnowledgebase",
  "Custom",
] as const;
export type QueryType = (typeof QUERY_TYPES)[number];

export const QUERY_WAIT_MS = 5_000;
export const QUERY_WAIT_MAX_MS = 60_000;

const key = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const signature = z.string().regex(/^[A-Za-z0-9_-]{85}[AQgw]$/);
const deviceId = z.string().min(1).max(64);
const deviceName = z.string().min(1).max(64);
const reason = z.string().max(500);
const waitMs = z.number().int().min(1).max(QUERY_WAIT_MAX_MS);

const asked = {
  query_id: callId,
  query_type: z.enum(QUERY_TYPES),
  /** Of a `Custom` one: what a plugin calls it. It is signed as the type `Custom:NAME`. */
  query_name: queryName.optional(),
  /** JSON text of an object. */
  params: z.string().min(2).max(64_000),
  /** Keys of the devices that are meant; all of the owner's when absent. */
  devices: z.array(key).max(4096).optional(),
  /** By a controller: the log it stands in, and its signature over all of the above. */
  signed: z.object({ log: key, signer: key, signature }).optional(),
};

/** Asker to hub. */
export const aggregateQuery = z.object({
  type: z.literal("aggregate_query"),
  ...asked,
  timeout_ms: waitMs.optional(),
});
export type AggregateQuery = z.infer<typeof aggregateQuery>;

/** Hub to device. */
export const queryLocal = z.object({
  type: z.literal("query_local"),
  ...asked,
  /** So long the hub waits for the answer. Not signed: it changes no more than how thorough a device is. */
  timeout_ms: waitMs.optional(),
});
export type QueryLocal = z.infer<typeof queryLocal>;

/** Device to hub. */
export const queryAnswer = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("query_part"),
    data: z.string().max(RELAY_MESSAGE_MAX_BYTES),
    is_final: z.boolean(),
  }),
  z.object({ type: z.literal("query_failed"), reason }),
]);

/** What one device may say to one query; more comes by asking for the next page. */
export const QUERY_PART_MAX_BYTES = RELAY_MESSAGE_MAX_BYTES;

/** Hub to asker. Devices by name, ISO 8601 times, null for "never". */
export const queryReply = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("aggregate_query_expected"),
    query_id: callId,
    expected: z.array(z.object({ id: deviceId, name: deviceName })).max(4096),
  }),
  z.object({
    type: z.literal("aggregate_query_part"),
    query_id: callId,
    from_device: deviceName,
    data: z.string().max(RELAY_MESSAGE_MAX_BYTES),
    is_final: z.boolean(),
  }),
  z.object({
    type: z.literal("aggregate_query_done"),
    query_id: callId,
    answered: z.array(deviceName),
    timed_out: z.array(deviceName),
    failed: z.record(z.string(), reason),
    offline: z.record(z.string(), z.iso.datetime().nullable()),
    /** Why nobody else was asked. */
    note: z.string().max(300).optional(),
  }),
  z.object({ type: z.literal("aggregate_query_refused"), query_id: callId, error: callProblem }),
]);
export type QueryReply = z.infer<typeof queryReply>;
