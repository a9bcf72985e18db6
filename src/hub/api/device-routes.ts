// A device takes its place with a setup token. The token never comes here: the device asks for the log that the
// token names, checks it by itself, and sends the member entry that the token's key and its own key signed.
//
// Spent, over, unknown, wrongly signed or for another log: one answer for all of them.
import { z } from "zod";
import { type OwnerLog, extendLog } from "../../identity/owner-log.ts";
import { equalBytes, fromBase64Url } from "../../protocol/bytes.ts";
import { parseCanonicalJson } from "../../protocol/canonical-json.ts";
import { MusterError } from "../../protocol/errors.ts";
import {
  deviceLogRequest,
  deviceRegisterRequest,
  type DeviceRegisterRequest,
  type DeviceRegisterResponse,
} from "../../protocol/hub-api.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { codeRegisterRequest, type CodeRegisterRequest } from "../../protocol/joining-api.ts";
import { ENTRY_BODIES, type EntryBody, type OwnerLogEntry } from "../../protocol/owner-log.ts";
import { PIN_BYTES, tokenInvalid } from "../../protocol/setup-token.ts";
import { claimInvite, findInvite } from "../../store/invites.ts";
import { findOwnerByPin } from "../../store/owners.ts";
import { logRow } from "../owner-logs.ts";
import { RateLimiter, sourceOf } from "../rate-limit.ts";
import { json } from "./answers.ts";
import { holdBack } from "./hold-back.ts";
import { hubResource, ofHome } from "./hub-resource.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";
import { type Route, route } from "./route.ts";
import { registerWithCode } from "./setup-routes.ts";
import { tunnelFor } from "./tunnel-answer.ts";

/** A log can be long, so asking for it costs more than its asker. */
const LOGS = { burst: 60, refillMs: 60_000 };

export function deviceRoutes(parts: ApiParts, entries: RateLimiter): Route[] {
  const logs = new RateLimiter(parts.clock, LOGS);
  return [
    route<"device.join">({
      method: "POST",
      path: "/api/device/log",
      action: "device.join",
      at: "hub",
      async answer(call) {
        call.allow(hubResource(parts));
        holdBack(logs.take(sourceOf(call.facts.visitor)));
        const { pin } = await call.json(deviceLogRequest);
        const bytes = fromBase64Url(pin);
        const owner = bytes?.length === PIN_BYTES ? await findOwnerByPin(parts.db, bytes) : undefined;
        const log = owner === undefined ? undefined : parts.ownerLogs.get(owner.owner_root);
        if (owner === undefined || log === undefined) throw tokenInvalid();
        return json({ owner_root: owner.owner_root, entries: log.entries });
      },
    }),
    route<"device.join">({
      method: "POST",
      path: "/api/device/register",
      action: "device.join",
      at: "hub",
      async answer(call) {
        call.allow(hubResource(parts));
        holdBack(entries.take(sourceOf(call.facts.visitor)));
        const asked = await call.json(z.union([codeRegisterRequest, deviceRegisterRequest]));
        if ("code" in asked) return json(await byCode(parts, asked, call.facts));
        return json(await register(parts, asked, call.facts));
      },
    }),
  ];
}

/** A code that is refused is told of like a token. */
async function byCode(
  parts: ApiParts,
  asked: CodeRegisterRequest,
  facts: RequestFacts,
): Promise<DeviceRegisterResponse> {
  try {
    return await registerWithCode(parts, asked, facts);
  } catch (error) {
    await tellRefusal(parts, error, { facts, target: "setup token" });
    throw error;
  }
}

async function register(
  parts: ApiParts,
  { entry, version }: DeviceRegisterRequest,
  facts: RequestFacts,
): Promise<DeviceRegisterResponse> {
  try {
    const answered = await claim(parts, { entry, version });
    await parts.audit.record({
      actor: `device:${answered.device_id}`,
      action: "device.joined",
      target: `device:${answered.device_id}`,
      detail: { name: answered.name, from: facts.visitor },
      ownerRoot: entry.log,
      requestId: facts.requestId,
    });
    return answered;
  } catch (error) {
    await tellRefusal(parts, error, { facts, target: "setup token" });
    throw error;
  }
}

