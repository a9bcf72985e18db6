// The agent's local API: what the CLI (and nothing else) says to the agent of its home.
//
// Every call is `POST /api/<name>` with a JSON body and `Authorization: Bearer <token file>`, answered by
// JSON, or by `{error: {code, message, hint?}}` with the status of the error table. `GET /health` alone
// needs no token. One row per call: adding a call is adding a row.
import { z } from "zod";
import { OWNER_LOG_MAX_ENTRIES } from "./limits.ts";
import { auditPage, deviceView, fleetView, shareAccess, shareView } from "./views.ts";
import { ORDER_CALLS } from "./local-orders.ts";
import { OWNER_CALLS } from "./local-owners.ts";
import { PEER_CALLS } from "./local-peers.ts";
import { reference } from "./local-reference.ts";

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
  /** Ends the agent (and the hub in the same process) after its answer. */
  stop: { request: z.object({}), response: z.object({ pid: z.number() }) },
  ...PEER_CALLS,
  ...OWNER_CALLS,
  ...ORDER_CALLS,
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
  "task_query",
] as const satisfies readonly LocalCall[];
export type StreamCall = (typeof STREAM_CALLS)[number];
export type LocalRequest<Name extends LocalCall> = z.infer<(typeof LOCAL_API)[Name]["request"]>;
export type LocalResponse<Name extends LocalCall> = z.infer<(typeof LOCAL_API)[Name]["response"]>;
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
