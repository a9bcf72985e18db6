// `muster device ls`: every device of the fleet, a line each.

import { MusterError } from "../../protocol/errors.ts";
import { DEVICE_HEADINGS, DEVICE_SHORTEN, deviceRow } from "../device-rows.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { askAgentOrHub } from "../overview.ts";
import { tableLines } from "../table.ts";

export async function deviceList(invocation: Invocation, flags: { wide?: true | undefined }): Promise<void> {
  const devices = await askAgentOrHub(invocation, {
    agent: async (agent) => {
      const { fleet, hub } = await agent.call("status", {});
      if (fleet !== null) return fleet.devices;
      throw new MusterError(
        "hub_unreachable",
        `the hub ${hub.url} can't be reached, so the fleet is not known`,
        {
          hint: "see `muster status`",
        },
      );
    },
    hub: async (session) => (await session.request("fleet_get", {})).fleet.devices,
  });
  if (invocation.json) return printJson(invocation, { items: devices });
  const { out, surroundings } = invocation;
  const now = surroundings.clock.now();
  const rows = devices.map((device) => deviceRow(device, now));
  const options = { headings: DEVICE_HEADINGS, shorten: DEVICE_SHORTEN, wide: flags.wide === true };
  for (const line of tableLines(out, rows, options)) out.line(line);
  out.line(out.style("dim", "Let another one in: muster device token"));
}