/** A token that did not work is told to the hub's own owner. */
export async function tellRefusal(
  parts: ApiParts,
  error: unknown,
  { facts, target }: { facts: RequestFacts; target: "setup token" | "share token" },
): Promise<void> {
  if (!(error instanceof MusterError) || error.code !== "token_invalid") return;
  await parts.audit.record({
    actor: `address:${facts.visitor}`,
    action: "device.join_refused",
    target,
    ...ofHome(parts),
    requestId: facts.requestId,
  });
}

async function claim(
  parts: ApiParts,
  { entry, version }: { entry: OwnerLogEntry; version: string },
): Promise<DeviceRegisterResponse> {
  const { db, crypto, clock, addresses } = parts;
  const log = parts.ownerLogs.get(entry.log);
  const body = memberBody(entry);
  const claimKey = fromBase64Url(entry.by);
  if (log === undefined || body === undefined || claimKey === undefined) throw tokenInvalid();
  if (!equalBytes(body.hubKey, parts.hubSigner.publicKey)) throw tokenInvalid();
  const longer = await withEntry(parts, log, { entry, claimKey });
  const { publicKey, linkKey } = body;
  const deviceId = deviceIdOf(crypto.sha256(publicKey));
  const result = await claimInvite(db, {
    claimKey,
    device: {
      deviceId,
      publicKey,
      linkKey,
      name: body.name,
      kind: body.kind,
      platform: body.platform,
      ownerRoot: entry.log,
      agentVersion: version,
      confirmed: true,
    },
    entry: logRow(entry.log, longer, entry),
    now: clock.now(),
  });
  if (result.outcome === "refused") throw tokenInvalid();
  if (result.outcome === "conflict") throw movedOn();
  // Before anything else is waited for: until this log has it, whatever follows it is refused. The answer to a repeat
  // may be the second one; telling a log what it knows changes nothing.
  parts.ownerLogs.appended(entry);
  parts.joined?.(deviceId);
  const { name } = result.device;
  const { setup } = result;
  const tunnel = setup?.link === "named" ? await tunnelFor(parts, { setupId: setup.setup_id, deviceId }) : {};
  return { device_id: deviceId, name, hostname: addresses.hostnameOf(name), owners: [entry.log], ...tunnel };
}

/** The log with the entry in it: checked and added, or there already because the answer to it was lost. */
export async function withEntry(
  { db, crypto, clock }: ApiParts,
  log: OwnerLog,
  { entry, claimKey }: { entry: OwnerLogEntry; claimKey: Uint8Array },
): Promise<OwnerLog> {
  if (entry.number === log.length) {
    try {
      return extendLog(crypto, log, [entry]);
    } catch (error) {
      if (error instanceof MusterError && error.code === "owner_log_invalid") throw tokenInvalid();
      throw error;
    }
  }
  if (JSON.stringify(log.entries[entry.number]) === JSON.stringify(entry)) return log;
  // Only a token that could still be spent is worth another try.
  const invite = await findInvite(db, claimKey);
  const open =
    invite?.owner_root === entry.log && invite.spent_at === null && invite.expires_at > clock.now();
  throw open ? movedOn() : tokenInvalid();
}

interface MemberBody extends Pick<EntryBody<"member">, "name" | "kind" | "platform"> {
  publicKey: Uint8Array;
  linkKey: Uint8Array;
  hubKey: Uint8Array;
}

/** What a claim says; its signatures and its place are checked with the log. */
function memberBody(entry: OwnerLogEntry): MemberBody | undefined {
  if (entry.kind !== "member") return undefined;
  const read = ENTRY_BODIES.member.safeParse(parseCanonicalJson(entry.body));
  if (!read.success || read.data.claim === null) return undefined;
  const { public_key, link_key, claim: own, name, kind, platform } = read.data;
  const publicKey = fromBase64Url(public_key);
  const linkKey = fromBase64Url(link_key);
  const hubKey = fromBase64Url(own.hub_key);
  if (publicKey === undefined || linkKey === undefined || hubKey === undefined) return undefined;
  return { publicKey, linkKey, hubKey, name, kind, platform };
}

export function movedOn(): MusterError {
  return new MusterError("conflict", "the owner log has moved on since this entry was signed", {
    hint: "fetch it and sign again; the token is not spent",
  });
}
