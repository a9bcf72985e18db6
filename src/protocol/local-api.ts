// The agent's local API: what the CLI (and nothing else) says to the agent of its home.
//
// Every call is `POST /api/<name>` with a JSON body and `Authorization: Bearer <token file>`, answered by
// JSON, or by `{error: {code, message, hint?}}` with the status of the error table. `GET /health` alone
// needs no token. One row per call: adding a call is adding a row.
import { z } from "zod";
import { serviceName } from "./services.ts";
import { OWNER_LOG_MAX_ENTRIES, RELAY_MESSAGE_MAX_BYTES } from "./limits.ts";
import { COMMAND_REQUESTS, controllerMessage, errorBody } from "./command-messages.ts";
import { CAPABILITY_WAITS } from "./capability-messages.ts";
import {
  CAPABILITIES_PER_DEVICE,
  capabilityProtocol,
  capabilityVersion,
  modelName,
  queryName,
} from "./capabilities.ts";
import { QUERY_TYPES, QUERY_WAIT_MAX_MS } from "./query-messages.ts";
import { GRANT_SCOPES, grantName, SCOPES } from "./owner-log.ts";
import { fleetCompleteness, TASK_ANSWERS, TASK_REQUESTS } from "./tasks.ts";
import { deviceKind, auditPage, deviceView, fleetView, shareAccess, shareView } from "./views.ts";

const reference = z.string().min(1).max(200);
const ofDevice = { device: reference.optional() };
/** Told by the first frame of an order's stream. */
const orderId = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);

const addShare = z.object({
  /** Exactly one of `path` (absolute) and `port`; `port` with `run` and `path` is an app with its command. */
  path: z.string().max(4096).optional(),
  port: z.number().int().min(1).max(65535).optional(),
  run: z.string().max(4096).optional(),
  name: z.string().max(64).optional(),
  description: z.string().max(200).optional(),
  access: shareAccess,
  /** Chosen by the person; absent with access "password" means: make one. */
  password: z.string().max(1024).optional(),
  expires_in_ms: z.number().int().min(60_000).optional(),
  spa: z.boolean().optional(),
  rewrite_host: z.boolean().optional(),
  insecure: z.boolean().optional(),
  allow_origins: z.array(z.string().max(300)).max(20).optional(),
  /** What carries it; the hub where absent. */
  link: z.enum(["hub", "named"]).optional(),
});

const sharesAndFleet = z.object({
  hub: z.object({
    url: z.string(),
    id: z.string(),
    /** Of this agent's trunk: proven by a ping at most 5 s old. */
    state: z.enum(["connected", "connecting", "refused"]),
    since: z.iso.datetime().nullable(),
    reason: z.string().nullable(),
    /** An owner's controller key lives in this hub's home. */
    owner_key_on_hub: z.boolean(),
  }),
  device: z.object({ id: z.string(), name: z.string() }),
  shares: z.array(shareView),
  /** What the hub last told of the whole fleet; its devices are empty while the hub is out of reach. */
  fleet: fleetView.nullable(),
  notices: z.array(z.string()),
});

const ownersShown = z.object({
  log: z.string(),
  /** Hash of its last entry. */
  head: z.string(),
  entries: z.number(),
  /** Written words can take it back. */
  recovery: z.boolean(),
  items: z.array(
    z.object({
      device_id: z.string(),
      name: z.string(),
      kind: deviceKind,
      role: z.enum(["controller", "member"]),
      scopes: z.array(z.enum(SCOPES)),
      until: z.iso.datetime().nullable(),
      self: z.boolean(),
      /** Its place in the log. */
      entry: z.number(),
    }),
  ),
  /** Other owners of devices of this one. `owner` is the id of their log. */
  co_owners: z
    .array(
      z.object({
        device_id: z.string(),
        device: z.string(),
        name: z.string(),
        owner: z.string(),
        entry: z.number(),
      }),
    )
    .optional(),
  /** Devices of others, which this owner commands too. */
  shared_with_me: z
    .array(z.object({ device_id: z.string(), device: z.string(), owner: z.string(), entry: z.number() }))
    .optional(),
});
const peerView = z.object({
  id: z.string(),
  /** What it is called here. */
  name: z.string(),
  /** What it calls itself. */
  nickname: z.string(),
  kind: deviceKind,
  /** Five words to compare. */
  safety: z.string(),
  trust: z.enum(["paired", "compared"]),
  state: z.enum(["pinned", "paired", "unrelayed"]),
  since: z.iso.datetime(),
});
const petname = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u);
const keyView = z.object({
  id: z.string(),
  name: z.string(),
  holder: z.enum(["device", "program"]),
  scopes: z.array(z.enum(GRANT_SCOPES)),
  /** Protocols; null is all. */
  capabilities: z.array(z.string()).nullable(),
  /** Names of the devices where it holds; null is all. */
  devices: z.array(z.string()).nullable(),
  expires_at: z.iso.datetime().nullable(),
  expired: z.boolean(),
});
const keyAnswer = z.object({ key: keyView });
const grantedProtocols = z.array(capabilityProtocol).min(1).max(CAPABILITIES_PER_DEVICE);
const ticketMs = z
  .number()
  .int()
  .min(60_000)
  .max(30 * 86_400_000);

