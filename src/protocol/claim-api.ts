// How a browser takes a device that another owner shares: what its link offers, and the claim, which makes an account
// and an owner log where the person has none. The token itself never comes to the hub; both calls carry what is made
// of it. Keys and signatures are base64url.
import { z } from "zod";
import { ownerLogEntry } from "./owner-log.ts";
import { deviceKind } from "./views.ts";

/** Public half of the token's claim key: who has the token can name it. */
export const claimOfferRequest = z.object({ claim_key: z.string().max(64) });

/** `POST /api/claim/offer`. Of what is not open any more nothing is told but that. */
export const claimOfferResponse = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("open"),
    device: z.object({ id: z.string(), name: z.string(), kind: deviceKind }),
    /** The account of its owner, where there is one. */
    by: z.string().nullable(),
    /** Whether an owner may take it whose log a browser began; else it is for one who began on a machine. */
    browsers: z.boolean(),
    /** Null for whoever took it before and let it go: their claim stands, and they may take the device again. */
    expires_at: z.iso.datetime().nullable(),
    /** Of whoever is signed in: the device is theirs, or shared with them already. */
    relation: z.enum(["none", "own", "shared"]),
  }),
  /** `mine`: by whoever is signed in, and has the device. */
  z.object({ state: z.literal("spent"), mine: z.boolean() }),
  z.object({ state: z.literal("over") }),
  z.object({ state: z.literal("withdrawn") }),
]);

/**
 * `POST /api/claim`. `entry` and `theirs` are as in `POST /api/device/claim`, but that a log which begins with it begins
 * in a browser. That takes `proof`, the browser key's own word (purpose "claim", for this log and offer), which stands
 * in no log: whoever lost the answer is let in by it again. `newcomer` is for whoever has no account yet.
 */
export const claimRequest = z.object({
  entry: ownerLogEntry,
  theirs: z.array(ownerLogEntry).max(2),
  proof: z.string().max(100).optional(),
  newcomer: z
    .object({ name: z.string().min(1).max(64), password: z.string().min(1).max(1024).optional() })
    .optional(),
});

/** The answer's cookie signs a newcomer in. */
export const claimResponse = z.object({
  user: z.object({ id: z.string(), name: z.string() }),
  device: z.object({ id: z.string(), name: z.string() }),
});

export type ClaimOffer = z.infer<typeof claimOfferResponse>;
export type ClaimRequest = z.infer<typeof claimRequest>;
export type ClaimResponse = z.infer<typeof claimResponse>;
