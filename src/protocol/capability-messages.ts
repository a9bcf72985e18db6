// One capability request on its stream, and what comes back.
//
//   asker                         hub                                   device
//   capability_request        ->  capability_request {caller}       ->
//                             <-  capability_part                   <-  any number
//                             <-  capability_response               <-  the last, with payload or error
//
// A device that says `capability_refused` has not begun: the hub asks the next one. Once a part or a response has
// come, nothing is asked again. Dropping the stream cancels.
//
// The request is signed by the asking device (purpose "request"), so a device does nothing at the hub's mere word, unless
// its own configuration lets the hub ask: then neither `signature` nor `caller` is there.
// `payload` and `data` are JSON texts: the signature covers the payload's bytes.
import { z } from "zod";
import { capabilityAsked, modelName } from "./capabilities.ts";
import { ERROR_TABLE, type ErrorCode } from "./errors.ts";
import { CAPABILITY_REQUEST_MAX_BYTES, RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";

/** A UUID of version 7 (RFC 9562): its time lets a device drop what is old without remembering it for ever. */
export const callId = z.uuidv7();

const UPSTREAM_WORD_MAX_CHARACTERS = 64;
/** Nobody waits longer for one answer. */
const RETRY_AFTER_MAX_S = 3600;

const key = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const signature = z.string().regex(/^[A-Za-z0-9_-]{85}[AQgw]$/);
export const deviceName = z.string().min(1).max(64);
const jsonText = z.string().max(RELAY_MESSAGE_MAX_BYTES);
const upstreamWord = z
  .string()
  .min(1)
  .max(UPSTREAM_WORD_MAX_CHARACTERS)
  .regex(/^[\x20-\x7e]+$/)
  .optional()
  .catch(undefined);
/** What a server behind the device adds; whatever does not fit is left out. */
export const upstreamSaid = z.object({
  type: upstreamWord,
  code: upstreamWord,
  param: upstreamWord,
  retry_after_s: z.number().int().min(1).max(RETRY_AFTER_MAX_S).optional().catch(undefined),
});
/** What went wrong, as it travels. */
export const callProblem = z.object({
  code: z.enum(Object.keys(ERROR_TABLE) as [ErrorCode, ...ErrorCode[]]).catch("internal"),
  message: z.string().max(2000),
  hint: z.string().max(2000).optional(),
  upstream: upstreamSaid.optional().catch(undefined),
});
export type CallProblem = z.infer<typeof callProblem>;

/** A request on its line, with its JSON escapes and what stands around it. */
export const REQUEST_LINE_MAX_BYTES = 2 * CAPABILITY_REQUEST_MAX_BYTES;

/** How long one waits for the first part, between two parts, and in all. */
export const CAPABILITY_WAITS = { firstMs: 30_000, betweenMs: 120_000, allMs: 600_000 } as const;

const asked = {
  type: z.literal("capability_request"),
  request_id: callId,
  capability: capabilityAsked,
  payload: z.string().max(CAPABILITY_REQUEST_MAX_BYTES),
  /** The owner log in which the asker stands. */
  log: key,
};

/** Asker to hub. */
export const capabilityRequest = z.object({
  ...asked,
  signature,
  /** The key that signed, where it is not the session's own: a program's, which it has shown to an agent. */
  by: key.optional(),
  /** A name or an id, or its beginning: this one alone, or nobody. Where a request goes is the hub's word and not signed. */
  only_device: deviceName.optional(),
  /** A name or an id: the first that is asked. */
  prefer_device: deviceName.optional(),
  /** Only devices that offer it with this model. */
  model: modelName.optional(),
  /** In all. */
  timeout_ms: z.number().int().min(1).max(CAPABILITY_WAITS.allMs).optional(),
});
export type CapabilityRequest = z.infer<typeof capabilityRequest>;

const signedCall = z.object({ ...asked, signature, caller: key });
const hubCall = z.object({ ...asked, signature: z.undefined().optional(), caller: z.undefined().optional() });
export type SignedCapabilityCall = z.infer<typeof signedCall>;

/** Hub to device: `caller` is the key that the hub proved, or says it did. Without a signature the hub asks by itself. */
export const capabilityCall = z.union([signedCall, hubCall]);
export type CapabilityCall = z.infer<typeof capabilityCall>;

const refused = z.object({ type: z.literal("capability_refused"), error: callProblem });
const fromDevice = { request_id: callId, from_device: deviceName.optional() };
const part = z.object({ type: z.literal("capability_part"), ...fromDevice, data: jsonText });
const response = z.object({
  type: z.literal("capability_response"),
  ...fromDevice,
  payload: jsonText.optional(),
  error: callProblem.optional(),
});

/** Device to hub. */
export const capabilityAnswer = z.discriminatedUnion("type", [refused, part, response]);
export type CapabilityAnswer = z.infer<typeof capabilityAnswer>;

/** Hub to asker: `from_device` is the name of who served. An error from the hub itself has none. */
export const capabilityReply = z.discriminatedUnion("type", [part, response]);
export type CapabilityReply = z.infer<typeof capabilityReply>;
