// What this machine is and how it is: platform, kind, mark, health.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, statfsSync } from "node:fs";
import { arch, availableParallelism, freemem, hostname, loadavg, totalmem, uptime } from "node:os";
import type { DeviceKind, MachineHealth } from "../protocol/views.ts";

/** "linux-x86_64", "darwin-arm64", … */
export function platformName(): string {
  const cpu = arch() === "x64" ? "x86_64" : arch() === "arm" ? "armv7" : arch();
  const system = process.platform === "win32" ? "windows" : process.platform;
  return `${system}-${cpu}`;
}

/** The name people gave this machine, without its domain. */
export function machineName(): string {
  return hostname().split(".")[0] ?? "";
}

export function machineKind(): DeviceKind {
  if (readText("/proc/device-tree/model").includes("Raspberry Pi")) return "raspberry_pi";
  return hasBattery() ? "laptop" : "desktop";
}

/**
 * Opaque mark of this machine: state that was copied elsewhere shows by it. The cloud's instance id comes
 * first, since an image may carry the machine-id of the machine that it was made from.
 */
export function machineMark(): string {
  const instance = readText("/var/lib/cloud/data/instance-id").trim();
  if (instance !== "" && instance !== "iid-datasource-none") return `instance:${instance}`;
  const machine = readText("/etc/machine-id").trim();
  return machine === "" ? `host:${hostname()}` : `machine:${machine}`;
}

/** Reading /proc costs 0.05 ms; asking programs costs a hundred times more. */
export function machineHealth(folder: string): MachineHealth {
  const memory = memoryOf();
  const disk = statfsSync(folder);
  return {
    uptime_s: Math.round(uptime()),
    load_1m: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    cpus: availableParallelism(),
    memory_used: memory.total - memory.available,
    memory_total: memory.total,
    disk_free: disk.bavail * disk.bsize,
    disk_total: disk.blocks * disk.bsize,
  };
}

/** Linux counts caches as used; what programs could still get is MemAvailable (proc(5)). */
function memoryOf(): { total: number; available: number } {
  const text = readText("/proc/meminfo");
  const kib = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  const total = kib("MemTotal");
  return total > 0 ? { total, available: kib("MemAvailable") } : { total: totalmem(), available: freemem() };
}

function hasBattery(): boolean {
  if (process.platform === "darwin") return macHasBattery();
  try {
    return readdirSync("/sys/class/power_supply").some((name) => name.startsWith("BAT"));
  } catch {
    // No such folder: a container, or not Linux.
    return false;
  }
}

/** Model names stopped telling laptops from others; what feeds the machine tells it (pmset(1)). */
function macHasBattery(): boolean {
  try {
    const told = execFileSync("/usr/bin/pmset", ["-g", "batt"], {
      encoding: "utf8",
      timeout: 2_000,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return told.includes("InternalBattery");
  } catch {
    // Not there, or it does not answer: as without one.
    return false;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not there or not ours to read: nothing is known from it.
    return "";
  }
}