const grantMs = z
  .number()
  .int()
  .min(60_000)
  .max(366 * 86_400_000)
  .optional();
const mailbox = z.string().min(1).max(8);
const peerAnswer = z.object({ peer: peerView });
/** A file that is too large for a message, on its way to a paired device. */
const fileSendView = z.object({
  id: z.string(),
  /** What the device is called here; its id when it is paired no more. */
  to: z.string(),
  name: z.string(),
  size: z.number(),
  /** That have gone. */
  bytes: z.number(),
  state: z.enum(["queued", "sending", "delivered", "failed", "cancelled"]),
  sha256: z.string().optional(),
  /** What ended it. */
  problem: errorBody.optional(),
  /** Why it does not go now. */
  waits: z.string().optional(),
});
/** One that comes. `waiting`: for its sender to go on. */
const fileArriving = z.object({
  id: z.string(),
  from: z.string(),
  at: z.iso.datetime(),
  name: z.string(),
  size: z.number(),
  bytes: z.number(),
  state: z.enum(["arriving", "waiting"]),
});

export const LOCAL_API = {
  status: { request: z.object({}), response: sharesAndFleet },
  add: {
    request: addShare,
    response: z.object({
      share: shareView,
      /** Shown once; only its verifier is kept. */
      password: z.string().optional(),
      warnings: z.array(z.string()),
    }),
  },
  remove: {
    request: z.object({ share: reference }),
    response: z.object({ id: z.string(), name: z.string() }),
  },
  start_app: { request: z.object({ share: reference }), response: z.object({ share: shareView }) },
  stop_app: { request: z.object({ share: reference }), response: z.object({ share: shareView }) },
  /** Streams: each line of the answer's body is the log's own text. `follow` keeps it open. */
  logs: {
    request: z.object({ share: reference, lines: z.number().int().min(0).max(100_000), follow: z.boolean() }),
    response: z.never(),
  },
  device_token: {
    request: z.object({
      expires_in_ms: z
        .number()
        .int()
        .min(60_000)
        .max(7 * 86_400_000),
      name: z.string().max(64).optional(),
    }),
    response: z.object({
      token: z.string(),
      expires_at: z.iso.datetime(),
      install: z.string(),
      /** The hub has no address that another machine could use. */
      only_here: z.boolean().optional(),
    }),
  },
  /** By name, id, or the beginning of an id; so in all calls about one device. */
  device_show: {
    request: z.object({ device: reference }),
    response: z.object({
      device: deviceView,
      shares: z.array(shareView),
      /** It is the device that was asked. */
      self: z.boolean(),
      /** By this device's own copy of the owner log, not by the hub's word. */
      role: z.enum(["controller", "member", "none"]),
      in_log: z.boolean(),
      /** Of the keys that it would be let in with; null where the log names it already. */
      words: z.array(z.string()).nullable(),
    }),
  },
  /** Who joined with a setup token, by the number of its invite in the owner log; null while nobody has. */
  device_invited: {
    request: z.object({
      invite: z
        .number()
        .int()
        .min(1)
        .max(OWNER_LOG_MAX_ENTRIES - 1),
    }),
    response: z.object({ device_id: z.string().nullable() }),
  },
  device_rename: {
    request: z.object({ device: reference, name: z.string().min(1).max(64) }),
    response: z.object({ device_id: z.string(), from: z.string(), name: z.string() }),
  },
  /** Writes it into the owner log as a member. `words` are those that were compared, and must still hold. */
  device_approve: {
    request: z.object({ device: reference, words: z.array(z.string().max(40)).length(5) }),
    response: z.object({ device_id: z.string(), name: z.string() }),
  },
  device_rotate: {
    request: z.object({ device: reference }),
    response: z.object({ device_id: z.string(), name: z.string() }),
  },
  /** `by`: the owner log, after which its key never comes back, or only the hub. */
  device_remove: {
    request: z.object({ device: reference }),
    response: z.object({ device_id: z.string(), name: z.string(), by: z.enum(["owner_log", "hub"]) }),
  },
  /** This device leaves its owner; its key is wiped when the answer comes. */
  leave: { request: z.object({}), response: z.object({ device_id: z.string(), name: z.string() }) },
  /** `reach` "owner": only devices of the same owner can join, and no stranger can spend the code. */
  pair_make: {
    request: z.object({
      name: petname.optional(),
      verified: z.boolean(),
      reach: z.enum(["anyone", "owner"]),
    }),
    response: z.object({
      mailbox,
      code: z.string(),
      link: z.string(),
      expires_at: z.iso.datetime(),
    }),
  },
  /** `peer` null: not yet; ask again. */
  pair_wait: { request: z.object({ mailbox }), response: z.object({ peer: peerView.nullable() }) },
  pair_cancel: { request: z.object({ mailbox }), response: z.object({}) },
  pair_join: {
    request: z.object({ code: z.string().max(512), name: petname.optional(), verified: z.boolean() }),
    response: peerAnswer,
  },
  /** `leaving`: those that are not told yet that their pairing is over. */
  peers: {
    request: z.object({}),
    response: z.object({ peers: z.array(peerView), leaving: z.number().optional() }),
  },
  peer_unpair: { request: z.object({ device: reference }), response: peerAnswer },
  peer_name: {
    /** Without a name: after what it calls itself. */
    request: z.object({ device: reference, name: petname.optional() }),
    response: z.object({ peer: peerView, from: z.string() }),
  },
  peer_verify: { request: z.object({ device: reference }), response: peerAnswer },
  /** `text`, or the absolute path of a `file`. */
  send: {
    request: z.object({
      device: reference,
      text: z.string().max(RELAY_MESSAGE_MAX_BYTES).optional(),
      file: z.string().max(4096).optional(),
    }),
    response: z.object({
      id: z.string(),
      to: z.string(),
      state: z.enum(["queued", "relayed", "delivered", "dropped"]),
      /** It is too large for a message: see how far it is by `file_send`. */
      file: fileSendView.optional(),
    }),
  },
  /** By the id that `send` gave, or the beginning of one. */
  file_send: { request: z.object({ id: reference }), response: fileSendView },
  /** What waits, and what has ended lately. */
  file_sends: { request: z.object({}), response: z.object({ items: z.array(fileSendView) }) },
  file_cancel: { request: z.object({ id: reference }), response: fileSendView },
  /** Turns away one that is on its way here; its sender is told. */
  file_refuse: {
    request: z.object({ id: reference }),
    response: z.object({ id: z.string(), name: z.string() }),
  },
  /** In order, after a position. `wait`: up to five seconds, where there is nothing yet. */
  inbox: {
    request: z.object({ after: z.number().int().nonnegative(), unread: z.boolean(), wait: z.boolean() }),
    response: z.object({
      items: z.array(
        z.object({
          position: z.number(),
          id: z.string(),
          from: z.string(),
          at: z.iso.datetime(),
          text: z.string().optional(),
          file: z
            .object({ name: z.string(), size: z.number(), sha256: z.string(), path: z.string() })
            .optional(),
        }),
      ),
      /** Large files that are on their way here. */
      arriving: z.array(fileArriving),
    }),
  },
  inbox_read: { request: z.object({ up_to: z.number().int().nonnegative() }), response: z.object({}) },
  /** The page of this device's own agent: a link for one browser, and a file that leads there. */
  open_page: {
    request: z.object({}),
    response: z.object({ url: z.string(), file: z.string(), expires_at: z.iso.datetime() }),
  },
  login_link: {
    request: z.object({ even_if_signed_in: z.boolean() }),
    response: z.object({ login_url: z.string().nullable() }),
  },
  audit: {
    request: z.object({ limit: z.number().int().min(1).max(200), cursor: z.string().nullable() }),
    response: auditPage,
  },
  /** Who may command the owner's devices, by this home's own copy of the log. */
  owners: { request: z.object({}), response: ownersShown },
  /** A token with which one other owner takes one device. It is shown once. */
  device_share: {
    request: z.object({
      device: reference,
      expires_in_ms: z
        .number()
        .int()
        .min(60_000)
        .max(7 * 86_400_000),
    }),
    response: z.object({
      device_id: z.string(),
      name: z.string(),
      token: z.string(),
      /** The line that claims it. */
      claim: z.string(),
      expires_at: z.iso.datetime(),
      only_here: z.boolean().optional(),
    }),
  },
  /** Ends that; `owner` in the answer is null where this owner has let another's device go. */
  device_unshare: {
    request: z.object({ device: reference, owner: z.string().min(1).max(200).optional() }),
    response: z.object({ device_id: z.string(), name: z.string(), owner: z.string().nullable() }),
  },
  owner_promote: {
    request: z.object({ device: reference, admin: z.boolean() }),
    response: z.object({ device_id: z.string(), name: z.string(), until: z.iso.datetime().nullable() }),
  },
  /** Another device becomes the owner's controller, and the hub's home none. */
  hub_handover: {
    request: z.object({ device: reference }),
    response: z.object({ device_id: z.string(), name: z.string() }),
  },
  /** Words that nothing keeps; those made before count no more. */
  recovery_make: { request: z.object({}), response: z.object({ words: z.array(z.string()) }) },
  /** This device becomes the only controller, in place of entry `number` and all behind it. */
  recovery_use: {
    request: z.object({
      words: z.string().max(1000),
      number: z.number().int().min(1).optional(),
    }),
    response: z.object({ number: z.number(), beaten: z.number(), words: z.array(z.string()) }),
  },
  /** Forgets this device's copy of the log for the hub's, if that still ends with this entry. */
  owners_reset: {
    request: z.object({ head: z.string().max(64).nullable() }),
    response: ownersShown.extend({ done: z.boolean() }),
  },
  /** Keys that use what devices offer and never command. */
  keys: { request: z.object({}), response: z.object({ items: z.array(keyView) }) },
  key_create: {
    request: z.object({
      name: grantName,
      scopes: z.array(z.enum(GRANT_SCOPES)).min(1).max(GRANT_SCOPES.length),
      /** Of the scope `capabilities`: all when absent. */
      capabilities: grantedProtocols.optional(),
      expires_in_ms: grantMs,
    }),
    /** `token` is shown once. */
    response: keyAnswer.extend({ token: z.string() }),
  },
  key_revoke: { request: z.object({ key: reference }), response: keyAnswer },
  /** What one device offers, to a paired device of someone else. */
  grant: {
    request: z.object({
      device: reference,
      to: reference,
      capabilities: grantedProtocols,
      expires_in_ms: grantMs,
    }),
    response: keyAnswer,
  },
  /** Streams of order frames: a program here or on a device, a shell, a port of a device on this machine. */
  run: {
    request: z.object({
      /** Here when absent. */
      device: reference.optional(),
      request: COMMAND_REQUESTS.exec,
      wait_ms: z.number().int().min(0).max(86_400_000),
      /** Where the device is away the order is kept here, and given when it is back. */
      queue: z.boolean().default(false),
    }),
    response: z.never(),
  },
  /** Tasks of this device and those that can be asked, or of one; who did not answer is named. */
  task_list: {
    request: TASK_REQUESTS.list.extend(ofDevice),
    response: TASK_ANSWERS.list.extend(fleetCompleteness),
  },
  task_search: {
    request: TASK_REQUESTS.search.extend(ofDevice),
    response: TASK_ANSWERS.search.extend(fleetCompleteness),
  },
  task_stats: {
    request: TASK_REQUESTS.stats.extend(ofDevice),
    response: TASK_ANSWERS.stats.extend(fleetCompleteness),
  },
  /** One task; without a device it is looked for. */
  task_show: { request: TASK_REQUESTS.show.extend(ofDevice), response: TASK_ANSWERS.show },
  task_logs: { request: TASK_REQUESTS.logs.extend(ofDevice), response: TASK_ANSWERS.logs },
  task_cancel: { request: TASK_REQUESTS.cancel.extend(ofDevice), response: TASK_ANSWERS.cancel },
  task_remove: { request: TASK_REQUESTS.remove.extend(ofDevice), response: TASK_ANSWERS.remove },
  shell: {
    request: z.object({ device: reference, request: COMMAND_REQUESTS.shell }),
    response: z.never(),
  },
  forward: {
    request: z.object({
      device: reference,
      service: COMMAND_REQUESTS.forward.shape.service,
      /** On this machine; 0 picks a free one. */
      port: z.number().int().min(0).max(65_535),
    }),
    response: z.never(),
  },
  /** A capability of one device, by a command in a sealed session: what it says is `capabilityLine`s. */
  capability_order: {
    request: z.object({ device: reference, request: COMMAND_REQUESTS.capability }),
    response: z.never(),
  },
  /** Opens one service of a device for a program at the hub; shown once. */
  service_ticket: {
    request: z.object({ device: reference, service: serviceName, expires_in_ms: ticketMs }),
    response: z.object({
      device: z.object({ id: z.string(), name: z.string() }),
      service: z.string(),
      url: z.string(),
      /** In a browser; null where its name is no host's. */
      page_url: z.string().nullable(),
      ticket: z.string(),
      expires_at: z.string(),
    }),
  },
  /** What an order under way is to read; answered once it was taken. */
  order_input: {
    request: z.object({ order: orderId, bytes: z.string().max(400_000) }),
    response: z.object({}),
  },
  order_tell: { request: z.object({ order: orderId, message: controllerMessage }), response: z.object({}) },
  /** Streams JSON lines: parts as they come, then one response (`capabilityReply`). Leaving it cancels. */
  capability: {
    request: z.object({
      protocol: capabilityProtocol,
      version: capabilityVersion,
      /** JSON text. */
      payload: z.string().max(RELAY_MESSAGE_MAX_BYTES),
      /** Only a device that has this model. */
      model: modelName.optional(),
      prefer_device: reference.optional(),
      timeout_ms: z.number().int().min(1).max(CAPABILITY_WAITS.allMs).optional(),
    }),
    response: z.never(),
  },
  /** Streams JSON lines: who is asked, the parts as they come, who answered (`queryReply`). Leaving it cancels. */
  query: {
    request: z.object({
      type: z.enum(QUERY_TYPES),
      /** Of a `Custom` one. */
      name: queryName.optional(),
      /** JSON text of an object. */
      params: z.string().max(64_000),
      /** All of the owner's when absent. */
      devices: z.array(reference).min(1).max(256).optional(),
      timeout_ms: z.number().int().min(1).max(QUERY_WAIT_MAX_MS).optional(),
    }),
    response: z.never(),
  },
  /** Ends the agent (and the hub in the same process) after its answer. */
  stop: { request: z.object({}), response: z.object({ pid: z.number() }) },
} as const;

