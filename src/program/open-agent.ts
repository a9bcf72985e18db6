// The agent of a home, over what main knows: keys, hub, machine.
import { tmpdir } from "node:os";
import { startAgent, type Agent } from "../agent/agent.ts";
import { Ticker } from "../http1/ticker.ts";
import type { HubFile } from "../protocol/local-api.ts";
import { Pulse } from "../trunk/liveness.ts";
import { machineHealth } from "../world/machine.ts";
import { realPasswordHasher } from "../world/password-hasher.ts";
import { socketFolder } from "./home-state.ts";
import { hubAddress } from "./hub-address.ts";
import { wipeCredentials } from "./wipe-home.ts";
import { environmentForApps, type Environment, type HomeParts } from "./parts.ts";

export interface OpenAgentOptions {
  hubFile: HubFile;
  /** Where this machine stands, as its configuration says. */
  location: string | undefined;
  localHost: string | undefined;
  localPort: number | undefined;
  /** Ports that must never be published: the hub's own, for one. */
  forbiddenPorts: readonly number[];
  environment: Environment;
  onStopAsked(): void;
}

export async function openAgent(parts: HomeParts, options: OpenAgentOptions): Promise<Agent> {
  const { world, crypto, log, version, paths, identity, about } = parts;
  const { hubFile, localHost, localPort, forbiddenPorts, environment, onStopAsked } = options;
  return startAgent({
    world,
    crypto,
    log,
    version,
    pid: process.pid,
    paths: { ...paths, sockets: socketFolder(paths, tmpdir(), hubFile.device_id.slice(0, 15)) },
    signer: identity.signer,
    hub: hubFile,
    hubAddress: hubAddress(hubFile, environment),
    about: {
      ...about,
      name: hubFile.name,
      ...(options.location === undefined ? {} : { location: options.location }),
    },
    health: () => machineHealth(paths.home),
    hasher: realPasswordHasher,
    pulse: new Pulse(world.timers, world.clock),
    ticker: new Ticker({ clock: world.clock, timers: world.timers }),
    ...(localHost === undefined ? {} : { localHost }),
    ...(localPort === undefined ? {} : { localPort }),
    forbiddenPorts: () => forbiddenPorts,
    environment: environmentForApps(environment),
    wipe: (notice) => wipeCredentials(world.disk, paths, notice),
    onStopAsked,
  });
}
