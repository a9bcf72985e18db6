// The shapes of an owner log: one entry as it is stored and sent, and the body of each kind. What makes a list
// of entries valid is told by identity/owner-log.ts.
//
// A body is canonical JSON kept as text, since hash and signature cover its bytes. Keys, hashes and signatures
// are base64url without padding, times are milliseconds since the epoch. A body has the fields below and no
// others: what an older reader does not know it must refuse, never skip.

import { z } from "zod";
import { CAPABILITIES_PER_DEVICE, capabilityProtocol } from "./capabilities.ts";
import { OWNER_LOG_ENTRY_MAX_BYTES, OWNER_LOG_MAX_ENTRIES } from "./limits.ts";
import { deviceKind } from "./views.ts";

/** Every kind there will be. Those without a body below are refused until a version brings their rules. */
export const ENTRY_KINDS = [
  "begin",
  "controller",
  "member",
  "invite",
  "share",
  "key",
  "remove",
  "recovery",
  "recover",
  "checkpoint",
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** 32 bytes: 43 characters, the last of which carries two bits less. */
const bytes32 = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/);
/** Whether this can be the id of an owner's log, by its form. */
export function isOwnerId(text: string): boolean {
  return bytes32.safeParse(text).success;
}

const bytes64 = z.string().regex(/^[A-Za-z0-9_-]{85}[AQgw]$/);
const instant = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/**
 * The grammar of host names without the reserved ones: that list may grow, and an entry that was valid once
 * must stay so.
 */
const deviceName = z
  .string()
  .min(2)
  .max(30)
  .regex(/^[a-z0-9](?:-?[a-z0-9])*$/);
const platform = z
  .string()
  .max(32)
  .regex(/^[a-z0-9][a-z0-9_-]*$/);

/** `kind` is open here, so that a newer entry reaches the rules and is refused by name. */
export const ownerLogEntry = z.object({
  log: bytes32,
  number: z
    .number()
    .int()
    .min(0)
    .max(OWNER_LOG_MAX_ENTRIES - 1),
  previous: bytes32,
  kind: z.string().regex(/^[a-z]{1,16}$/),
  body: z.string().min(2).max(OWNER_LOG_ENTRY_MAX_BYTES),
  by: bytes32,
  signature: bytes64,
});
export type OwnerLogEntry = z.infer<typeof ownerLogEntry>;

/** `command` runs things on devices, `admin` writes the log. */
export const SCOPES = ["admin", "command"] as const;
export type Scope = (typeof SCOPES)[number];

/** `models`: llm.chat and embeddings. `read`: lists of the fleet. `share`: publish through a device. */
export const GRANT_SCOPES = ["capabilities", "models", "read", "share"] as const;
export type GrantScope = (typeof GRANT_SCOPES)[number];
export const GRANT_HOLDERS = ["device", "owner", "program"] as const;
export type GrantHolder = (typeof GRANT_HOLDERS)[number];
/** For people. */
export const grantName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u);

const device = {
  name: deviceName,
  kind: deviceKind,
  platform,
  link_key: bytes32,
};

/**
 * Makes its signer the first controller. The nonce tells two logs of one key apart. A browser, which never has the scope
 * admin, begins one only beside a recovery key: whoever wrote its words down has that scope, until a device does.
 */
const begin = z.strictObject({
  ...device,
  nonce: bytes32,
  browser: z.strictObject({ since: instant, until: instant, recovery: bytes32 }).exactOptional(),
});

const controller = z.strictObject({
  ...device,
  public_key: bytes32,
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  since: instant,
  /** When `command` ends; null is never. */
  until: instant.nullable(),
  /** A person chose this very device and saw the warning: needed for kinds that are easily lost or taken. */
  named: z.boolean(),
});

const invite = z.strictObject({
  claim_key: bytes32,
  role: z.literal("member"),
  /** The device must take one of these names, numbered where it is taken; any name when empty. */
  names: z.array(deviceName).max(16),
  expires_at: instant,
});

const member = z.strictObject({
  ...device,
  public_key: bytes32,
  ssh_host_keys: z.array(z.string().min(1).max(1024)).max(8),
  /** How it joined by an invite: `own` is its own signature (purpose "claim"). Null when a controller wrote it. */
  claim: z
    .strictObject({
      invite: z
        .number()
        .int()
        .min(1)
        .max(OWNER_LOG_MAX_ENTRIES - 1),
      hub_key: bytes32,
      own: bytes64,
    })
    .nullable(),
});

/**
 * A key that is no device of the owner: a program's, or a device of someone else's; or all keys of someone else, by the
 * id of their log in the place of a key. It never commands; it uses what its scopes name. `capabilities` narrows that
 * scope, and `devices` where it holds; null is all of them.
 */
const key = z.strictObject({
  public_key: bytes32,
  name: grantName,
  holder: z.enum(GRANT_HOLDERS),
  scopes: z.array(z.enum(GRANT_SCOPES)).min(1).max(GRANT_SCOPES.length),
  capabilities: z.array(capabilityProtocol).min(1).max(CAPABILITIES_PER_DEVICE).nullable(),
  devices: z.array(bytes32).min(1).max(64).nullable(),
  until: instant.nullable(),
});

/** The key is nobody's any more, and never comes back under this log. */
const remove = z.strictObject({ public_key: bytes32 });

/** A key that no machine keeps: it is made of words that a person wrote down. The newest one counts. */
const recovery = z.strictObject({ public_key: bytes32 });

/**
 * Signed by the recovery key: this device is the only controller, and every open invite is void. It takes the place
 * of whatever stands at its number and behind it. `recovery` is the key of new words; null where there are none.
 */
const recover = z.strictObject({
  ...device,
  public_key: bytes32,
  recovery: bytes32.nullable(),
});

/**
 * One device of one owner, commanded by another owner too. Its own owner's log has the `offer`, the `claim` that the
 * offer's key signs, and the `end`; the other owner's log takes the device with `take` and lets it go with `end`. It
 * holds while both logs say so. `owner` is the id of the other log.
 */
const share = z.discriminatedUnion("step", [
  z.strictObject({
    step: z.literal("offer"),
    device: bytes32,
    claim_key: bytes32,
    expires_at: instant,
    /** An owner whose log a browser began may claim it; without this only one who began on a machine. */
    browser: z.literal(true).exactOptional(),
  }),
  z.strictObject({
    step: z.literal("claim"),
    offer: z
      .number()
      .int()
      .min(1)
      .max(OWNER_LOG_MAX_ENTRIES - 1),
    owner: bytes32,
    /** What the co-owner calls itself. */
    name: grantName,
  }),
  z.strictObject({ step: z.literal("take"), ...device, public_key: bytes32, owner: bytes32 }),
  z.strictObject({ step: z.literal("end"), device: bytes32, owner: bytes32 }),
]);

export const ENTRY_BODIES = {
  begin,
  controller,
  invite,
  member,
  share,
  key,
  remove,
  recovery,
  recover,
} as const satisfies Partial<Record<EntryKind, z.ZodType>>;

/** The kinds this version can write and check. */
export type KnownKind = keyof typeof ENTRY_BODIES;
export type EntryBody<Kind extends KnownKind> = z.infer<(typeof ENTRY_BODIES)[Kind]>;