export type LocalCall = keyof typeof LOCAL_API;
/** Calls whose answer is a stream of bytes. */
export const STREAM_CALLS = [
  "logs",
  "run",
  "shell",
  "capability_order",
  "forward",
  "capability",
  "query",
] as const satisfies readonly LocalCall[];
export type StreamCall = (typeof STREAM_CALLS)[number];
export type LocalRequest<Name extends LocalCall> = z.infer<(typeof LOCAL_API)[Name]["request"]>;
export type LocalResponse<Name extends LocalCall> = z.infer<(typeof LOCAL_API)[Name]["response"]>;
export type FileSendView = z.infer<typeof fileSendView>;
export type FileArriving = z.infer<typeof fileArriving>;
export type AddShare = z.infer<typeof addShare>;

/** `agent.json` in the home: where the CLI finds the agent. */
export const agentFile = z.object({
  pid: z.number().int(),
  port: z.number().int(),
  /** Loopback address of the local API; 127.0.0.1 where it is absent. */
  host: z.string().max(45).optional(),
  /** Path of the file that holds the bearer token. */
  token_file: z.string(),
});
export type AgentFile = z.infer<typeof agentFile>;

/** `hub.json` in the home: which hub this home has joined. Keys are base64url. */
export const hubFile = z.object({
  hub_url: z.string(),
  hub_id: z.string(),
  hub_key: z.string(),
  device_id: z.string(),
  name: z.string(),
  /** This device's own public host name; "" or absent where the hub has no domain. */
  hostname: z.string().max(300).optional(),
  owner_root: z.string(),
  controller: z.boolean(),
  /** This home's own process runs that hub. */
  embedded: z.boolean(),
  /** Plain HTTP off loopback was accepted with --insecure. */
  insecure: z.boolean().optional(),
  /** PEM of a certificate authority of the hub's own. */
  ca: z
    .string()
    .max(256 * 1024)
    .optional(),
  /** Of an embedded hub: its own listener, as this machine reaches it. */
  local_url: z.string().max(300).optional(),
  /** Of an embedded hub without a domain that is bound to more than loopback: where its network reaches it. */
  lan_url: z.string().max(300).optional(),
});
export type HubFile = z.infer<typeof hubFile>;

/** What `status` says of a home with `insecure`. */
export const INSECURE_NOTICE =
  "plain HTTP to and from the hub was accepted with --insecure: anyone on the way can read and change it";
