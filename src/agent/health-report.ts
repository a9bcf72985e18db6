// Tells the hub how this machine is: at each new session, and every ten seconds while there is one.
import type { MachineHealth } from "../protocol/views.ts";
import type { Timers } from "../world/world.ts";
import type { HubPort } from "./hub-port.ts";

export const REPORT_EVERY_MS = 10_000;

export interface HealthReport {
  /** A session was opened. */
  connected(): void;
  stop(): void;
}

export function reportHealth(timers: Timers, hub: HubPort, health: () => MachineHealth): HealthReport {
  const report = (): void => {
    if (hub.state.at === "connected") hub.send({ type: "device_state", health: health() });
  };
  const timer = timers.every(REPORT_EVERY_MS, report);
  return { connected: report, stop: () => timer.cancel() };
}
