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
//   a pairing, the maker left and the joiner right; what payloads say is in pairing-messages.ts
//   create_pairing -> mailbox                              join_pairing -> done
//   pairing_message                  <- hub ->             pairing_message
//   paired -> done                                         paired -> done
//                        paired to both, once both have said it
//   then, between the two: send -> relayed · relay <- · relay_ack ->
//
// A message is one JSON object, `type` first by habit. It travels as one MSG of a trunk, or as one text
// message of a WebSocket. A message with an `id` asks for an answer, and the answer carries the same `id`.
// Keys, nonces, hashes and signatures are base64url without padding. What is signed is in signed.ts.
import { z } from "zod";
import { CAPABILITIES_PER_DEVICE, capabilityOffer, queryName } from "./capabilities.ts";
import { ERROR_TABLE, type ErrorCode } from "./errors.ts";
import { RELAY_PAYLOAD_MAX_CHARACTERS } from "./limits.ts";
import { ownerLogEntry } from "./owner-log.ts";
import { service, serviceHealth, serviceName, SERVICES_PER_DEVICE } from "./services.ts";
import { SESSION_KINDS } from "./signed.ts";
import {
  auditPage,
  deviceKind,
  fleetView,
  machineHealth,
  shareAccess,
  shareKind,
  shareState,
} from "./views.ts";

export const PROTOCOL_VERSION = 1;

/** Base64url of a value whose length in bytes its reader checks. */
const bytes = z
  .string()
  .max(1024)
  .regex(/^[A-Za-z0-9_-]*$/);
const requestId = z.string().min(1).max(64);
/** An identity key. */
const key = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
const mailboxName = z.string().min(1).max(8);
/** What the hub carries and does not read: JSON of pairing-messages.ts. */
const pairingPayload = z.string().max(4096);
/** A sealed message in base64url. */
const sealedPayload = z
  .string()
  .max(RELAY_PAYLOAD_MAX_CHARACTERS)
  .regex(/^[A-Za-z0-9_-]+$/);
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

/** From one side of a mailbox to the other. The hub says the last one again to a side that comes back. */
const pairingMessage = z.object({
  type: z.literal("pairing_message"),
  mailbox: mailboxName,
  payload: pairingPayload,
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
  /** A page that a device's own agent serves: that device takes the page's orders, as its person's. */
  served_by: z.object({ device_id: shortText, public_key: bytes, name: shortText }).optional(),
  /** A device only: where each log of its owners ends here, so that one whose copy ends there asks for nothing. */
  owner_heads: z
    .array(z.object({ owner_root: bytes, number: z.number().int().nonnegative(), hash: bytes }))
    .max(64)
    .optional(),
});

const sharePublished = z.object({
  type: z.literal("share_published"),
  id: requestId,
  share_id: shortText,
  label: shortText,
  url: z.string().max(300),
  /** The one that was asked for; a hub that does not know of links says nothing. */
  link: z.literal("named").optional(),
});

const done = z.object({ type: z.literal("done"), id: requestId });

const serviceRegistered = z.object({
  type: z.literal("service_registered"),
  id: requestId,
  device_id: shortText,
  services: z.array(service),
});

const deviceRenamed = z.object({
  type: z.literal("device_renamed"),
  id: requestId,
  device_id: shortText,
  /** The name that was free: the wish, or that with a number. */
  name: shortText,
});

/** To the device itself: somebody gave it another name. */
const deviceNamed = z.object({
  type: z.literal("device_named"),
  name: shortText,
  /** Its own public host name; "" where the hub has no domain. */
  hostname: z.string().max(300),
});

/** As the hub has it: whoever acts on it compares the words first. */
const deviceKey = z.object({
  type: z.literal("device_key"),
  id: requestId,
  device_id: shortText,
  public_key: bytes,
  link_key: bytes,
});

