// The order of the list and what typing leaves of it. The machine with the hub first, then online before
// offline, then by name: a list that does not jump while states change within a group of two.
import type { DeviceView, FleetView, ShareView } from "../../../src/protocol/views.ts";
import { isMachine } from "./verdict.ts";

export interface Group {
  device: DeviceView;
  shares: ShareView[];
}

export interface Arranged {
  machines: Group[];
  browsers: DeviceView[];
}

export function arrange(fleet: FleetView, filter: string, hubDeviceId: string | null): Arranged {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const groups = fleet.devices.map((device) => ({ device, shares: sharesOf(fleet, device.id) }));
  const kept = groups.flatMap((group) => filtered(group, words));
  return {
    machines: kept
      .filter(({ device }) => isMachine(device))
      .sort((a, b) => compare(a.device, b.device, hubDeviceId)),
    browsers: kept
      .map(({ device }) => device)
      .filter((device) => device.kind === "browser" && device.status !== "revoked")
      .sort((a, b) => compare(a, b, hubDeviceId)),
  };
}

/** A device that matches keeps all its shares; one that does not keeps those that match, and itself above them. */
function filtered(group: Group, words: string[]): Group[] {
  if (matches(deviceText(group.device), words)) return [group];
  const shares = group.shares.filter((share) =>
    matches(`${deviceText(group.device)} ${shareText(share)}`, words),
  );
  return shares.length === 0 ? [] : [{ device: group.device, shares }];
}

function matches(text: string, words: string[]): boolean {
  return words.every((word) => text.includes(word));
}

function deviceText(device: DeviceView): string {
  const { services = [], capabilities = [] } = device;
  return [
    device.name,
    device.kind,
    device.platform,
    device.hostname ?? "",
    device.status,
    ...services.flatMap(({ name, service_type }) => [name, service_type]),
    ...capabilities.map(({ protocol }) => protocol),
  ]
    .join(" ")
    .toLowerCase();
}

function shareText(share: ShareView): string {
  return [
    share.name,
    share.kind,
    share.state,
    share.url,
    share.access,
    share.proof.state,
    share.description ?? "",
  ]
    .join(" ")
    .toLowerCase();
}

function sharesOf(fleet: FleetView, deviceId: string): ShareView[] {
  return fleet.shares.filter((share) => share.device_id === deviceId).sort((a, b) => byName(a.name, b.name));
}

function compare(a: DeviceView, b: DeviceView, hubDeviceId: string | null): number {
  const rank = (device: DeviceView): number =>
    device.id === hubDeviceId ? 0 : device.status === "online" ? 1 : 2;
  return rank(a) - rank(b) || byName(a.name, b.name);
}

function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
