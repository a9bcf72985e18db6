// The picture of a fleet goes out as one message, which has a bound; what devices say of themselves must not make it one
// that nobody can be told. Of a picture that is too large the devices that say most lose what they offer first, then
// their shares; then those that are away are left out, the longest away first.
import { utf8 } from "../protocol/bytes.ts";
import type { DeviceView, FleetView } from "../protocol/views.ts";

/** The same picture where it fits. */
export function withinSize(view: FleetView, maxBytes: number): FleetView {
  let bytes = sizeOf(view);
  if (bytes <= maxBytes) return view;
  const devices = new Map(view.devices.map((device) => [device.id, device]));
  for (const { id, saved, lean } of heaviest(view.devices.map((device) => leanOf(device)))) {
    if (bytes <= maxBytes) break;
    devices.set(id, lean);
    bytes -= saved;
  }
  const silent = new Set<string>();
  for (const { id, saved } of heaviest(shareSizes(view))) {
    if (bytes <= maxBytes) break;
    silent.add(id);
    bytes -= saved;
  }
  for (const device of [...devices.values()].toSorted(longestAwayFirst)) {
    if (bytes <= maxBytes) break;
    devices.delete(device.id);
    silent.add(device.id);
    bytes -= sizeOf(device) + 1;
  }
  return {
    ...view,
    devices: [...devices.values()],
    shares: view.shares.filter(({ device_id }) => !silent.has(device_id)),
  };
}

interface Saving {
  id: string;
  /** Bytes. */
  saved: number;
}

function leanOf(device: DeviceView): Saving & { lean: DeviceView } {
  const { services = [], capabilities = [], queries = [], ...rest } = device;
  const lean: DeviceView = { ...rest, abridged: true };
  const offersAny = services.length + capabilities.length + queries.length > 0;
  return { id: device.id, saved: offersAny ? sizeOf(device) - sizeOf(lean) : 0, lean };
}

function shareSizes({ shares }: FleetView): Saving[] {
  const sizes = new Map<string, number>();
  for (const share of shares) {
    sizes.set(share.device_id, (sizes.get(share.device_id) ?? 0) + sizeOf(share) + 1);
  }
  return [...sizes].map(([id, saved]) => ({ id, saved }));
}

function heaviest<One extends Saving>(all: readonly One[]): One[] {
  return all.filter(({ saved }) => saved > 0).toSorted((one, other) => other.saved - one.saved);
}

const WORTH: Record<DeviceView["status"], number> = {
  revoked: 0,
  pending: 1,
  stale: 2,
  offline: 3,
  online: 4,
};

function longestAwayFirst(one: DeviceView, other: DeviceView): number {
  return (
    WORTH[one.status] - WORTH[other.status] ||
    Date.parse(one.since ?? "") - Date.parse(other.since ?? "") ||
    0
  );
}

function sizeOf(value: object): number {
  return utf8(JSON.stringify(value)).length;
}
