// `muster status`: one screen whose first line says whether all is well. It succeeds whenever it can tell,
// also when what it tells is that nothing runs.

import type { ShareView } from "../../protocol/views.ts";
import type { Invocation } from "../invocation.ts";
import { printJson } from "../invocation.ts";
import { deviceStatusRow } from "../device-rows.ts";
import { isLoopbackUrl } from "../hub-url.ts";
import { joinedHub, lookAround, type Overview } from "../overview.ts";
import { plainValue } from "../plain-text.ts";
import { STATUS_SHORTEN, statusRow } from "../share-rows.ts";
import { summarize } from "../status-summary.ts";
import { tableLines } from "../table.ts";

/** So that the whole stays on one screen; the lists have commands of their own. */
const SHARES_SHOWN = 20;
const DEVICES_SHOWN = 10;

const MOOD_STYLES = { well: "green", unsure: "yellow", unwell: "red" } as const;

interface StatusFlags {
  wide?: true | undefined;
}

export async function status(invocation: Invocation, flags: StatusFlags): Promise<void> {
  const overview = await lookAround(invocation);
  if (invocation.json) return printJson(invocation, overviewJson(overview));
  const { out, surroundings } = invocation;
  const shown = plainValue(overview);
  const now = surroundings.clock.now();
  const summary = summarize(shown, now);
  const running = shown.hub.state !== "stopped";
  for (const [at, line] of summary.lines.entries()) {
    out.line(at === 0 ? out.style(MOOD_STYLES[summary.mood], line) : line);
  }
  if (running) out.line(serverLine(shown, (await joinedHub(invocation))?.lan_url));
  printShares(invocation, { overview: shown, now, wide: flags.wide === true });
  printDevices(invocation, { overview: shown, now, wide: flags.wide === true });
  for (const notice of shown.notices) out.prose(out.style("dim", `Note: ${notice}`));
  if (running && shown.shares.length === 0) out.line("Publish a folder or a port: muster add ./site");
}

/** What scripts get of `status` and `ls`. */
export function overviewJson(overview: Overview): object {
  const { hub, device, shares, devices, notices } = overview;
  return { hub, device, shares, devices: devices ?? [], vms: [], notices };
}

function serverLine({ hub }: Overview, lanUrl: string | undefined): string {
  const url = lanUrl === undefined ? (hub.url ?? "") : plainValue(lanUrl);
  const state = hub.state === "connected" ? "running" : hub.state;
  return `Server: ${url} (${state}${lanUrl === undefined && isLoopbackUrl(url) ? ", local" : ""})`;
}

interface Shown {
  overview: Overview;
  now: number;
  wide: boolean;
}

function printShares({ out }: Invocation, { overview, now, wide }: Shown): void {
  // Those in trouble first, as with devices.
  const shares = overview.shares.toSorted((a, b) => Number(isLive(a)) - Number(isLive(b)));
  if (shares.length === 0) return;
  out.line("Shares:");
  const ids = shares.map((share) => share.id);
  const rows = shares
    .slice(0, wide ? shares.length : SHARES_SHOWN)
    .map((share) => statusRow(share, { now, ids }));
  for (const line of tableLines(out, rows, { indent: "  ", shorten: STATUS_SHORTEN, wide })) out.line(line);
  if (rows.length < shares.length) out.line(`  and ${shares.length - rows.length} more: muster ls`);
}

function isLive({ proof }: ShareView): boolean {
  return proof.state === "live";
}

function printDevices({ out }: Invocation, { overview, now, wide }: Shown): void {
  if (overview.devices === undefined) {
    if (overview.hub.state !== "stopped") out.line("Devices: not known while the hub is out of reach.");
    return;
  }
  // Those in trouble first, so that the cut takes what is well; browsers come and go and stay in `device ls`.
  const devices = overview.devices
    .filter((device) => device.kind !== "browser" && device.status !== "revoked")
    .toSorted((a, b) => Number(a.status === "online") - Number(b.status === "online"));
  if (devices.length === 0) return;
  out.line("Devices:");
  const rows = devices
    .slice(0, wide ? devices.length : DEVICES_SHOWN)
    .map((device) => deviceStatusRow(device, now));
  for (const line of tableLines(out, rows, { indent: "  ", shorten: [3], wide })) out.line(line);
  if (rows.length < devices.length) out.line(`  and ${devices.length - rows.length} more: muster device ls`);
}
