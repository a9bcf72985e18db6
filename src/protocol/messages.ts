// The whole conversation between a hub and what connects to it, in one file.
//
//   version 1 (0.1.0)
//
//   either end of                hub                                   device, CLI or browser
//   a fresh connection   hello {hub_key, nonce}        ->
//                                                      <-  register {public_key, nonce, session, …, signature}
//                        registered {…, signature}     ->              (acts on nothing before it checked this)
//   then, in any order   log_entries, share_published, ->
//                        fleet, command, error         <-  share_publish, log_append, fleet_watch, …
//
// A message is one JSON object, `type` first by habit. It travels as one MSG of a trunk, or as one text
// message of a WebSocket. A message with an `id` asks for an answer, and the answer carries the same `id`.
// Keys, nonces, hashes and signatures are base64url without padding. What is signed is in signed.ts.
import { z } from "zod";
import { ERROR_TABLE, type ErrorCode } from "./errors.ts";
import { ownerLogEntry } from "./owner-log.ts";
import { SESSION_KINDS } from "./signed.ts";
import { deviceKind, fleetView, machineHealth, shareAccess, shareKind, shareState } from "./views.ts";

export const PROTOCOL_VERSION = 1;

/** Base64url of a value whose length in bytes its reader checks. */
const bytes = z
  .string()
  .max(1024)
  .regex(/^[A-Za-z0-9_-]*$/);
const requestId = z.string().min(1).max(64);
const shortText = z.string().max(200);
/** A code that only a newer version has reads as "internal": its text and hint still say what it was. */
const errorCode = z.enum(Object.keys(ERROR_TABLE) as [ErrorCode, ...ErrorCode[]]).catch("internal");

// ---- either way -----------------------------------------------------------------------------------

/** A refusal. With an `id` it answers that request; without, the connection usually closes after it. */
const error = z.object({
  type: z.literal("error"),
  id: requestId.optional(),
  code: errorCode,
  message: z.string().max(2000),
  hint: z.string().max(2000).optional(),
});

// ---- hub to client --------------------------------------------------------------------------------

const hello = z.object({
  type: z.literal("hello"),
  protocol: z.array(z.number().int()).min(1).max(16),
  hub_key: bytes,
  nonce: bytes,
  version: shortText,
});

const registered = z.object({
  type: z.literal("registered"),
  device_id: shortText,
  name: shortText,
  /** The device's own public host name, "" where the hub has no domain. */
  hostname: z.string().max(300),
  hub_url: z.string().max(300),
  signature: bytes,
  /** A person's page only: the bearer of its API calls, and when it ends (ISO 8601). */
  token: z.string().max(200).optional(),
  token_expires_at: z.iso.datetime().optional(),
});

const sharePublished = z.object({
  type: z.literal("share_published"),
  id: requestId,
  share_id: shortText,
  label: shortText,
  url: z.string().max(300),
});

const done = z.object({ type: z.literal("done"), id: requestId });

const deviceRenamed = z.object({
  type: z.literal("device_renamed"),
  id: requestId,
  device_id: shortText,
  /** The name that was free: the wish, or that with a number. */
  name: shortText,
});

const logEntries = z.object({
  type: z.literal("log_entries"),
  id: requestId.optional(),
  owner_root: bytes,
  entries: z.array(ownerLogEntry).max(4096),
});

const fleet = z.object({ type: z.literal("fleet"), id: requestId.optional(), fleet: fleetView });

const loginLink = z.object({
  type: z.literal("login_link"),
  id: requestId,
  /** null once an owner has signed in and no new link was asked for. */
  login_url: z.string().max(500).nullable(),
});

const audit = z.object({
  type: z.literal("audit"),
  id: requestId,
  items: z.array(
    z.object({
      id: z.string(),
      at: z.iso.datetime(),
      actor: z.string(),
      action: z.string(),
      target: z.string(),
      detail: z.record(z.string(), z.unknown()),
    }),
  ),
  cursor: z.string().nullable(),
});

/** The hub hands on what a controller signed; the device decides by its own copy of the owner log. */
const command = z.object({
  type: z.literal("command"),
  id: requestId,
  command_id: shortText,
  device_id: shortText,
  kind: shortText,
  /** The request as JSON text: its bytes are what the signature covers. */
  request: z.string().max(200_000),
  owner_root: bytes,
  signer: bytes,
  session_hash: bytes,
  number: z.number().int().nonnegative(),
  signature: bytes,
});

