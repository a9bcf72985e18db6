// What kind of machine a home is on, where nobody has said so.
import type { DeviceKind } from "../protocol/views.ts";

/** In the home. */
export const DEVICE_MARKER = "device.marker";
/** Of the whole machine. */
export const VPS_MARKER = "/etc/muster/vps.marker";

export interface DeploymentFacts {
  vpsMarker: boolean;
  deviceMarker: boolean;
  /** Started by a service manager of the machine, not of a person. */
  systemUnit: boolean;
  /** As the hardware looks: a battery, a Raspberry Pi. */
  hardware: DeviceKind;
}

/** Markers first; a program that the machine itself starts is a server's; else what the hardware looks like. */
export function deploymentKind({
  vpsMarker,
  deviceMarker,
  systemUnit,
  hardware,
}: DeploymentFacts): DeviceKind {
  if (hardware === "raspberry_pi") return hardware;
  if (vpsMarker) return "vps";
  if (deviceMarker) return hardware === "vps" ? "desktop" : hardware;
  return systemUnit ? "vps" : hardware;
}

/** Units of a person's manager know whose session they are in. */
export function isSystemUnit(environment: Readonly<Record<string, string | undefined>>): boolean {
  return (environment["INVOCATION_ID"] ?? "") !== "" && (environment["XDG_RUNTIME_DIR"] ?? "") === "";
}
