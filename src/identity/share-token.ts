// Sharing one device with another owner: the offer and its token, made where the device's own owner commands, and
// the two entries by which a person takes it. Nothing but entries travels: the token's seed makes a claim key on
// each side by itself.
import { equalBytes, equalSecretBytes, fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { OWNER_LOG_MAX_ENTRIES } from "../protocol/limits.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import { formatShareToken, parseShareToken, SEED_BYTES, tokenInvalid } from "../protocol/setup-token.ts";
import type { Crypto, Signer } from "./crypto.ts";
import { appendEntry } from "./owner-log.ts";
import { isFor } from "./owner-log-shares.ts";
import type { OwnerLog } from "./owner-log.ts";
import type { Participant, ShareOffer } from "./owner-log-state.ts";
import { Secret } from "./secret.ts";
import { claimSigner, pinOf } from "./setup-token.ts";

export interface ShareOfferWish {
  log: OwnerLog;
  hubKey: Uint8Array;
  device: Uint8Array;
  expiresAtMs: number;
  /** For whoever has only a browser too. */
  browser?: boolean;
  signer: Signer;
}

/** The token works once `entry` has been taken by the hub; when another entry came first, make a new one. */
export async function makeShareOffer(
  crypto: Crypto,
  wish: ShareOfferWish,
): Promise<{ token: Secret<string>; log: OwnerLog; entry: OwnerLogEntry }> {
  const seed = crypto.randomBytes(SEED_BYTES);
  const log = await appendEntry(crypto, wish.log, {
    kind: "share",
    body: {
      step: "offer",
      device: toBase64Url(wish.device),
      claim_key: toBase64Url(claimSigner(crypto, seed).publicKey),
      expires_at: wish.expiresAtMs,
      ...(wish.browser === true ? { browser: true } : {}),
    },
    signer: wish.signer,
  });
  const pin = pinOf(crypto, log.id, wish.hubKey);
  const token = new Secret(formatShareToken({ pin, invite: wish.log.length, seed }));
  return { token, log, entry: lastEntry(log) };
}

export interface ShareTokenWish {
  token: Secret<string>;
  /** The log of the device's own owner as fetched, checked by `verifyLog`. */
  log: OwnerLog;
  /** The key that the hub has proved. */
  hubKey: Uint8Array;
}

/** What a token offers, by the log that it pins. Throws `token_invalid` when it is not for this log and hub. */
export function offerOf(
  crypto: Crypto,
  wish: ShareTokenWish,
): { offer: ShareOffer; device: Participant; claimer: Signer } {
  const token = parseShareToken(wish.token.reveal());
  const { log, hubKey } = wish;
  if (!equalSecretBytes(token.pin, pinOf(crypto, log.id, hubKey))) throw tokenInvalid();
  const offer = token.invite < OWNER_LOG_MAX_ENTRIES ? log.shareOffer(token.invite) : undefined;
  const claimer = claimSigner(crypto, token.seed);
  const claimKey = fromBase64Url(offer?.claimKey ?? "");
  if (offer === undefined || claimKey === undefined) throw tokenInvalid();
  if (!equalBytes(claimKey, claimer.publicKey)) throw tokenInvalid();
  const device = log.participant(fromBase64Url(offer.device) ?? new Uint8Array(0));
  if (device === undefined) throw tokenInvalid();
  return { offer, device, claimer };
}

/** Of a claim for a log that a browser began. Not `forbidden`, which a claim is told for keys that are another's. */
export function notForBrowsers(): MusterError {
  return new MusterError("invalid", "this share is for an owner who began on a machine, not in a browser", {
    hint: "ask for a link that a browser may take: muster device token --share DEVICE --browser",
  });
}

/**
 * The entry of the device's own owner's log that names the other owner. Throws `token_invalid` for a spent offer, and
 * `invalid` for one that is not for such an owner, whose claim would count for nothing and spend it.
 */
export async function makeShareClaim(
  crypto: Crypto,
  wish: ShareTokenWish & { owner: OwnerLog; name: string },
): Promise<{ log: OwnerLog; entry: OwnerLogEntry }> {
  const { offer, claimer } = offerOf(crypto, wish);
  if (offer.spentBy !== undefined) throw tokenInvalid();
  if (!isFor(offer, wish.owner)) throw notForBrowsers();
  const owner = toBase64Url(wish.owner.id);
  if (wish.log.coOwners().some((one) => one.owner === owner && one.device === offer.device)) {
    throw new MusterError("conflict", "this device is shared with you already");
  }
  const log = await appendEntry(crypto, wish.log, {
    kind: "share",
    body: { step: "claim", offer: offer.number, owner, name: wish.name },
    signer: claimer,
  });
  return { log, entry: lastEntry(log) };
}

/** The other owner's own word: it takes the device, under the keys that the device's owner's log has for it. */
export async function takeShared(
  crypto: Crypto,
  wish: { log: OwnerLog; sharedBy: OwnerLog; device: Participant; signer: Signer },
): Promise<{ log: OwnerLog; entry: OwnerLogEntry }> {
  const { publicKey, linkKey, name, kind, platform } = wish.device;
  const log = await appendEntry(crypto, wish.log, {
    kind: "share",
    body: {
      step: "take",
      public_key: toBase64Url(publicKey),
      link_key: toBase64Url(linkKey),
      name,
      kind,
      platform,
      owner: toBase64Url(wish.sharedBy.id),
    },
    signer: wish.signer,
  });
  return { log, entry: lastEntry(log) };
}

function lastEntry(log: OwnerLog): OwnerLogEntry {
  const entry = log.entries.at(-1);
  if (entry === undefined) throw new RangeError("an owner log is never empty");
  return entry;
}
