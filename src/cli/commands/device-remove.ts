// `muster device remove [NAME]`: takes a device out of the fleet by an entry of the owner log; without a name,
// this one, which then forgets its key and state.

import type { LocalResponse } from "../../protocol/local-api.ts";
import { MusterError } from "../../protocol/errors.ts";
import { confirm } from "../confirm.ts";
import { askAboutDevices } from "../device-calls.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { requireAgent } from "../local-api.ts";
import { joinedHub } from "../overview.ts";
import { plainLine, plainValue } from "../plain-text.ts";
import { stopAgent } from "../stop-agent.ts";

export interface RemoveFlags {
  yes?: true | undefined;
}

export async function deviceRemove(
  invocation: Invocation,
  reference: string | undefined,
  flags: RemoveFlags,
): Promise<void> {
  if (reference === undefined) return leave(invocation, flags);
  const shown = await askAboutDevices(invocation, (devices) => devices.show({ device: reference }));
  if (shown.self) {
    throw new MusterError("usage", `${plainLine(shown.device.name)} is this device`, {
      hint: "to leave the fleet with it: muster device remove",
    });
  }
  if (flags.yes !== true) {
    await confirm(invocation, { lost: lostOf(plainValue(shown)), ask: `Remove ${shown.device.name}?` });
  }
  const { id } = shown.device;
  const removed = await askAboutDevices(invocation, (devices) => devices.remove({ device: id }));
  if (invocation.json) return printJson(invocation, removed);
  const { out } = invocation;
  out.line(
    `Removed ${out.style("bold", plainLine(removed.name))}: its sessions are cut, its addresses gone.`,
  );
  if (removed.by === "owner_log") out.line("It wipes its key at its next contact with the hub.");
}

function lostOf({ device, shares }: LocalResponse<"device_show">): string[] {
  const published = shares.map((share) => share.name).join(", ");
  return [
    `${device.name} (${device.kind}, ${device.id}) leaves the fleet for good: its key is never taken again.`,
    ...(published === "" ? [] : [`What it publishes goes offline: ${published}.`]),
    ...(device.status === "online" ? [] : ["It is offline, and learns of it when it comes back."]),
  ];
}

async function leave(invocation: Invocation, flags: RemoveFlags): Promise<void> {
  const { surroundings, home } = invocation;
  const joined = await joinedHub(invocation);
  if (joined === undefined) throw new MusterError("not_joined", "this home has joined no hub");
  if (joined.embedded) {
    throw new MusterError("conflict", "this device runs the hub, and its key began the fleet", {
      hint: "end both with: muster uninstall --state",
    });
  }
  // Its own agent writes the entry: only a session of this key may leave for it.
  const agent = await requireAgent(invocation);
  if (flags.yes !== true) {
    const { shares } = await agent.call("status", {});
    const published = shares.map((share) => plainLine(share.name)).join(", ");
    const lost = [
      `This device leaves the fleet at ${plainLine(joined.hub_url)}: its key, its shares and their state are wiped.`,
      ...(published === "" ? [] : [`Offline for good: ${published}.`]),
    ];
    await confirm(invocation, { lost, ask: "Leave?" });
  }
  const left = await agent.call("leave", {});
  const desk = await surroundings.openService(home);
  const served = (await desk.state()) !== undefined;
  if (served) await desk.stop();
  await stopAgent(invocation, agent);
  await surroundings.wipe(home);
  if (invocation.json) return printJson(invocation, left);
  invocation.out.line(`Left the fleet. Nothing of ${plainLine(left.name)} is kept here.`);
  if (served) warn(invocation, "its service is stopped and still installed: muster uninstall removes it");
}
