// The agent of a home, over what main knows: keys, hub, machine.
import { homedir, tmpdir } from "node:os";
import { startAgent, type Agent } from "../agent/agent.ts";
import type { OfferedService } from "../agent/services/offered-service.ts";
import { Ticker } from "../http1/ticker.ts";
import { nodeDhKey, nodeSessionCrypto } from "../identity/sealed/session-crypto-node.ts";
import type { HubFile } from "../protocol/local-api.ts";
import { Pulse } from "../trunk/liveness.ts";
import { realLargeFiles } from "../world/large-files.ts";
import { machineHealth } from "../world/machine.ts";
import { realPasswordHasher } from "../world/password-hasher.ts";
import { realPrograms } from "../world/programs.ts";
import { builtInsOf } from "./config/configured-built-ins.ts";
import { offeringOf } from "./config/configured-offering.ts";
import type { Config } from "./config/read-config.ts";
import { socketFolder, writeHubFile } from "./home-state.ts";
import { hubAddress } from "./hub-address.ts";
import { ensureCloudflared } from "./cloudflared/ensure.ts";
import { keeperCommand } from "./self-command.ts";
import { taskPlace } from "./task-place.ts";
import { wipeCredentials } from "./wipe-home.ts";
import { environmentForApps, type Environment, type HomeParts } from "./parts.ts";

export interface OpenAgentOptions {
  hubFile: HubFile;
  /** Where this machine stands, as its configuration says. */
  location: string | undefined;
  /** `[links] named` of this machine's configuration. */
  namedLink: boolean;
  localHost: string | undefined;
  localPort: number | undefined;
  /** Ports that must never be published: the hub's own, for one. */
  forbiddenPorts: readonly number[];
  environment: Environment;
  /** For `[policy]`. */
  config: Config;
  services: readonly OfferedService[];
  /** Of `--disable-capability`, besides the configuration's. */
  disabledFlags?: readonly string[] | undefined;
  /** Of the state of the hub in this home, for `muster status`. */
  losses?: readonly string[];
  onStopAsked(): void;
}

export async function openAgent(parts: HomeParts, options: OpenAgentOptions): Promise<Agent> {
  const { world, crypto, log, version, paths, identity, about } = parts;
  const { hubFile, config, localHost, localPort, forbiddenPorts, environment, onStopAsked } = options;
  return startAgent({
    world,
    crypto,
    log,
    version,
    pid: process.pid,
    paths: { ...paths, sockets: socketFolder(paths, tmpdir(), hubFile.device_id.slice(0, 15)) },
    signer: identity.signer,
    linkKey: identity.linkKey,
    subtle: globalThis.crypto.subtle,
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
    namedLink: {
      wanted: options.namedLink,
      program: (stop) =>
        ensureCloudflared({
          world,
          home: paths.home,
          environment,
          platform: about.platform,
          say: (line) => log.part("link").info(line.trim()),
          stop,
        }),
    },
    largeFiles: realLargeFiles,
    command: {
      programs: realPrograms,
      link: {
        crypto: nodeSessionCrypto(crypto),
        key: nodeDhKey(crypto, identity.keys.link.reveal()),
      },
      policy: {
        exec: config.text("policy.exec") === "off" ? "off" : "owner",
        browser: config.text("policy.browser") === "off" ? "off" : "on",
      },
      userHome: homedir(),
      tasks: {
        place: taskPlace(config.text("tasks.database_url"), paths.home),
        runningMax: config.number("tasks.max_running") ?? 1,
        keeper: keeperCommand(),
      },
    },
    offering: offeringOf(config, options.disabledFlags),
    builtIns: builtInsOf(config, { environment, userHome: homedir() }),
    services: options.services,
    losses: options.losses ?? [],
    roleChanged(controller) {
      if (controller === hubFile.controller) return;
      hubFile.controller = controller;
      void writeHubFile(world.disk, paths, hubFile).catch((error: unknown) => {
        log.error("hub.json could not be written", { error });
      });
    },
    wipe: (notice) => wipeCredentials(world.disk, paths, notice),
    assets: async () => (await import("../world/page-assets.ts")).loadAssets(),
    onStopAsked,
  });
}
