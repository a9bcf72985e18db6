// `muster device show NAME`: one device in full.

import type { LocalResponse } from "../../protocol/local-api.ts";
import { askAboutDevices } from "../device-calls.ts";
import { ago, shortDuration } from "../durations.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { plainValue } from "../plain-text.ts";
import { tableLines, type Cell } from "../table.ts";

const ROLES = {
  controller: "controller: it may command the fleet",
  member: "member: it publishes, and commands nothing",
  none: "unconfirmed: it publishes, but takes and gives no command",
} as const;

export async function deviceShow(
  invocation: Invocation,
  device: string,
  flags: { json?: true | undefined },
): Promise<void> {
  const shown = await askAboutDevices(invocation, (devices) => devices.show({ device }));
  if (flags.json === true) {
    const { device: view, ...rest } = shown;
    return printJson(invocation, { ...view, ...rest });
  }
  const { out, surroundings } = invocation;
  const rows = facts(plainValue(shown), surroundings.clock.now());
  for (const line of tableLines(out, rows, { wide: true })) out.line(line);
}

function facts({ device, shares, role, self, words }: LocalResponse<"device_show">, now: number): Cell[][] {
  const row = (name: string, text: string | null): Cell[][] =>
    text === null || text === "" ? [] : [[{ text: name, style: "dim" }, { text }]];
  const since = device.since === null ? "" : ` for ${shortDuration(now - Date.parse(device.since))}`;
  const seen = device.last_seen === null ? ", never seen" : `, last seen ${ago(device.last_seen, now)}`;
  const state = device.status === "online" ? `online${since}` : `${device.status}${seen}`;
  return [
    ...row("Name", self ? `${device.name} (this device)` : device.name),
    ...row("State", state),
    ...row("", device.status === "stale" ? `gone for good? muster device remove ${device.name}` : null),
    ...row("Kind", `${device.kind}, ${device.platform}`),
    ...row("Role", ROLES[role]),
    ...row("Location", device.location),
    ...row("Address", device.hostname),
    ...row("Version", device.agent_version),
    ...row("Id", device.id),
    ...row("Words", words === null ? null : words.join(" ")),
    // One below the other: a line of many addresses is wider than any terminal.
    ...shares.flatMap((share, at) => row(at === 0 ? "Shares" : "", share.url)),
  ];
}
