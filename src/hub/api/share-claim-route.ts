// A person takes a device that another owner shares. The token never comes here: the person's home sends the entry
// that the token's key signed, and what its own log says of it; a log that is not here yet begins with it, which is
// the one way for a second owner onto a hub.
//
// Spent, over, unknown, wrongly signed or for another log: one answer for all of them.
import { isShared } from "../../identity/owner-log-shares.ts";
import { extendLog, verifyLog, type OwnerLog } from "../../identity/owner-log.ts";
import { pinOf } from "../../identity/setup-token.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { parseCanonicalJson } from "../../protocol/canonical-json.ts";
import { MusterError } from "../../protocol/errors.ts";
import {
  deviceClaimRequest,
  type DeviceClaimRequest,
  type DeviceClaimResponse,
} from "../../protocol/hub-api.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { ENTRY_BODIES, type OwnerLogEntry } from "../../protocol/owner-log.ts";
import { tokenInvalid } from "../../protocol/setup-token.ts";
import { findDeviceByKey, type NewDevice } from "../../store/devices.ts";
import { claimShare } from "../../store/share-claims.ts";
import { logRow } from "../owner-logs.ts";
import type { RateLimiter } from "../rate-limit.ts";
import { sourceOf } from "../rate-limit.ts";
import { json } from "./answers.ts";
import { movedOn, tellRefusal, withEntry } from "./device-routes.ts";
import { holdBack } from "./hold-back.ts";
import { hubResource } from "./hub-resource.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";
import { route, type Route } from "./route.ts";

export function shareClaimRoute(parts: ApiParts, entries: RateLimiter): Route {
  return route<"device.join">({
    method: "POST",
    path: "/api/device/claim",
    action: "device.join",
    at: "hub",
    async answer(call) {
      call.allow(hubResource(parts));
      holdBack(entries.take(sourceOf(call.facts.visitor)));
      const asked = await call.json(deviceClaimRequest);
      try {
        return json(await claim(parts, asked, call.facts));
      } catch (error) {
        await tellRefusal(parts, error, { facts: call.facts, target: "share token" });
        throw error;
      }
    },
  });
}

async function claim(
  parts: ApiParts,
  { entry, theirs }: DeviceClaimRequest,
  facts: RequestFacts,
): Promise<DeviceClaimResponse> {
  const { db, clock, ownerLogs, addresses } = parts;
  const own = ownerLogs.get(entry.log);
  const body = claimBody(entry);
  const claimKey = fromBase64Url(entry.by);
  if (own === undefined || body === undefined || claimKey === undefined) throw tokenInvalid();
  const ownLonger = await withEntry(parts, own, { entry, claimKey });
  const deviceKey = fromBase64Url(ownLonger.shareOffer(body.offer)?.device ?? "");
  const device = deviceKey === undefined ? undefined : await findDeviceByKey(db, deviceKey);
  if (deviceKey === undefined || device === undefined || device.revoked_at !== null) throw tokenInvalid();
  const other = theirLog(parts, body.owner, theirs);
  if (!isShared(ownLonger, other, deviceKey)) {
    throw new MusterError("invalid", "the claim and the log that it names do not agree");
  }
  const known = ownerLogs.get(body.owner);
  const added = other.entries.slice(known?.length ?? 0);
  for (const one of added) ownerLogs.demandOwnKey(one);
  // Also in what is sent once more, so that its answer is the same.
  const begins = theirs[0]?.number === 0 ? beginning(parts, other) : undefined;
  const result = await claimShare(db, {
    claimKey,
    deviceId: device.device_id,
    claim: logRow(entry.log, ownLonger, entry),
    theirs: added.map((one) => logRow(body.owner, other, one)),
    begins,
    now: clock.now(),
  });
  if (result.outcome === "refused") throw tokenInvalid();
  if (result.outcome === "conflict") throw movedOn();
  // Theirs first: the device is then told of the claim when it may read their log.
  ownerLogs.began(other);
  for (const one of added) ownerLogs.appended(one);
  ownerLogs.appended(entry);
  for (const ownerRoot of [entry.log, body.owner]) {
    await parts.audit.record({
      actor: `owner:${body.owner}`,
      action: "device.shared",
      target: `device:${device.device_id}`,
      detail: { with: body.name, from: facts.visitor },
      ownerRoot,
      requestId: facts.requestId,
    });
  }
  const { home } = result;
  if (home !== undefined) parts.joined?.(home.device_id);
  return {
    device_id: device.device_id,
    name: device.name,
    home:
      home === undefined
        ? null
        : { device_id: home.device_id, name: home.name, hostname: addresses.hostnameOf(home.name) },
  };
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

function beginning(
  { crypto, hubSigner }: ApiParts,
  log: OwnerLog,
): { pin: Uint8Array; home: NewDevice } | undefined {
  const first = log.entries[0];
  const home = log.participant(fromBase64Url(first?.by ?? "") ?? new Uint8Array(0));
  if (home === undefined) throw new MusterError("invalid", "nobody began this log");
  const { publicKey, linkKey, name, kind, platform } = home;
  return {
    pin: pinOf(crypto, log.id, hubSigner.publicKey),
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
