// The entries by which a browser takes a shared device: the token's claim key signs in the log of the device's owner,
// the browser's own key in its own. The owner's log is checked here from its first entry on; the token goes nowhere.
import { browserClaimBytes } from "../../../src/identity/browser-log.ts";
import type { Crypto, Signer } from "../../../src/identity/crypto.ts";
import { verifyLog, type OwnerLog } from "../../../src/identity/owner-log.ts";
import { claimSigner } from "../../../src/identity/setup-token.ts";
import { makeShareClaim, offerOf, takeShared } from "../../../src/identity/share-token.ts";
import { toBase64Url } from "../../../src/protocol/bytes.ts";
import type { ClaimRequest } from "../../../src/protocol/claim-api.ts";
import type { OwnerLogEntry } from "../../../src/protocol/owner-log.ts";
import { parseShareToken } from "../../../src/protocol/setup-token.ts";
import type { ShareToken } from "../session/share-link.ts";

export interface ClaimWish {
  token: ShareToken;
  /** As the hub shows it. */
  shared: readonly OwnerLogEntry[];
  hubKey: Uint8Array;
  /** Of this browser's person. */
  own: OwnerLog;
  /** How many entries of it the hub has. */
  known: number;
  signer: Signer;
  /** What the device's owner sees. */
  name: string;
}

/** By which the hub knows the offer. */
export function claimKeyOf(crypto: Crypto, token: ShareToken): string {
  return toBase64Url(claimSigner(crypto, parseShareToken(token.reveal()).seed).publicKey);
}

/** Names the log of the device's owner, and this hub. */
export function pinIn(token: ShareToken): string {
  return toBase64Url(parseShareToken(token.reveal()).pin);
}

/** Throws `token_invalid` for a token that is of another hub or log, or spent by another. */
export async function signClaim(
  crypto: Crypto,
  wish: ClaimWish,
): Promise<Pick<ClaimRequest, "entry" | "theirs" | "proof">> {
  const { token, hubKey, own, known, signer, name } = wish;
  const log = verifyLog(crypto, wish.shared);
  const { offer, device } = offerOf(crypto, { token, log, hubKey });
  const root = toBase64Url(own.id);
  // One whose answer was lost stands there already, and is shown again as it is.
  const standing = log.coOwners().find((one) => one.owner === root && one.device === offer.device);
  const entry =
    (standing === undefined ? undefined : log.entries[standing.entry]) ??
    (await makeShareClaim(crypto, { token, log, hubKey, owner: own, name })).entry;
  const taken =
    own.participant(device.publicKey) === undefined
      ? (await takeShared(crypto, { log: own, sharedBy: log, device, signer })).log
      : own;
  const theirs = taken.entries.slice(known);
  if (known > 0) return { entry, theirs };
  const bytes = browserClaimBytes(crypto, own, { offer: offer.number, hubKey });
  return bytes === undefined
    ? { entry, theirs }
    : { entry, theirs, proof: toBase64Url(await signer.sign(bytes)) };
}
