// `muster device rename NAME NEW`.

import { MusterError } from "../../protocol/errors.ts";
import { hostNameProblem } from "../../protocol/names.ts";
import { askAboutDevices } from "../device-calls.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { plainValue } from "../plain-text.ts";

export async function deviceRename(invocation: Invocation, device: string, name: string): Promise<void> {
  const problem = hostNameProblem(name);
  if (problem !== undefined) throw new MusterError("usage", `the name "${name.slice(0, 64)}" ${problem}`);
  const renamed = await askAboutDevices(invocation, (devices) => devices.rename({ device, name }));
  if (invocation.json) return printJson(invocation, renamed);
  const { out } = invocation;
  const { from, name: given } = plainValue(renamed);
  if (given !== name) out.line(`The name ${name} was taken.`);
  out.line(given === from ? `It is still ${given}.` : `Renamed ${from} to ${out.style("bold", given)}.`);
}