/** The hub asks this client to come back elsewhere or later, e.g. before it restarts. */
const reconnect = z.object({ type: z.literal("reconnect"), after_ms: z.number().int().min(0).max(600_000) });

// ---- client to hub --------------------------------------------------------------------------------

const register = z.object({
  type: z.literal("register"),
  session_kind: z.enum(SESSION_KINDS),
  protocol: z.number().int(),
  public_key: bytes,
  nonce: bytes,
  /** Stored durably before dialling; a higher one fences a lower one. 0 where sessions are not fenced. */
  session: z.number().int().nonnegative(),
  /** scheme://host:port as dialled. */
  dialled: z.string().max(300),
  binding: bytes,
  name: shortText,
  platform: shortText,
  kind: deviceKind,
  version: shortText,
  /** Where the device stands, for lists; it is shown and nothing else, so nobody signs it. */
  location: z.string().max(50).optional(),
  signature: bytes,
});

const sharePublish = z.object({
  type: z.literal("share_publish"),
  id: requestId,
  share_id: z.string().min(1).max(64),
  wish: z.string().min(1).max(64),
  kind: shareKind,
  access: shareAccess,
  description: z.string().max(200).nullable(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  /** 32 bytes; lets the hub's prober tell this agent's answer from another's. */
  proof_key: bytes,
  state: shareState,
});

const shareRemove = z.object({
  type: z.literal("share_remove"),
  id: requestId,
  share_id: z.string().min(1).max(64),
});
const shareStateChanged = z.object({
  type: z.literal("share_state"),
  share_id: z.string().min(1).max(64),
  state: shareState,
});
const deviceState = z.object({ type: z.literal("device_state"), health: machineHealth });
const logGet = z.object({
  type: z.literal("log_get"),
  id: requestId,
  owner_root: bytes,
  from: z.number().int().nonnegative(),
});
const logAppend = z.object({ type: z.literal("log_append"), id: requestId, entry: ownerLogEntry });
const fleetGet = z.object({ type: z.literal("fleet_get"), id: requestId });
/** Sends `fleet` now and again whenever something in it changed. */
const fleetWatch = z.object({ type: z.literal("fleet_watch"), id: requestId });
const loginLinkMake = z.object({
  type: z.literal("login_link_make"),
  id: requestId,
  even_if_signed_in: z.boolean(),
});
const auditGet = z.object({
  type: z.literal("audit_get"),
  id: requestId,
  limit: z.number().int().min(1).max(200),
  cursor: z.string().max(200).nullable(),
});
const deviceRename = z.object({
  type: z.literal("device_rename"),
  id: requestId,
  device_id: shortText,
  name: z.string().min(1).max(64),
});
/** By the hub's own word: the key stays with the device, and its owner's log says nothing of it. */
const deviceRevoke = z.object({ type: z.literal("device_revoke"), id: requestId, device_id: shortText });
const commandOutcome = z.object({
  type: z.literal("command_outcome"),
  id: requestId,
  /** JSON text of the result, or an error. */
  result: z.string().max(200_000).optional(),
  error: z
    .object({ code: errorCode, message: z.string().max(2000), hint: z.string().max(2000).optional() })
    .optional(),
});

export const hubToClient = z.discriminatedUnion("type", [
  hello,
  registered,
  sharePublished,
  done,
  deviceRenamed,
  logEntries,
  fleet,
  loginLink,
  audit,
  command,
  commandOutcome,
  reconnect,
  error,
]);

export const clientToHub = z.discriminatedUnion("type", [
  register,
  sharePublish,
  shareRemove,
  shareStateChanged,
  deviceState,
  logGet,
  logAppend,
  fleetGet,
  fleetWatch,
  loginLinkMake,
  auditGet,
  deviceRename,
  deviceRevoke,
  command,
  commandOutcome,
  error,
]);

export type HubToClient = z.infer<typeof hubToClient>;
export type ClientToHub = z.infer<typeof clientToHub>;
export type HubMessage<Type extends HubToClient["type"]> = Extract<HubToClient, { type: Type }>;
export type ClientMessage<Type extends ClientToHub["type"]> = Extract<ClientToHub, { type: Type }>;
