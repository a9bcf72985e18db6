// What a device offers, as lines of `muster device show`.

import type { DeviceView } from "../protocol/views.ts";

type Service = NonNullable<DeviceView["services"]>[number];

/** Each with the way to it on a line of its own. */
export function serviceLines({ name, services = [] }: Pick<DeviceView, "name" | "services">): string[] {
  return services.flatMap((service) => [
    `${service.name}, ${service.service_type} on port ${service.local_port}: ${stateOf(service)}`,
    `  ${typeof service.url === "string" ? service.url : `muster forward ${name}/${service.name}`}`,
  ]);
}

export function capabilityLines({
  capabilities = [],
  abridged,
}: Pick<DeviceView, "capabilities" | "abridged">): string[] {
  if (abridged === true) return ["not shown: the fleet offers more than the hub can tell at once"];
  return capabilities.map(({ protocol, version, models = [] }) => {
    return `${protocol} ${version}${models.length === 0 ? "" : `: ${models.join(", ")}`}`;
  });
}

/** For a list: names, and which of them are not well. */
export function serviceNames({ services = [] }: Pick<DeviceView, "services">): string {
  return services.map(({ name, state }) => (state === "down" ? `${name} (down)` : name)).join(", ");
}

function stateOf({ state, reason }: Service): string {
  if (state === "unknown") return "not known";
  return reason === null ? state : `${state} (${reason})`;
}
