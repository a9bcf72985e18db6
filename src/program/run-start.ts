// `muster start`: this machine's agent, and a hub in the same process where the home has joined none.
import type { StartOptions } from "../cli/surroundings.ts";
import type { HubFile } from "../protocol/local-api.ts";
import type { Hub } from "../hub/hub.ts";
import { readHubFile } from "./home-state.ts";
import { openAgent } from "./open-agent.ts";
import { openHub } from "./open-hub.ts";
import { openHome, type Environment, type HomeParts } from "./parts.ts";
import { stoppingOn } from "./until-stopped.ts";

/** Loopback alone, in both families, unless --host says otherwise. */
const LOOPBACK = ["127.0.0.1", "::1"];

export async function runStart(options: StartOptions, environment: Environment): Promise<void> {
  const parts = await openHome(options.home, environment);
  const joined = await readHubFile(parts.world.disk, parts.paths);
  const own = joined === undefined || joined.embedded;
  const { hub, hubFile } = own
    ? await ownHub(parts, options, environment)
    : { hub: undefined, hubFile: joined };
  const stopping = stoppingOn(options.stop);
  try {
    const agent = await openAgent(parts, {
      hubFile,
      localPort: undefined,
      forbiddenPorts: hub === undefined ? [] : [hub.port],
      environment,
      onStopAsked: () => stopping.ask(),
    });
    options.ready({
      hub_url: hubFile.hub_url,
      login_url: (await hub?.loginLink(false)) ?? null,
      device_id: hubFile.device_id,
      device_name: hubFile.name,
      pid: process.pid,
    });
    const reason = await stopping.reason;
    await agent.stop(reason === "asked" ? "stop" : "leave");
  } finally {
    await hub?.close();
  }
}

function ownHub(
  parts: HomeParts,
  options: StartOptions,
  environment: Environment,
): Promise<{ hub: Hub; hubFile: HubFile }> {
  return openHub(parts, {
    hosts: options.host === undefined ? LOOPBACK : hostsFor(options.host),
    port: options.port,
    environment,
  });
}

/** Loopback goes with it: the agent and the page of this machine stay where they are. */
export function hostsFor(host: string): string[] {
  return host === "0.0.0.0"
    ? [host, "::1"]
    : host === "127.0.0.1" || host === "::"
      ? [host]
      : [host, ...LOOPBACK];
}
