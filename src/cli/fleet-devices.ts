// The devices of the fleet, from whoever can tell: the agent of this home, else the hub by its controller key.

import { MusterError } from "../protocol/errors.ts";
import type { DeviceView } from "../protocol/views.ts";
import type { Invocation } from "./invocation.ts";
import { askAgentOrHub } from "./overview.ts";

export interface FleetDevices {
  /** Of this device itself; null before it has joined. */
  own: string | null;
  devices: DeviceView[];
}

export function fleetDevices(invocation: Invocation): Promise<FleetDevices> {
  return askAgentOrHub(invocation, {
    agent: async (agent) => {
      const { fleet, hub, device } = await agent.call("status", {});
      if (fleet !== null) return { own: device.id, devices: fleet.devices };
      throw new MusterError(
        "hub_unreachable",
        `the hub ${hub.url} can't be reached, so the fleet is not known`,
        { hint: "see `muster status`" },
      );
    },
    hub: async (session) => ({
      own: session.device.id,
      devices: (await session.request("fleet_get", {})).fleet.devices,
    }),
  });
}
