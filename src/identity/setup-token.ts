// Making a setup token on a controller and claiming a place with it on a new device. The token's seed becomes
// an Ed25519 claim key on each side by itself; only its public half is written into the log.

import { concat, equalBytes, equalSecretBytes, toBase64Url, utf8 } from "../protocol/bytes.ts";
import { OWNER_LOG_MAX_ENTRIES } from "../protocol/limits.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import {
  formatSetupToken,
  parseSetupToken,
  PIN_BYTES,
  SEED_BYTES,
  tokenInvalid,
} from "../protocol/setup-token.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { DeviceKind } from "../protocol/views.ts";
import type { Crypto, Signer } from "./crypto.ts";
import { appendEntry } from "./owner-log.ts";
import type { OwnerLog } from "./owner-log.ts";
import { sshHostKeysHash } from "./owner-log-rules.ts";
import { Secret } from "./secret.ts";

/** Keeps the seed apart from every other use of the same bytes. */
const CLAIM_KEY_LABEL = "muster/v1/claim key";

export interface InviteWish {
  log: OwnerLog;
  hubKey: Uint8Array;
  /** Names the device may take; empty for any. */
  names: readonly string[];
  expiresAtMs: number;
  /** A controller with the scope admin. */
  signer: Signer;
}

export interface MadeInvite {
  token: Secret<string>;
  /** The log with the invite at its end, and that entry. */
  log: OwnerLog;
  entry: OwnerLogEntry;
}

/** The token works once `entry` has been taken by the hub; when another entry came first, make a new one. */
export async function makeInvite(crypto: Crypto, wish: InviteWish): Promise<MadeInvite> {
  const seed = crypto.randomBytes(SEED_BYTES);
  const invite = wish.log.length;
  const log = await appendEntry(crypto, wish.log, {
    kind: "invite",
    body: {
      claim_key: toBase64Url(claimSigner(crypto, seed).publicKey),
      role: "member",
      names: [...wish.names],
      expires_at: wish.expiresAtMs,
    },
    signer: wish.signer,
  });
  const pin = pinOf(crypto, log.id, wish.hubKey);
  return { token: new Secret(formatSetupToken({ pin, invite, seed })), log, entry: lastEntry(log) };
}

/** What a token says of log and hub. Not secret: the hub may be asked for the log that it names. */
export function pinOf(crypto: Crypto, logId: Uint8Array, hubKey: Uint8Array): Uint8Array {
  return crypto.sha256(concat(logId, hubKey)).slice(0, PIN_BYTES);
}

/** The device that claims. */
export interface ClaimingDevice {
  signer: Signer;
  linkKey: Uint8Array;
  name: string;
  kind: DeviceKind;
  platform: string;
  sshHostKeys: readonly string[];
}

export interface ClaimWish {
  token: Secret<string>;
  /** The log as fetched, checked by `verifyLog`. */
  log: OwnerLog;
  /** The key that the hub has proved. */
  hubKey: Uint8Array;
  device: ClaimingDevice;
}

/**
 * The `member` entry that spends the invite, signed by claim key and own key, and the log with it.
 * Throws `token_invalid` when the token is not for this log and hub, or its invite is unknown or spent.
 */
export async function makeClaim(
  crypto: Crypto,
  wish: ClaimWish,
): Promise<{ log: OwnerLog; entry: OwnerLogEntry }> {
  const token = parseSetupToken(wish.token.reveal());
  const { log, hubKey, device } = wish;
  if (!equalSecretBytes(token.pin, pinOf(crypto, log.id, hubKey))) throw tokenInvalid();
  const invite = token.invite < OWNER_LOG_MAX_ENTRIES ? log.invite(token.invite) : undefined;
  const claimer = claimSigner(crypto, token.seed);
  if (invite === undefined || invite.spentBy !== undefined) throw tokenInvalid();
  if (!equalBytes(invite.claimKey, claimer.publicKey)) throw tokenInvalid();
  const own = await device.signer.sign(
    signedBytes("claim", {
      logId: log.id,
      invite: invite.number,
      publicKey: device.signer.publicKey,
      linkKey: device.linkKey,
      sshHostKeysHash: sshHostKeysHash(crypto, device.sshHostKeys),
      name: device.name,
      kind: device.kind,
      platform: device.platform,
      hubKey,
    }),
  );
  const extended = await appendEntry(crypto, log, {
    kind: "member",
    body: {
      public_key: toBase64Url(device.signer.publicKey),
      link_key: toBase64Url(device.linkKey),
      name: device.name,
      kind: device.kind,
      platform: device.platform,
      ssh_host_keys: [...device.sshHostKeys],
      claim: { invite: invite.number, hub_key: toBase64Url(hubKey), own: toBase64Url(own) },
    },
    signer: claimer,
  });
  return { log: extended, entry: lastEntry(extended) };
}

/** The name that the token's invite gives to who claims it; undefined where it leaves that open, or no longer holds. */
export function invitedName(log: OwnerLog, token: Secret<string>): string | undefined {
  const { invite } = parseSetupToken(token.reveal());
  const found = invite < OWNER_LOG_MAX_ENTRIES ? log.invite(invite) : undefined;
  return found?.spentBy === undefined ? found?.names[0] : undefined;
}

/** Both sides make it of the token's seed. */
export function claimSigner(crypto: Crypto, seed: Uint8Array): Signer {
  return crypto.ed25519Signer(crypto.hmacSha256(seed, utf8(CLAIM_KEY_LABEL)));
}

function lastEntry(log: OwnerLog): OwnerLogEntry {
  const entry = log.entries.at(-1);
  if (entry === undefined) throw new RangeError("an owner log is never empty");
  return entry;
}
