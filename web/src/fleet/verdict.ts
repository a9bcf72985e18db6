// The first line of the page: that everything is well, or exactly what is not.
import type { DeviceView, FleetView, ShareView } from "../../../src/protocol/views.ts";
import { percent, size } from "../format/size.ts";
import { ago } from "../format/time.ts";
import { shownShare, type Mark } from "./shown-state.ts";

export interface Trouble {
  /** Id of the device or share, which is also its anchor on the page. */
  id: string;
  mark: Mark;
  name: string;
  says: string;
}

export interface Verdict {
  headline: string;
  troubles: Trouble[];
  /** "3 devices online · 4 shares live", which is the whole story when nothing is wrong. */
  counts: string;
}

/** Below these a machine still works, and soon will not. */
const DISK_LOW_PERCENT = 5;
const MEMORY_HIGH_PERCENT = 95;

export function verdict(fleet: FleetView, nowMs: number, asOfMs = nowMs): Verdict {
  const machines = fleet.devices.filter(isMachine);
  const troubles = [
    ...machines.flatMap((device) => deviceTroubles(device, nowMs)),
    ...fleet.shares.flatMap((share) => shareTroubles(share, fleet, asOfMs)),
  ];
  return {
    headline: headlineOf(troubles.length, machines.length),
    troubles,
    counts: countsOf(fleet, machines, asOfMs),
  };
}

/** A browser comes and goes with its tab; it is listed apart and is never a trouble. */
export function isMachine(device: DeviceView): boolean {
  return device.kind !== "browser" && device.status !== "revoked";
}

function headlineOf(troubles: number, machines: number): string {
  if (machines === 0) return "No machine here yet";
  if (troubles === 0) return "All is well";
  return troubles === 1 ? "One thing is not well" : `${troubles} things are not well`;
}

function deviceTroubles(device: DeviceView, nowMs: number): Trouble[] {
  const { id, name, health } = device;
  if (isAway(device))
    return [{ id, name, mark: "dead", says: `${device.status}, last seen ${ago(device.last_seen, nowMs)}` }];
  if (device.status !== "online" || health === null) return [];
  const troubles: Trouble[] = [];
  if (percent(health.disk_free, health.disk_total) < DISK_LOW_PERCENT) {
    troubles.push({
      id,
      name,
      mark: "degraded",
      says: `only ${size(health.disk_free)} of its disk are free`,
    });
  }
  const memory = percent(health.memory_used, health.memory_total);
  if (memory > MEMORY_HIGH_PERCENT) {
    troubles.push({ id, name, mark: "degraded", says: `${memory} % of its memory is used` });
  }
  return troubles;
}

function isAway({ status }: DeviceView): boolean {
  return status === "offline" || status === "stale";
}

function shareTroubles(share: ShareView, fleet: FleetView, asOfMs: number): Trouble[] {
  const device = fleet.devices.find((candidate) => candidate.id === share.device_id);
  // The device's own line already says why nothing on it answers.
  if (device !== undefined && isAway(device)) return [];
  const shown = shownShare(share, asOfMs);
  if (shown.mark === "live" || shown.mark === "unknown") return [];
  const { id, name } = share;
  return [
    {
      id,
      name,
      mark: shown.mark,
      says: shown.reason === null ? shown.word : `${shown.word}: ${shown.reason}`,
    },
  ];
}

function countsOf(fleet: FleetView, machines: DeviceView[], asOfMs: number): string {
  const online = machines.filter((device) => device.status === "online").length;
  const live = fleet.shares.filter((share) => shownShare(share, asOfMs).mark === "live").length;
  return [of(online, machines.length, "device", "online"), of(live, fleet.shares.length, "share", "live")]
    .filter((part) => part !== null)
    .join(" · ");
}

function of(count: number, all: number, noun: string, word: string): string | null {
  if (all === 0) return null;
  const nouns = all === 1 ? noun : `${noun}s`;
  return count === all ? `${all} ${nouns} ${word}` : `${count} of ${all} ${nouns} ${word}`;
}
