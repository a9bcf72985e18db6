// One claim of a shared device, whoever brings it: checked against both owners' logs, and written in one commit.
//
// Spent, over, unknown, wrongly signed or for another log: one answer for all of them.
import { isFor, isShared } from "../../identity/owner-log-shares.ts";
import { extendLog, verifyLog, type OwnerLog } from "../../identity/owner-log.ts";
import type { Participant } from "../../identity/owner-log-state.ts";
import { pinOf } from "../../identity/setup-token.ts";
import { notForBrowsers } from "../../identity/share-token.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { parseCanonicalJson } from "../../protocol/canonical-json.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { DeviceClaimRequest } from "../../protocol/hub-api.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { ENTRY_BODIES, type OwnerLogEntry } from "../../protocol/owner-log.ts";
import { tokenInvalid } from "../../protocol/setup-token.ts";
import { findDeviceByKey, type DeviceRow } from "../../store/devices.ts";
import { claimShare, type ShareClaim } from "../../store/share-claims.ts";
import { logRow } from "../owner-logs.ts";
import { movedOn, withEntry } from "./device-routes.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";

/** What was sent, found to be right; whether the token can still be spent the commit decides. */
export interface ReadClaim {
  entry: OwnerLogEntry;
  claimKey: Uint8Array;
  /** Number of the offer's entry. */
  offer: number;
  /** What the co-owner calls itself. */
  name: string;
  device: DeviceRow;
  /** The log of the device's own owner, with the claim. */
  own: OwnerLog;
  /** The co-owner's, with the device. */
  other: OwnerLog;
  otherRoot: string;
  /** Entries that are not here yet. */
  added: readonly OwnerLogEntry[];
  /** Who began the co-owner's log, where its beginning was sent; also in what is sent once more. */
  beginner: Participant | undefined;
  /** The claim stands in the log: its answer was lost, or the device was let go. */
  isRepeat: boolean;
}

export async function readClaim(parts: ApiParts, { entry, theirs }: DeviceClaimRequest): Promise<ReadClaim> {
  const { db, ownerLogs } = parts;
  const before = ownerLogs.get(entry.log);
  const body = claimBody(entry);
  const claimKey = fromBase64Url(entry.by);
  if (before === undefined || body === undefined || claimKey === undefined) throw tokenInvalid();
  const own = await withEntry(parts, before, { entry, claimKey });
  const offered = own.shareOffer(body.offer);
  const deviceKey = fromBase64Url(offered?.device ?? "");
  const device = deviceKey === undefined ? undefined : await findDeviceByKey(db, deviceKey);
  if (deviceKey === undefined || device === undefined || device.revoked_at !== null) throw tokenInvalid();
  const other = theirLog(parts, body.owner, theirs);
  if (offered !== undefined && !isFor(offered, other)) throw notForBrowsers();
  if (!isShared(own, other, deviceKey)) {
    throw new MusterError("invalid", "the claim and the log that it names do not agree");
  }
  const added = other.entries.slice(ownerLogs.get(body.owner)?.length ?? 0);
  for (const one of added) ownerLogs.demandOwnKey(one);
  const { offer, name, owner: otherRoot } = body;
  const beginner = theirs[0]?.number === 0 ? beginnerOf(other) : undefined;
  const isRepeat = own === before;
  return { entry, claimKey, offer, name, device, own, other, otherRoot, added, beginner, isRepeat };
}

/** `userId`: whose account a log is of that begins with it. Returns the row of the home that began it. */
export async function commitClaim(
  parts: ApiParts,
  claim: ReadClaim,
  { userId, facts }: { userId: string | null; facts: RequestFacts },
): Promise<DeviceRow | undefined> {
  const { entry, device, otherRoot } = claim;
  // What was asked of other owners' keys when the claim was read is asked again where nothing comes between.
  const { home } = await parts.ownerLogs.inTurn(() => write(parts, claim, userId));
  for (const ownerRoot of [entry.log, otherRoot]) {
    await parts.audit.record({
      actor: `owner:${otherRoot}`,
      action: "device.shared",
      target: `device:${device.device_id}`,
      detail: { with: claim.name, from: facts.visitor },
      ownerRoot,
      requestId: facts.requestId,
    });
  }
  if (home !== undefined) parts.joined?.(home.device_id);
  return home;
}

async function write(
  parts: ApiParts,
  { entry, claimKey, device, own, other, otherRoot, added, beginner }: ReadClaim,
  userId: string | null,
): Promise<{ home: DeviceRow | undefined }> {
  const { db, clock, ownerLogs } = parts;
  for (const one of added) ownerLogs.demandOwnKey(one);
  const result = await claimShare(db, {
    claimKey,
    deviceId: device.device_id,
    claim: logRow(entry.log, own, entry),
    theirs: added.map((one) => logRow(otherRoot, other, one)),
    begins: beginner === undefined ? undefined : beginning(parts, other, { beginner, userId }),
    now: clock.now(),
  });
  if (result.outcome === "refused") throw tokenInvalid();
  if (result.outcome === "conflict") throw movedOn();
  // Theirs first: the device is then told of the claim when it may read their log.
  ownerLogs.began(other);
  for (const one of added) ownerLogs.appended(one);
  ownerLogs.appended(entry);
  return result;
}

/** The co-owner's log with what was sent of it; of a log that is here already only what takes devices. */
function theirLog({ crypto, ownerLogs }: ApiParts, root: string, sent: readonly OwnerLogEntry[]): OwnerLog {
  const known = ownerLogs.get(root);
  const added = sent.filter(({ number }) => number >= (known?.length ?? 0));
  if (!added.every(({ kind }) => kind === "share" || kind === "begin"))
    throw new MusterError("invalid", "a claim brings no other entries");
  const log = known === undefined ? verifyLog(crypto, sent) : extendLog(crypto, known, sent);
  if (toBase64Url(log.id) !== root) throw new MusterError("invalid", "the claim names another log");
  return log;
}

function beginnerOf(log: OwnerLog): Participant {
  const first = log.entries[0];
  const home = log.participant(fromBase64Url(first?.by ?? "") ?? new Uint8Array(0));
  if (home === undefined) throw new MusterError("invalid", "nobody began this log");
  return home;
}

function beginning(
  { crypto, hubSigner }: ApiParts,
  log: OwnerLog,
  { beginner, userId }: { beginner: Participant; userId: string | null },
): NonNullable<ShareClaim["begins"]> {
  const { publicKey, linkKey, name, kind, platform } = beginner;
  return {
    pin: pinOf(crypto, log.id, hubSigner.publicKey),
    userId,
    home: {
      deviceId: deviceIdOf(crypto.sha256(publicKey)),
      publicKey,
      linkKey,
      name,
      kind,
      platform,
      ownerRoot: toBase64Url(log.id),
      confirmed: true,
    },
  };
}

/** What a claim says; its signature and its place are checked with the log. */
function claimBody(entry: OwnerLogEntry): { offer: number; owner: string; name: string } | undefined {
  if (entry.kind !== "share") return undefined;
  const read = ENTRY_BODIES.share.safeParse(parseCanonicalJson(entry.body));
  return read.success && read.data.step === "claim" ? read.data : undefined;
}
