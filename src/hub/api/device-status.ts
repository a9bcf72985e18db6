// What a person's program is told of each device: what it is, how it is, what it offers, and what leads to it.
// A place that was prepared and that nobody has taken yet stands among them as pending.
import type { Kysely } from "kysely";
import type { DeviceView } from "../../protocol/views.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { SetupRow } from "../../store/setups.ts";
import { listTunnels, type TunnelRow } from "../../store/tunnel-rows.ts";
import { platformOf } from "../devices/setups.ts";
import type { ApiParts } from "./ports.ts";

type Status = Record<string, unknown>;

export async function deviceStatuses(
  { db, addresses }: Pick<ApiParts, "addresses"> & { db: Kysely<HubDatabase> },
  { devices, setups }: { devices: readonly DeviceView[]; setups: readonly SetupRow[] },
): Promise<Status[]> {
  const tunnels = new Map((await listTunnels(db)).map((row) => [row.holder, row]));
  return [
    ...devices.map((device) => deviceStatus(device, tunnels.get(device.id))),
    ...setups.map((setup) => ({
      ...setupStatus(setup, tunnels.get(setup.setup_id)),
      hostname: addresses.hostnameOf(setup.name),
    })),
  ];
}

function deviceStatus(device: DeviceView, tunnel: TunnelRow | undefined): Status {
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
    services: device.services ?? [],
    capabilities: device.capabilities ?? [],
    link: linkOf(tunnel, "hub"),
  };
}

function setupStatus(setup: SetupRow, tunnel: TunnelRow | undefined): Status {
  return {
    device_id: null,
    setup_id: setup.setup_id,
    name: setup.name,
    kind: null,
    platform: platformOf(setup.device_type),
    location: null,
    status: "pending",
    confirmed: false,
    expires_at: new Date(setup.expires_at).toISOString(),
    last_seen: null,
    agent_version: null,
    services: [],
    capabilities: [],
    link: linkOf(tunnel, setup.link),
  };
}

/** Of a device without a tunnel nothing has been proved through a public address. */
function linkOf(tunnel: TunnelRow | undefined, kind: string): Status {
  if (tunnel === undefined) return { kind, state: "unknown", checked_at: null, reason: null };
  const { state, checked_at, reason } = tunnel;
  const checked = checked_at === null ? null : new Date(checked_at).toISOString();
  return { kind: "named", state, checked_at: checked, reason };
}
