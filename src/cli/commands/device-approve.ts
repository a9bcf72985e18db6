// `muster device approve NAME`: lets in a device that joined by a code. The words are what proves that the hub
// named the right key; without them compared, nothing is written.

import { MusterError } from "../../protocol/errors.ts";
import { confirm } from "../confirm.ts";
import { askAboutDevices } from "../device-calls.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { plainLine } from "../plain-text.ts";

export async function deviceApprove(
  invocation: Invocation,
  reference: string,
  flags: { words?: string | undefined },
): Promise<void> {
  const shown = await askAboutDevices(invocation, (devices) => devices.show({ device: reference }));
  const { device, words, in_log: inLog } = shown;
  const name = plainLine(device.name);
  if (inLog) {
    throw new MusterError("conflict", `${name} is in the owner log already`, {
      hint: "nothing is left to approve; muster device owners shows what it may",
    });
  }
  if (words === null) {
    throw new MusterError("forbidden", "this device may not let others in", {
      hint: "do it on a controller, such as the machine that runs the hub",
    });
  }
  if (flags.words === undefined) {
    const facts = [
      `${name} is a ${device.kind} (${plainLine(device.platform)}), fingerprint ${device.id}.`,
      `It shows these words:  ${plainLine(words.join(" "))}`,
    ];
    await confirm(invocation, {
      lost: facts,
      ask: "Are they the same at the device? Let it in?",
      option: "--words",
    });
  } else if (normal(flags.words) !== words.join(" ")) {
    throw new MusterError("bad_signature", "those are not the words of the key that the hub names", {
      hint: `don't let it in; remove it: muster device remove ${name}`,
    });
  }
  const { id } = device;
  const approved = await askAboutDevices(invocation, (devices) => devices.approve({ device: id, words }));
  if (invocation.json) return printJson(invocation, approved);
  invocation.out.line(`${invocation.out.style("bold", name)} is a member of the fleet now.`);
}

function normal(words: string): string {
  return words
    .toLowerCase()
    .trim()
    .split(/[\s,-]+/)
    .join(" ");
}
