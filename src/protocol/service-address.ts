// Where a service of a device is found at a hub: under a host of its own, `SERVICE--DEVICE`, or below
// `/d/DEVICE/SERVICE/` for programs. No name holds two hyphens in a row, so a label is read in one way alone.
import { isServiceName } from "./names.ts";

/** The target of a stream that the hub opens for it. */
export const SERVICE_TARGET = "service:";

export interface ServicePlace {
  service: string;
  /** The device's name. */
  device: string;
}

const HOST_SERVICE = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
/** With two hyphens and a device's name behind it, it still is a DNS label of 63 characters. */
const HOST_SERVICE_MAX = 30;
/** Browsers read a label that begins with `xn--` as another one. */
const PUNYCODE = "xn";

/** Undefined for a name that is no host's: such a service is reached by path and by `muster forward` alone. */
export function serviceLabel({ service, device }: ServicePlace): string | undefined {
  const fits = service.length <= HOST_SERVICE_MAX && HOST_SERVICE.test(service) && !service.includes("--");
  return fits && service !== PUNYCODE ? `${service}--${device}` : undefined;
}

/** Undefined for a label that is no service's, whether there is such a one or not. */
export function readServiceLabel(label: string): ServicePlace | undefined {
  const at = label.indexOf("--");
  return at <= 0 ? undefined : { service: label.slice(0, at), device: label.slice(at + 2) };
}

export interface ServicePath extends ServicePlace {
  /** What the service is asked for. */
  target: string;
}

export function servicePath({ service, device }: ServicePlace): string {
  return `/d/${device}/${service}/`;
}

/** Undefined for a target that is not below `/d/DEVICE/SERVICE`. */
export function readServicePath(target: string): ServicePath | undefined {
  const [, device, service, rest = ""] =
    /^\/d\/([a-z0-9-]{1,64})\/([^/?]{1,64})((?:[/?].*)?)$/.exec(target) ?? [];
  if (device === undefined || service === undefined || !isServiceName(service)) return undefined;
  return { device, service, target: rest.startsWith("/") ? rest : `/${rest}` };
}
