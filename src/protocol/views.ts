// What is shown of a fleet: the shapes behind `--json`, the page and the API. Times on the wire are ISO 8601
// in UTC, or null for "never". Field names are snake_case, and fields may be added, never changed. A list of words
// may grow too: what is shown is read so that a newer hub's word ends nothing here.
import { z } from "zod";
import { CAPABILITIES_PER_DEVICE, capabilityOffer, queryName } from "./capabilities.ts";
import { SERVICES_PER_DEVICE, serviceView } from "./services.ts";

const instant = z.iso.datetime();

export const SHARE_KINDS = ["page", "app"] as const;
export const SHARE_STATES = ["running", "stopped", "crashed", "waiting"] as const;
export const SHARE_ACCESS = ["password", "public", "login"] as const;
export const PROOF_STATES = ["live", "degraded", "dead", "unknown"] as const;
export const LINK_KINDS = ["hub", "quick", "named"] as const;
export const DEVICE_KINDS = ["laptop", "desktop", "raspberry_pi", "vps", "vm", "browser"] as const;
/** `stale`: offline for so long that somebody should say whether it still lives. */
export const DEVICE_STATUSES = ["pending", "online", "offline", "stale", "revoked"] as const;

export const shareKind = z.enum(SHARE_KINDS);
export const shareState = z.enum(SHARE_STATES);
export const shareAccess = z.enum(SHARE_ACCESS);
export const deviceKind = z.enum(DEVICE_KINDS);

/** A word that only a newer version knows reads as `otherwise`, which claims the least. */
function shown<const Words extends readonly string[]>(words: Words, otherwise: NoInfer<Words[number]>) {
  return z.enum(words).catch(otherwise);
}

/** Health is only here: what the last request through the public address showed. */
export const proofView = z.object({
  state: shown(PROOF_STATES, "unknown"),
  checked_at: instant.nullable(),
  latency_ms: z.number().nullable(),
  reason: z.string().nullable(),
});

export const linkView = z.object({
  kind: shown(LINK_KINDS, "hub"),
  url: z.string(),
  state: shown(PROOF_STATES, "unknown"),
});

export const shareView = z.object({
  id: z.string(),
  name: z.string(),
  kind: shown(SHARE_KINDS, "app"),
  state: shown(SHARE_STATES, "waiting"),
  url: z.string(),
  access: shown(SHARE_ACCESS, "login"),
  device_id: z.string(),
  device_name: z.string(),
  description: z.string().nullable(),
  created_at: instant,
  expires_at: instant.nullable(),
  proof: proofView,
  links: z.array(linkView),
  stable: z.boolean(),
});

/** How the machine itself is, as its agent last said. Sizes in bytes. */
export const machineHealth = z.object({
  uptime_s: z.number(),
  load_1m: z.number(),
  cpus: z.number(),
  memory_used: z.number(),
  memory_total: z.number(),
  disk_free: z.number(),
  disk_total: z.number(),
});

export const deviceView = z.object({
  id: z.string(),
  name: z.string(),
  kind: shown(DEVICE_KINDS, "desktop"),
  platform: z.string(),
  status: shown(DEVICE_STATUSES, "offline"),
  /** When its session began, while online; when it was last heard of otherwise. */
  since: instant.nullable(),
  last_seen: instant.nullable(),
  agent_version: z.string().nullable(),
  location: z.string().nullable(),
  hostname: z.string().nullable(),
  controller: z.boolean(),
  /** False for one that joined by the hub's word alone, until a controller has let it in; it takes no command. */
  confirmed: z.boolean().optional(),
  /** It is another owner's, who shares it. */
  shared: z.boolean().optional(),
  /**
   * Other owners of it, as the log of its own owner names them, who alone is shown them. `holds`: they have it still;
   * who let it go may take it again until its owner says otherwise.
   */
  co_owners: z
    .array(z.object({ owner: z.string(), name: z.string(), holds: z.boolean() }))
    .optional()
    .catch(undefined),
  /** Round trip of the trunk's last ping, milliseconds. */
  latency_ms: z.number().nullable(),
  health: machineHealth.nullable(),
  /** What it lets others reach and do; kept while it is away. Of another shape than is known here, it is left out. */
  services: z.array(serviceView).max(SERVICES_PER_DEVICE).optional().catch(undefined),
  capabilities: z.array(capabilityOffer).max(CAPABILITIES_PER_DEVICE).optional().catch(undefined),
  /** What its plugins answer to the whole fleet. */
  queries: z.array(queryName).max(CAPABILITIES_PER_DEVICE).optional().catch(undefined),
  /** What it offers is left out: the picture would be too large to be told. */
  abridged: z.boolean().optional().catch(undefined),
});

export const fleetView = z.object({
  hub: z.object({ url: z.string(), id: z.string(), version: z.string() }),
  devices: z.array(deviceView),
  shares: z.array(shareView),
});

/** What owners did, newest first; `cursor` leads to what came before. */
export const auditPage = z.object({
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

export type ShareKind = z.infer<typeof shareKind>;
export type ShareState = z.infer<typeof shareState>;
export type ShareAccess = z.infer<typeof shareAccess>;
export type DeviceKind = z.infer<typeof deviceKind>;
export type ProofView = z.infer<typeof proofView>;
export type ShareView = z.infer<typeof shareView>;
export type MachineHealth = z.infer<typeof machineHealth>;
export type DeviceView = z.infer<typeof deviceView>;
export type FleetView = z.infer<typeof fleetView>;
