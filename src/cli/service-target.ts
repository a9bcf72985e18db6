// DEVICE/SERVICE, or DEVICE/PORT, as a person types it.

import { MusterError } from "../protocol/errors.ts";

export interface ServiceTarget {
  device: string;
  service: string | number;
}

export function parseServiceTarget(target: string): ServiceTarget {
  const [, device, service] = /^([^/\s][^/]*)\/([^/\s]+)$/.exec(target) ?? [];
  if (device === undefined || service === undefined) {
    throw new MusterError("usage", `"${target}" is not of the form DEVICE/SERVICE`, {
      hint: "as in: muster forward pi/postgres 5432",
    });
  }
  const isPort = /^[1-9]\d{0,4}$/.test(service) && Number(service) <= 65_535;
  return { device, service: isPort ? Number(service) : service };
}
