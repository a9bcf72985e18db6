// Sizes, shares of a whole and latencies, each with its unit.
import type { MachineHealth } from "../../../src/protocol/views.ts";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

/** Three digits at most, powers of 1000, as disks are sold: "212 GB", "1.4 TB". */
export function size(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = value >= 9.95 || unit === 0 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? "B"}`;
}

/** A whole number of percent; 0 of nothing is 0. */
export function percent(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.round((100 * part) / whole);
}

export function latency(ms: number): string {
  if (ms < 1) return "<1 ms";
  return ms < 9999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** The line about a machine: "load 0.4 of 8 · memory 41 % · disk 212 GB free". */
export function healthParts(health: MachineHealth): string[] {
  return [
    `load ${health.load_1m.toFixed(1)} of ${health.cpus}`,
    `mem ${percent(health.memory_used, health.memory_total)} %`,
    `${size(health.disk_free)} free`,
  ];
}
