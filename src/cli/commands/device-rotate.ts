// `muster device rotate NAME`: another secret for the device's named link.

import { askAboutDevices } from "../device-calls.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { plainLine } from "../plain-text.ts";

export async function deviceRotate(invocation: Invocation, device: string): Promise<void> {
  const rotated = await askAboutDevices(invocation, (devices) => devices.rotate({ device }));
  if (invocation.json) return printJson(invocation, rotated);
  invocation.out.line(
    `The tunnel of ${plainLine(rotated.name)} gets a new secret; the former opens nothing.`,
  );
}
