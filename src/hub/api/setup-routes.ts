// Set-ups, made in the page: a prepared place, its name, and the code with which one machine takes it. The code
// is shown in this one answer. A named link is made at once, and its credentials go to the device alone.
import {
  deviceSetupRequest,
  type CodeRegisterRequest,
  type DeviceSetupResponse,
} from "../../protocol/joining-api.ts";
import type { DeviceRegisterResponse } from "../../protocol/hub-api.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { ActorOf } from "../../protocol/actors.ts";
import { removeSetup } from "../../store/setups.ts";
import { prepareSetup, registerByCode, type PreparedSetup } from "../devices/setups.ts";
import { RateLimiter } from "../rate-limit.ts";
import { json } from "./answers.ts";
import { holdBack } from "./hold-back.ts";
import type { ApiParts, RequestFacts } from "./ports.ts";
import { type Route, route } from "./route.ts";
import { tunnelFor, type TunnelAnswer } from "./tunnel-answer.ts";

const SETUPS = { burst: 20, refillMs: 3_600_000 };

export function setupRoutes(parts: ApiParts): Route[] {
  const limiter = new RateLimiter(parts.clock, SETUPS);
  return [
    route<"device.admit">({
      method: "POST",
      path: "/api/device/setup",
      action: "device.admit",
      at: "hub",
      async answer(call) {
        const { userId, ownerRoots } = call.actor as ActorOf<"person">; // the table's row lets nobody else in
        const [ownerRoot] = ownerRoots;
        call.allow(ownerRoot === undefined ? undefined : { kind: "owner", root: ownerRoot });
        const asked = await call.json(deviceSetupRequest);
        holdBack(limiter.take(userId));
        const prepared = await prepareSetup(parts.life.setups, asked, { userId, ownerRoot: ownerRoot ?? "" });
        const tunnelId = await tunnelOf(parts, prepared);
        await parts.audit.record({
          actor: `user:${userId}`,
          action: "device.prepared",
          target: `setup:${prepared.setup.setup_id}`,
          detail: { name: prepared.setup.name, type: asked.device_type, link: prepared.setup.link },
          ownerRoot: ownerRoot ?? "",
          requestId: call.facts.requestId,
        });
        return json(setupAnswer(parts, prepared, tunnelId));
      },
    }),
  ];
}

/** With the device's place goes what was prepared for it. */
export async function registerWithCode(
  parts: ApiParts,
  asked: CodeRegisterRequest,
  facts: RequestFacts,
): Promise<DeviceRegisterResponse & TunnelAnswer> {
  const { device, setup } = await registerByCode(parts.life.setups, asked);
  parts.joined?.(device.device_id);
  const tunnel = await tunnelFor(parts, { setupId: setup.setup_id, deviceId: device.device_id });
  await parts.audit.record({
    actor: `device:${device.device_id}`,
    action: "device.joined",
    target: `device:${device.device_id}`,
    detail: { name: device.name, from: facts.visitor, by: "registration code" },
    ownerRoot: device.owner_root,
    requestId: facts.requestId,
  });
  return {
    device_id: device.device_id,
    name: device.name,
    hostname: parts.addresses.hostnameOf(device.name),
    owners: [device.owner_root],
    ...tunnel,
  };
}

/** What can't be made leaves no set-up behind. */
async function tunnelOf(parts: ApiParts, { setup }: PreparedSetup): Promise<string | null> {
  if (setup.link !== "named") return null;
  try {
    const hostname = parts.addresses.hostnameOf(setup.name);
    if (hostname === "") throw needsDomain();
    await parts.life.named.link.create({ holder: setup.setup_id, hostname });
    return (await parts.life.named.link.credentials(setup.setup_id))?.tunnelId ?? null;
  } catch (error) {
    await removeSetup(parts.db, setup.setup_id, parts.clock.now());
    await parts.life.named.link.remove(setup.setup_id).catch(() => {}); // its journal goes on with it
    throw error;
  }
}

function setupAnswer(
  { addresses }: ApiParts,
  { setup, code }: PreparedSetup,
  tunnelId: string | null,
): DeviceSetupResponse {
  const hub = addresses.hubUrl();
  const windows = setup.device_type === "windows_x86_64";
  const word = code ?? "TOKEN";
  return {
    setup_id: setup.setup_id,
    hostname: addresses.hostnameOf(setup.name),
    tunnel_id: tunnelId,
    registration_code: code,
    expires_at: new Date(setup.expires_at).toISOString(),
    setup_script: windows
      ? `muster init ${hub} --token ${word}`
      : `curl -fsSL ${hub}/install.sh | sh -s -- ${word}`,
  };
}

function needsDomain(): MusterError {
  return new MusterError("unavailable", "a named link needs a hub with a domain, for its host name", {
    hint: "start the hub with --domain DOMAIN, a domain of the configured Cloudflare zone",
  });
}
