// A device as one line.

import { specialCapabilities } from "../protocol/special-capabilities.ts";
import type { DeviceView } from "../protocol/views.ts";
import { ago, shortDuration } from "./durations.ts";
import { serviceNames } from "./service-rows.ts";
import type { Cell } from "./table.ts";
import type { Style } from "./terminal.ts";

const STATUS_STYLES = {
  online: "green",
  offline: "red",
  stale: "red",
  pending: "yellow",
  revoked: "dim",
} as const satisfies Record<DeviceView["status"], Style>;

export const DEVICE_HEADINGS = [
  "NAME",
  "STATUS",
  "SINCE",
  "KIND",
  "PLATFORM",
  "VERSION",
  "ID",
  "SERVICES",
  "CAPABILITIES",
] as const;

/** The row of `device ls`. */
export function deviceRow(device: DeviceView, now: number): Cell[] {
  const special = [...new Set(specialCapabilities(device.capabilities).map(({ protocol }) => protocol))];
  return [
    ...deviceStatusRow(device, now).slice(0, 3),
    { text: device.kind, short: "" },
    { text: device.platform, short: "" },
    { text: device.agent_version ?? "-", short: "" },
    { text: device.id, short: device.id.slice(0, 7) },
    { text: serviceNames(device), short: String(device.services?.length || "") },
    { text: special.join(", "), short: String(special.length || "") },
  ];
}

/** By their places: id, version, platform, kind, services, capabilities. */
export const DEVICE_SHORTEN = [6, 5, 4, 3, 7, 8] as const;

/** The row of `status`: name, status, since when, kind and platform, round trip. */
export function deviceStatusRow(device: DeviceView, now: number): Cell[] {
  const latency =
    device.latency_ms === null || device.status !== "online" ? "" : `${Math.round(device.latency_ms)} ms`;
  return [
    { text: device.name, style: "bold" },
    statusCell(device),
    { text: sinceText(device, now) },
    { text: `${device.kind}, ${device.platform}`, short: device.kind },
    { text: latency },
  ];
}

/** Whoever has not compared its words should see that first. */
function statusCell({ status, confirmed, shared }: DeviceView): Cell {
  if (shared === true) return { text: `${status}, shared`, short: status, style: STATUS_STYLES[status] };
  if (confirmed !== false || status === "revoked") return { text: status, style: STATUS_STYLES[status] };
  return { text: `unconfirmed, ${status}`, short: "unconfirmed", style: "yellow" };
}

/** How long it has been online, or when it was last heard of. */
function sinceText(device: DeviceView, now: number): string {
  if (device.status === "online" && device.since !== null)
    return `for ${shortDuration(now - Date.parse(device.since))}`;
  if (device.last_seen !== null) return ago(device.last_seen, now);
  return device.status === "pending" ? "not yet seen" : "-";
}
