// `muster device ls`: every device of the fleet, a line each.

import { DEVICE_HEADINGS, DEVICE_SHORTEN, deviceRow } from "../device-rows.ts";
import { fleetDevices } from "../fleet-devices.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { tableLines } from "../table.ts";

export async function deviceList(invocation: Invocation, flags: { wide?: true | undefined }): Promise<void> {
  const { devices } = await fleetDevices(invocation);
  if (invocation.json) return printJson(invocation, { items: devices });
  const { out, surroundings } = invocation;
  const now = surroundings.clock.now();
  const rows = devices.map((device) => deviceRow(device, now));
  const options = {
    headings: DEVICE_HEADINGS,
    shorten: DEVICE_SHORTEN,
    wide: flags.wide === true,
    // Only lists of capabilities have places to break at; the services keep their names as long as that goes.
    ...(rows.some((row) => row.at(-1)?.text !== "") ? { foldAfter: DEVICE_SHORTEN.indexOf(7) } : {}),
  };
  for (const line of tableLines(out, rows, options)) out.line(line);
  out.line(out.style("dim", "Let another one in: muster device token"));
}
