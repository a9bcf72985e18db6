// Calls of the local API about whose this device is: who may command, with whom it is shared, and the keys that only use.
import { z } from "zod";
import { CAPABILITIES_PER_DEVICE, capabilityProtocol } from "./capabilities.ts";
import { GRANT_HOLDERS, GRANT_SCOPES, grantName, SCOPES } from "./owner-log.ts";
import { deviceKind } from "./views.ts";
import { reference } from "./local-reference.ts";

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
        /** False: they have let it go, and may take it again. Absent where no hub is there to say so. */
        holds: z.boolean().optional(),
      }),
    )
    .optional(),
  /** Devices of others, which this owner commands too. */
  shared_with_me: z
    .array(z.object({ device_id: z.string(), device: z.string(), owner: z.string(), entry: z.number() }))
    .optional(),
});
const keyView = z.object({
  /** Of an owner that of their log. */
  id: z.string(),
  name: z.string(),
  holder: z.enum(GRANT_HOLDERS),
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
const grantMs = z
  .number()
  .int()
  .min(60_000)
  .max(366 * 86_400_000)
  .optional();
export const OWNER_CALLS = {
  /** Who may command the owner's devices, by this home's own copy of the log; their names are those of today. */
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
      /** For whoever has only a browser too. */
      browser: z.boolean().optional(),
    }),
    response: z.object({
      device_id: z.string(),
      name: z.string(),
      token: z.string(),
      browser: z.boolean(),
      /** The line that claims it. */
      claim: z.string(),
      /** The same for a browser; absent where the hub shows none a page. */
      link: z.string().optional(),
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
  /** What one device offers, to a paired device of someone else, or to an owner: the id of their log. */
  grant: {
    request: z.object({
      device: reference,
      to: reference,
      /** What to call an owner here. */
      name: grantName.optional(),
      capabilities: grantedProtocols,
      expires_in_ms: grantMs,
    }),
    response: keyAnswer,
  },
} as const;
