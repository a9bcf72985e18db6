// How a device comes in without a setup token: the login by a code that a person approves (RFC 8628), and the
// registration codes of set-ups. Both join by the hub's word alone, so the device takes no command until a
// controller has compared the words. Keys and signatures are base64url.
import { z } from "zod";
import { deviceKind } from "./views.ts";

const key = z.string().max(64);
const code = z.string().min(8).max(100);
const name = z.string().min(1).max(64);
const label = z.string().min(1).max(64);

/** `POST /api/device/code`: what the joining device says of itself, signed as a `claim` of invite 0 whose log id is SHA-256 of the code. */
export const deviceCodeRequest = z.object({
  public_key: key,
  link_key: key,
  name,
  kind: deviceKind,
  platform: label,
  version: label,
});

export const deviceCodeResponse = z.object({
  device_code: code,
  /** For the person: four and four letters. */
  user_code: z.string().max(20),
  verification_uri: z.string().max(300),
  /** Fills in the code, and asks all the same. */
  verification_uri_complete: z.string().max(400),
  /** Seconds. */
  expires_in: z.number().int().positive(),
  interval: z.number().int().positive(),
});

/** `POST /api/device/token` */
export const deviceTokenRequest = z.object({ device_code: code, signature: z.string().max(100) });
export const deviceTokenResponse = z.object({
  device_id: z.string().max(64),
  name: z.string().max(64),
  hostname: z.string().max(300),
  owners: z.array(z.string().max(64)).min(1).max(16),
  owner_root: z.string().max(64),
  confirmed: z.boolean(),
});
/** The refusals of RFC 8628, 3.5; each comes with status 400. */
export const DEVICE_TOKEN_ERRORS = [
  "authorization_pending",
  "slow_down",
  "access_denied",
  "expired_token",
] as const;
export const deviceTokenRefusal = z.object({
  error: z.enum(DEVICE_TOKEN_ERRORS),
  error_description: z.string().max(300),
  /** With slow_down: seconds to wait from now on. */
  interval: z.number().int().positive().optional(),
});

/** `POST /api/device/lookup`: who asks under a code. */
export const deviceLookupRequest = z.object({ user_code: z.string().min(1).max(40) });
export const deviceLookupResponse = z.object({
  name: z.string(),
  kind: deviceKind,
  platform: z.string(),
  version: z.string(),
  /** Address that it asks from. */
  source: z.string(),
  device_id: z.string(),
  words: z.array(z.string()),
  expires_at: z.iso.datetime(),
  /** This page may let it in at once, once the words were compared: the hub's own home signs for it. */
  can_confirm: z.boolean(),
});

/** `POST /api/device/decide` */
export const deviceDecideRequest = z.object({
  user_code: z.string().min(1).max(40),
  decision: z.enum(["approve", "deny"]),
  /** A person read the same words at the device. */
  words_compared: z.boolean().optional(),
});
export const deviceDecideResponse = z.object({
  decision: z.enum(["approve", "deny"]),
  name: z.string(),
  confirmed: z.boolean(),
});

export const DEVICE_TYPES = {
  mac_arm64: "darwin-arm64",
  mac_x86_64: "darwin-x86_64",
  linux_x86_64: "linux-x86_64",
  linux_arm64: "linux-arm64",
  linux_armv7: "linux-armv7",
  windows_x86_64: "windows-x86_64",
} as const;

/** `POST /api/device/setup` */
export const deviceSetupRequest = z.object({
  device_type: z.string().max(64),
  name: z.string().min(1).max(64).optional(),
  link: z.enum(["hub", "named"]).optional(),
  /** Public half of a setup token's key: then there is no code, and the token joins. */
  claim_key: key.optional(),
  expires_in: z
    .number()
    .int()
    .min(60)
    .max(7 * 86_400)
    .optional(),
});
export const deviceSetupResponse = z.object({
  setup_id: z.string(),
  hostname: z.string(),
  tunnel_id: z.string().nullable(),
  /** Shown once. Null with a claim key. */
  registration_code: z.string().nullable(),
  expires_at: z.iso.datetime(),
  setup_script: z.string(),
});

/** `POST /api/device/register` with a set-up's code. */
export const codeRegisterRequest = deviceCodeRequest.extend({ code, signature: z.string().max(100) });

export const REGISTRATION_CODE = /^mrc1_[A-Za-z0-9_-]{43}$/;

export type JoiningDevice = z.infer<typeof deviceCodeRequest>;
export type DeviceCodeResponse = z.infer<typeof deviceCodeResponse>;
export type DeviceTokenResponse = z.infer<typeof deviceTokenResponse>;
export type DeviceLookupResponse = z.infer<typeof deviceLookupResponse>;
export type DeviceSetupResponse = z.infer<typeof deviceSetupResponse>;
export type DeviceSetupRequest = z.infer<typeof deviceSetupRequest>;
export type CodeRegisterRequest = z.infer<typeof codeRegisterRequest>;
