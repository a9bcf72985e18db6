// What a person sees of their fleet: devices, shares, and who did what. Only what their own owner logs cover.
import { z } from "zod";
import { MusterError } from "../../protocol/errors.ts";
import { rootsOf, type Action, type ResourceOf } from "../../protocol/permissions.ts";
import type { DeviceView } from "../../protocol/views.ts";
import type { SetupRow } from "../../store/setups.ts";
import { pendingSetups, platformOf } from "../devices/setups.ts";
import { json } from "./answers.ts";
import type { ApiParts } from "./ports.ts";
import { type Call, type Route, route } from "./route.ts";

const auditQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(200).optional(),
});

export function fleetRoutes(parts: ApiParts): Route[] {
  const { fleet, audit } = parts;
  return [
    route<"fleet.see">({
      method: "GET",
      path: "/api/fleet",
      action: "fleet.see",
      at: "hub",
      answer: (call) => json(fleet.viewOf(allowedRoots(call))),
    }),
    route<"fleet.see">({
      method: "GET",
      path: "/api/device/status",
      action: "fleet.see",
      at: "hub",
      async answer(call) {
        const roots = allowedRoots(call);
        const devices = fleet.viewOf(roots).devices.map(deviceStatus);
        const setups = await pendingSetups(parts.life.setups, roots);
        return json({ devices: [...devices, ...setups.map((setup) => setupStatus(parts, setup))] });
      },
    }),
    route<"audit.see">({
      method: "GET",
      path: "/api/audit",
      action: "audit.see",
      at: "hub",
      async answer(call) {
        const [ownerRoot = ""] = allowedRoots(call);
        const query = auditQuery.safeParse(Object.fromEntries(call.url.searchParams));
        if (!query.success) throw badQuery();
        const { limit, cursor = null } = query.data;
        const found = await audit.read({ ownerRoot, limit, cursor });
        if (found === undefined) throw badQuery();
        return json(found);
      },
    }),
  ];
}

/** The actor's own, each asked for; one at least. */
function allowedRoots<A extends Action>(call: Pick<Call<A>, "actor"> & { allow: AllowOwner }): string[] {
  const roots = rootsOf(call.actor);
  if (roots.length === 0) call.allow(undefined);
  return roots.map((root) => call.allow({ kind: "owner", root }).root);
}

type AllowOwner = (resource: ResourceOf<"owner"> | undefined) => ResourceOf<"owner">;

function deviceStatus(device: DeviceView): Record<string, unknown> {
  return {
    device_id: device.id,
    name: device.name,
    kind: device.kind,
    platform: device.platform,
    location: device.location,
    hostname: device.hostname,
    status: device.status,
    confirmed: device.confirmed !== false,
    last_seen: device.last_seen,
    agent_version: device.agent_version,
    services: [],
    capabilities: [],
    // Of the device itself nothing has been proved through a public address.
    link: { kind: "hub", state: "unknown", checked_at: null, reason: null },
  };
}

/** A place that no device has taken yet. */
function setupStatus({ addresses }: ApiParts, setup: SetupRow): Record<string, unknown> {
  return {
    device_id: null,
    setup_id: setup.setup_id,
    name: setup.name,
    kind: null,
    platform: platformOf(setup.device_type),
    location: null,
    hostname: addresses.hostnameOf(setup.name),
    status: "pending",
    confirmed: false,
    expires_at: new Date(setup.expires_at).toISOString(),
    last_seen: null,
    agent_version: null,
    services: [],
    capabilities: [],
    link: { kind: setup.link, state: "unknown", checked_at: null, reason: null },
  };
}

function badQuery(): MusterError {
  return new MusterError("bad_request", "the query does not fit", {
    hint: "limit is 1 to 200, cursor comes from the page before",
  });
}
