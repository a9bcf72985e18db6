// Which device a command runs on where only what it must offer is said: one that is online, with the fewest running
// tasks, then by name.

import { capabilityProtocol } from "../protocol/capabilities.ts";
import { MusterError } from "../protocol/errors.ts";
import type { DeviceView } from "../protocol/views.ts";
import { queryFleet } from "./fleet-queries.ts";
import type { Invocation } from "./invocation.ts";
import { lookAround } from "./overview.ts";
import { plainLine } from "./plain-text.ts";

/** Who does not say how much runs there in this time is taken last. */
const STATS_TIMEOUT_MS = 2000;

/** Its name. Throws `no_device` with who offers it and is offline. */
export async function pickDevice(invocation: Invocation, protocol: string): Promise<string> {
  if (!capabilityProtocol.safeParse(protocol).success) {
    throw new MusterError("usage", `"${plainLine(protocol)}" names no capability`, {
      hint: "such as --on docker",
    });
  }
  const { hub, devices, notices } = await lookAround(invocation);
  if (devices === undefined) {
    throw new MusterError("hub_unreachable", hub.reason ?? notices[0] ?? "nobody here knows the fleet", {
      hint: "see `muster status`",
    });
  }
  const able = devices.filter(({ capabilities = [] }) =>
    capabilities.some((one) => one.protocol === protocol),
  );
  const here = able.filter(({ status }) => status === "online");
  const [only] = here;
  if (only === undefined) throw noneOf(protocol, { able, devices });
  if (here.length === 1) return only.name;
  return (
    leastBusy(
      here.map(({ name }) => name),
      await runningTasks(invocation, here),
    ) ?? only.name
  );
}

/** Who does not say how much runs there comes last. */
export function leastBusy(
  names: readonly string[],
  running: ReadonlyMap<string, number>,
): string | undefined {
  const rank = (name: string): number => running.get(name) ?? Number.MAX_SAFE_INTEGER;
  return names.toSorted((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1))[0];
}

async function runningTasks(
  invocation: Invocation,
  devices: readonly DeviceView[],
): Promise<ReadonlyMap<string, number>> {
  const { items } = await queryFleet(invocation, {
    type: "GetTaskStats",
    params: "{}",
    devices: devices.map(({ id }) => id),
    timeout_ms: STATS_TIMEOUT_MS,
  });
  return new Map(
    items.flatMap(({ device, running }) => (typeof running === "number" ? [[device, running] as const] : [])),
  );
}

const SHOWN_MAX = 20;

function noneOf(
  protocol: string,
  { able, devices }: { able: readonly DeviceView[]; devices: readonly DeviceView[] },
): MusterError {
  if (able.length === 0) {
    return new MusterError("no_device", `no device offers ${protocol}`, {
      hint: offeredHint(devices),
    });
  }
  const offline = able.slice(0, SHOWN_MAX).map(({ name, last_seen: seen }) => {
    const since = seen === null ? "and was never seen" : `since ${seen}`;
    return `${plainLine(name)} (offline ${since})`;
  });
  return new MusterError("no_device", `every device that offers ${protocol} is offline`, {
    hint: `${offline.join(", ")}; --device NAME keeps the task for one until it is back`,
  });
}

function offeredHint(devices: readonly DeviceView[]): string {
  const offered = devices.flatMap(({ capabilities = [] }) => capabilities.map((one) => one.protocol));
  const words = [...new Set(offered)].toSorted().slice(0, SHOWN_MAX);
  return words.length === 0 ? "no device offers anything" : `there are: ${words.join(", ")}`;
}
