// The hub's own HTTP API: who calls what, with which shapes. The authorization table has a row for each.
//
// Public calls need nothing. Calls of a person carry `Authorization: Bearer`, the short-lived token that the
// page gets over `/ws` once its key has proved itself. Errors are `{error: {code, message, hint?}}`, and
// every answer carries `Muster-Request-Id`.
import { z } from "zod";
import { ownerLogEntry } from "./owner-log.ts";
import { deviceKind } from "./views.ts";

const key = z.string().max(200);

/** `GET /api/hub`: who this hub says it is. A device pins `hub_key` by its setup token. */
export const hubFacts = z.object({
  hub_id: z.string(),
  hub_key: z.string(),
  hub_url: z.string(),
  /** Where a person opens the page, or null where this hub shows none. */
  page_url: z.string().nullable(),
  version: z.string(),
  protocol: z.array(z.number()),
  /** Whether an owner has signed in at least once. */
  claimed: z.boolean(),
  /** Kinds of link that a device may have here; hubs of before do not say. */
  links: z.array(z.string().max(20)).max(10).optional(),
});

/** `POST /api/login`: spends a login link; answers with the person's cookie. */
export const loginRequest = z.object({
  id: z.string().max(64),
  secret: z.string().max(200),
  /** The browser's own identity key and link key, 32 bytes each. */
  public_key: key,
  link_key: key,
  /** e.g. "Firefox on Linux". */
  name: z.string().max(64),
});
export const loginResponse = z.object({
  user: z.object({ id: z.string(), name: z.string() }),
  device_id: z.string(),
});

/** `GET /api/session`: who the cookie says is there, and what this hub offers to whoever is. */
export const sessionResponse = z.object({
  user: z
    .object({ id: z.string(), name: z.string(), has_password: z.boolean(), passkeys: z.number() })
    .nullable(),
  passkeys_allowed: z.boolean(),
  /** No hub serves this page, but a device's own agent. */
  served_by_agent: z.boolean().optional(),
  /** Keys that are enrolled nowhere may pair here. */
  guests_allowed: z.boolean().optional(),
});

/** `POST /api/device/log`: the owner log that a setup token pins. */
export const deviceLogRequest = z.object({ pin: z.string().max(64) });
export const deviceLogResponse = z.object({ owner_root: z.string(), entries: z.array(ownerLogEntry) });

/** `POST /api/device/register`: claims a place with the member entry that the claim key signed. */
export const deviceRegisterRequest = z.object({
  entry: ownerLogEntry,
  name: z.string().max(64),
  kind: deviceKind,
  platform: z.string().max(64),
  version: z.string().max(64),
});
export const deviceRegisterResponse = z.object({
  device_id: z.string(),
  name: z.string(),
  hostname: z.string(),
  owners: z.array(z.string()),
  /** Of a named link that was prepared for this device: here and nowhere else. */
  tunnel_credentials: z
    .object({
      account_tag: z.string().max(200),
      tunnel_id: z.string().max(200),
      hostname: z.string().max(300),
      tunnel_secret: z.string().max(200),
    })
    .optional(),
});

/**
 * `POST /api/device/claim`: a person takes a shared device. `entry` is signed by the token's claim key; `theirs` is what
 * the hub lacks of the person's own log: the entry that takes the device, behind the first one of a new log.
 */
export const deviceClaimRequest = z.object({
  entry: ownerLogEntry,
  theirs: z.array(ownerLogEntry).max(2),
});
export const deviceClaimResponse = z.object({
  /** The device that is shared. */
  device_id: z.string(),
  name: z.string(),
  /** The home whose log began with this. */
  home: z.object({ device_id: z.string(), name: z.string(), hostname: z.string() }).nullable(),
});

export type HubFacts = z.infer<typeof hubFacts>;
export type LoginRequest = z.infer<typeof loginRequest>;
export type SessionResponse = z.infer<typeof sessionResponse>;
export type DeviceClaimRequest = z.infer<typeof deviceClaimRequest>;
export type DeviceClaimResponse = z.infer<typeof deviceClaimResponse>;
export type DeviceRegisterRequest = z.infer<typeof deviceRegisterRequest>;
export type DeviceRegisterResponse = z.infer<typeof deviceRegisterResponse>;