/** Of the device's named link, to the device itself; it says `tunnel_taken` once they are on its disk. */
const tunnelCredentials = z.object({
  type: z.literal("tunnel_credentials"),
  account_tag: shortText,
  tunnel_id: shortText,
  hostname: z.string().max(300),
  tunnel_secret: z.string().max(200),
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
  ...auditPage.shape,
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

const mailbox = z.object({
  type: z.literal("mailbox"),
  id: requestId,
  /** Two letters, or three while many strangers pair. */
  mailbox: mailboxName,
  expires_at: z.iso.datetime(),
  /** "owner": only devices of the same owner reach it, because it was asked for or strangers' room is full. */
  reach: z.enum(["anyone", "owner"]),
});

/** Both sides have reported their pin: from now on the hub relays between them. Said again at each start. */
const pairedNow = z.object({ type: z.literal("paired"), peer: key });
/** The hub relays nothing between this key and that one. It makes nobody forget a pin. */
const notPaired = z.object({ type: z.literal("not_paired"), peer: key });

/** `from` is the proven key of whoever sent it. */
const relay = z.object({
  type: z.literal("relay"),
  relay_id: z.number().int().positive(),
  from: key,
  payload: sealedPayload,
});

/** The hub has it. `held`: it had it already, and it still waits there. */
const relayed = z.object({ type: z.literal("relayed"), id: requestId, held: z.boolean() });

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
  /** Asks for this link; absent: the hub's own. */
  link: z.literal("named").optional(),
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
/** All services of the device: what is not named any more is gone. */
const serviceRegister = z.object({
  type: z.literal("service_register"),
  id: requestId,
  services: z.array(service).max(SERVICES_PER_DEVICE),
});
const serviceState = z.object({
  type: z.literal("service_state"),
  name: serviceName,
  ...serviceHealth.shape,
});
/** All that the device offers now, at registration and on every change. `queries`: the custom ones it answers. */
const capabilitiesUpdate = z.object({
  type: z.literal("capabilities_update"),
  id: requestId,
  capabilities: z.array(capabilityOffer).max(CAPABILITIES_PER_DEVICE),
  queries: z.array(queryName).max(CAPABILITIES_PER_DEVICE),
});
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
const deviceKeyGet = z.object({ type: z.literal("device_key_get"), id: requestId, device_id: shortText });
const deviceRotate = z.object({ type: z.literal("device_rotate"), id: requestId, device_id: shortText });
/** A device whose own configuration takes a named link has none yet; `tunnel_credentials` follow. */
const tunnelWant = z.object({ type: z.literal("tunnel_want"), id: requestId });
/** It no longer takes the link that it had. */
const tunnelDrop = z.object({ type: z.literal("tunnel_drop"), id: requestId });
const tunnelTaken = z.object({ type: z.literal("tunnel_taken") });
/** By the hub's own word: the key stays with the device, and its owner's log says nothing of it. */
const deviceRevoke = z.object({ type: z.literal("device_revoke"), id: requestId, device_id: shortText });
/** Asks for a name under which another device finds this one for five minutes. Answered by `mailbox`. */
const createPairing = z.object({
  type: z.literal("create_pairing"),
  id: requestId,
  /** Who may join: anyone with the code, or only devices of the same owner, whom no stranger can disturb. */
  reach: z.enum(["anyone", "owner"]),
});
/** Whatever is wrong with the name, the refusal is one and the same. */
const joinPairing = z.object({ type: z.literal("join_pairing"), id: requestId, mailbox: mailboxName });
/** The maker gives its code up. */
const endPairing = z.object({ type: z.literal("end_pairing"), mailbox: mailboxName });
/** This side has stored its pin of that key. May be said again. */
const paired = z.object({ type: z.literal("paired"), id: requestId, peer: key });
/** Nothing more is to be relayed between the two; what waits is dropped. */
const unpair = z.object({ type: z.literal("unpair"), id: requestId, peer: key });
const send = z.object({
  type: z.literal("send"),
  id: requestId,
  to: key,
  /** The sender's own name for it: sent again under the same name, it is kept once. */
  message: z.string().min(1).max(64),
  payload: sealedPayload,
});
/** This one and all before it, of this session, need not be relayed again. */
const relayAck = z.object({ type: z.literal("relay_ack"), relay_id: z.number().int().positive() });
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
  serviceRegistered,
  deviceRenamed,
  deviceNamed,
  deviceKey,
  tunnelCredentials,
  logEntries,
  fleet,
  loginLink,
  audit,
  command,
  commandOutcome,
  mailbox,
  pairingMessage,
  pairedNow,
  notPaired,
  relay,
  relayed,
  reconnect,
  error,
]);

export const clientToHub = z.discriminatedUnion("type", [
  register,
  sharePublish,
  shareRemove,
  shareStateChanged,
  deviceState,
  serviceRegister,
  serviceState,
  capabilitiesUpdate,
  logGet,
  logAppend,
  fleetGet,
  fleetWatch,
  loginLinkMake,
  auditGet,
  deviceRename,
  deviceRevoke,
  deviceKeyGet,
  deviceRotate,
  tunnelWant,
  tunnelDrop,
  tunnelTaken,
  command,
  commandOutcome,
  createPairing,
  joinPairing,
  endPairing,
  pairingMessage,
  paired,
  unpair,
  send,
  relayAck,
  error,
]);

export type HubToClient = z.infer<typeof hubToClient>;
export type ClientToHub = z.infer<typeof clientToHub>;
export type HubMessage<Type extends HubToClient["type"]> = Extract<HubToClient, { type: Type }>;
export type ClientMessage<Type extends ClientToHub["type"]> = Extract<ClientToHub, { type: Type }>;
