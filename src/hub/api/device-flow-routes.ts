// The login of a device by a code (RFC 8628), and the page's side of it: a person types the code, sees who asks
// and from where, and decides. Nothing is ever approved by a link alone.
import {
  deviceCodeRequest,
  deviceDecideRequest,
  deviceLookupRequest,
  deviceTokenRequest,
  type DeviceCodeResponse,
  type DeviceLookupResponse,
  type DeviceTokenResponse,
} from "../../protocol/joining-api.ts";
import { MusterError } from "../../protocol/errors.ts";
import { isLoopbackAddress, type ActorOf } from "../../protocol/actors.ts";
import {
  beginFlow,
  CODE_LIFETIME_MS,
  decide,
  lookUp,
  POLL_INTERVAL_MS,
  pollFlow,
} from "../devices/device-flow.ts";
import type { Asking, PollResult } from "../devices/device-flow.ts";
import { RateLimiter, sourceOf } from "../rate-limit.ts";
import { json } from "./answers.ts";
import { holdBack } from "./hold-back.ts";
import { hubResource } from "./hub-resource.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

/** One device polls twelve times a minute; a household may have several waiting. */
const POLLS = { burst: 120, refillMs: 60_000 };
/** Codes that one account may type; the code itself bears five wrong ones. */
const TYPED = { burst: 10, refillMs: 60_000 };

const REASONS = {
  authorization_pending: "nobody has approved it yet",
  slow_down: "asked too soon",
  access_denied: "a person has refused it",
  expired_token: "this code is over, was used, or is none",
} as const;

export function deviceFlowRoutes(parts: ApiParts, entries: RateLimiter): Route[] {
  const polls = new RateLimiter(parts.clock, POLLS);
  const typed = new RateLimiter(parts.clock, TYPED);
  return [
    route<"device.join">({
      method: "POST",
      path: "/api/device/code",
      action: "device.join",
      at: "hub",
      async answer(call) {
        call.allow(hubResource(parts));
        const { visitor } = call.facts;
        holdBack(entries.take(sourceOf(visitor)));
        const page = pageOf(parts);
        const asked = await call.json(deviceCodeRequest);
        const { deviceCode, userCode } = await beginFlow(parts.life.flow, asked, visitor);
        const body: DeviceCodeResponse = {
          device_code: deviceCode,
          user_code: userCode,
          verification_uri: `${page}/device`,
          verification_uri_complete: `${page}/device#${userCode}`,
          expires_in: CODE_LIFETIME_MS / 1000,
          interval: POLL_INTERVAL_MS / 1000,
        };
        return json(body);
      },
    }),
    route<"device.join">({
      method: "POST",
      path: "/api/device/token",
      action: "device.join",
      at: "hub",
      async answer(call) {
        call.allow(hubResource(parts));
        holdBack(polls.take(sourceOf(call.facts.visitor)));
        const { device_code: deviceCode, signature } = await call.json(deviceTokenRequest);
        const result = await pollFlow(parts.life.flow, { deviceCode, signature });
        return result.at === "joined" ? joined(parts, call, result.device) : refused(result);
      },
    }),
    route<"device.admit">({
      method: "POST",
      path: "/api/device/lookup",
      action: "device.admit",
      at: "hub",
      async answer(call) {
        const { userId } = personOf(call);
        holdBack(typed.take(userId));
        const { user_code } = await call.json(deviceLookupRequest);
        const asking = await lookUp(parts.life.flow, { typed: user_code, userId });
        return json(shown(asking, mayConfirm(parts, call)));
      },
    }),
    route<"device.admit">({
      method: "POST",
      path: "/api/device/decide",
      action: "device.admit",
      at: "hub",
      async answer(call) {
        const { userId, root } = personOf(call);
        holdBack(typed.take(userId));
        const asked = await call.json(deviceDecideRequest);
        const asking = await lookUp(parts.life.flow, { typed: asked.user_code, userId });
        const confirmed = asked.decision === "approve" && asked.words_compared === true;
        if (confirmed && !mayConfirm(parts, call)) throw onController();
        const approved = { state: "approved", ownerRoot: root } as const;
        const decision = asked.decision === "approve" ? approved : ({ state: "denied" } as const);
        await decide(parts.life.flow, asking, { userId, decision });
        if (confirmed) await parts.home.admitMember(asking);
        await parts.audit.record({
          actor: `user:${userId}`,
          action: asked.decision === "approve" ? "device.admitted" : "device.denied",
          target: `device:${asking.deviceId}`,
          detail: { name: asking.name, from: asking.source, words_compared: confirmed },
          ownerRoot: root,
          requestId: call.facts.requestId,
        });
        return json({ decision: asked.decision, name: asking.name, confirmed });
      },
    }),
  ];
}

async function joined(
  parts: ApiParts,
  call: Pick<Call, "facts">,
  added: Extract<PollResult, { at: "joined" }>["device"],
): Promise<Response> {
  parts.joined?.(added.device_id);
  const device = await parts.life.confirmations.look(added);
  await parts.audit.record({
    actor: `device:${device.device_id}`,
    action: "device.joined",
    target: `device:${device.device_id}`,
    detail: { name: device.name, from: call.facts.visitor, by: "code" },
    ownerRoot: device.owner_root,
    requestId: call.facts.requestId,
  });
  const body: DeviceTokenResponse = {
    device_id: device.device_id,
    name: device.name,
    hostname: parts.addresses.hostnameOf(device.name),
    owners: [device.owner_root],
    owner_root: device.owner_root,
    confirmed: device.confirmed === 1,
  };
  return json(body);
}

/** In the form of RFC 8628, not in ours. */
function refused({ error, intervalMs }: Extract<PollResult, { at: "refused" }>): Response {
  const slower = intervalMs === undefined ? {} : { interval: intervalMs / 1000 };
  return json({ error, error_description: REASONS[error], ...slower }, { status: 400 });
}

function shown(asking: Asking, canConfirm: boolean): DeviceLookupResponse {
  const { name, kind, platform, version, source, deviceId, words } = asking;
  return {
    name,
    kind,
    platform,
    version,
    source,
    words,
    device_id: deviceId,
    expires_at: new Date(asking.expiresAt).toISOString(),
    can_confirm: canConfirm,
  };
}

/** The page on the machine whose own home began this fleet, in a browser that may command. */
function mayConfirm({ home }: ApiParts, { actor, facts }: Pick<Call, "actor" | "facts">): boolean {
  if (actor.kind !== "person" || actor.controller !== "command") return false;
  const root = home.ownerRoot();
  const here = isLoopbackAddress(facts.visitor) && facts.carried !== true;
  return here && root !== undefined && actor.ownerRoots[0] === root;
}

function personOf(call: Call<"device.admit">): { userId: string; root: string } {
  const person = call.actor as ActorOf<"person">; // the table's row lets nobody else in
  const [root] = person.ownerRoots;
  call.allow(root === undefined ? undefined : { kind: "owner", root });
  return { userId: person.userId, root: root ?? "" };
}

function pageOf({ addresses }: ApiParts): string {
  const page = addresses.pageOrigin();
  if (page !== undefined) return page;
  throw new MusterError("unavailable", "this hub shows no page where a device could be approved", {
    hint: "join with a token, made where the hub runs: muster device token",
  });
}

function onController(): MusterError {
  return new MusterError("forbidden", "the words are compared on a controller, not in this page", {
    hint: "approve it here, then on a controller: muster device approve NAME",
  });
}
