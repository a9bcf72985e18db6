// `muster device show NAME`: one device in full.

import { MusterError } from "../../protocol/errors.ts";
import type { LocalResponse } from "../../protocol/local-api.ts";
import type { DeviceView } from "../../protocol/views.ts";
import { askAboutDevices } from "../device-calls.ts";
import { ago, shortDuration } from "../durations.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { knownPeers, pairingRows, peerNamed, type Peer } from "../paired-with.ts";
import { plainValue } from "../plain-text.ts";
import { capabilityLines, serviceLines } from "../service-rows.ts";
import { tableLines, type Cell } from "../table.ts";

const ROLES = {
  controller: "controller: it may command the fleet",
  member: "member: it publishes, and commands nothing",
  none: "unconfirmed: it publishes, but takes and gives no command",
} as const;

const SHARED = "another owner's, who shares it: you command it";

export async function deviceShow(
  invocation: Invocation,
  device: string,
  flags: { json?: true | undefined },
): Promise<void> {
  const peers = await knownPeers(invocation);
  const shown = await askAboutDevices(invocation, (devices) => devices.show({ device })).catch(
    (thrown: unknown) => {
      const peer = peerNamed(peers, device);
      const elsewhere = thrown instanceof MusterError && ELSEWHERE.has(thrown.code);
      if (peer === undefined || !elsewhere) throw thrown;
      return peer;
    },
  );
  const isOfFleet = "device" in shown;
  const peer = isOfFleet ? peers.find(({ id }) => id === shown.device.id) : shown;
  if (flags.json === true) {
    const pairing = peer === undefined ? {} : { pairing: peerJson(peer) };
    if (!isOfFleet) return printJson(invocation, { id: shown.id, name: shown.name, ...pairing });
    const { device: view, ...rest } = shown;
    return printJson(invocation, { ...view, ...rest, ...pairing });
  }
  const { out, surroundings } = invocation;
  const now = surroundings.clock.now();
  const rows = isOfFleet ? facts(plainValue(shown), now) : strangerFacts(plainValue(shown));
  if (peer !== undefined) rows.push(...pairingRows(plainValue(peer), now));
  const namesake = peers.find(({ id, name }) => isOfFleet && name === device && id !== shown.device.id);
  if (namesake !== undefined) rows.push([{ text: "Not", style: "dim" }, { text: namesakeOf(namesake) }]);
  for (const line of tableLines(out, rows, { wide: true })) out.line(line);
}

/** A device that is paired with this one and of another owner's fleet is in no list of the hub's. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "not_found",
  "hub_unreachable",
  "forbidden",
  "agent_not_running",
]);

function strangerFacts({ id, kind }: Peer): Cell[][] {
  const row = (name: string, text: string): Cell[] => [{ text: name, style: "dim" }, { text }];
  return [row("Kind", kind), row("Id", id)];
}

function namesakeOf({ id }: Peer): string {
  return `the paired device that is called the same here: muster device show ${id}`;
}

function peerJson({ id, name, ...rest }: Peer): object {
  return { peer_id: id, peer_name: name, ...rest };
}

function sharedWith({ name, holds }: NonNullable<DeviceView["co_owners"]>[number]): string {
  return holds ? name : `${name}, who let it go`;
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
    ...row("Role", device.shared === true ? SHARED : ROLES[role]),
    ...row("Shared with", (device.co_owners ?? []).map(sharedWith).join(", ")),
    ...row("Location", device.location),
    ...row("Address", device.hostname),
    ...row("Version", device.agent_version),
    ...row("Id", device.id),
    ...row("Words", words === null ? null : words.join(" ")),
    // One below the other: a line of many addresses is wider than any terminal.
    ...shares.flatMap((share, at) => row(at === 0 ? "Shares" : "", share.url)),
    ...serviceLines(device).flatMap((line, at) => row(at === 0 ? "Services" : "", line)),
    ...capabilityLines(device).flatMap((line, at) => row(at === 0 ? "Capabilities" : "", line)),
    ...row("Queries", (device.queries ?? []).join(", ")),
  ];
}
