// What every long-lived program of a home begins with: world, keys, log.
import { join } from "node:path";
import { nodeCrypto } from "../identity/crypto-node.ts";
import type { Crypto } from "../identity/crypto.ts";
import { parseLogLevels, type Log } from "../protocol/log.ts";
import { MusterError } from "../protocol/errors.ts";
import { isHostName, nameFromFolder } from "../protocol/names.ts";
import type { DeviceKind } from "../protocol/views.ts";
import { openLog } from "../world/log.ts";
import { machineKind, machineName, platformName } from "../world/machine.ts";
import { realWorld } from "../world/real.ts";
import type { Disk, World } from "../world/world.ts";
import { deploymentKind, DEVICE_MARKER, isSystemUnit, VPS_MARKER } from "./deployment.ts";
import { homePaths, type HomePaths } from "./home-paths.ts";
import type { Config } from "./config/read-config.ts";
import { loadIdentity, openHomeFolder, type Identity } from "./home-state.ts";
import { VERSION } from "./version.ts";

export interface HomeParts {
  world: World;
  crypto: Crypto;
  log: Log;
  version: string;
  paths: HomePaths;
  identity: Identity;
  about: { name: string; kind: DeviceKind; platform: string };
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Without a configuration only the environment says what is logged. */
export async function openHome(home: string, environment: Environment, config?: Config): Promise<HomeParts> {
  const world = realWorld;
  const crypto = nodeCrypto((length) => world.random.bytes(length));
  const log = programLog(environment, config?.text("log_level"));
  const paths = homePaths(home);
  await openHomeFolder(world.disk, paths);
  const identity = await loadIdentity(world, { crypto, paths, log });
  return {
    world,
    crypto,
    log,
    version: VERSION,
    paths,
    identity,
    about: aboutThisMachine(await kindHere(world.disk, paths, environment)),
  };
}

async function kindHere(
  disk: Pick<Disk, "info">,
  { home }: HomePaths,
  environment: Environment,
): Promise<DeviceKind> {
  return deploymentKind({
    vpsMarker: (await disk.info(VPS_MARKER)) !== undefined,
    deviceMarker: (await disk.info(join(home, DEVICE_MARKER))) !== undefined,
    systemUnit: isSystemUnit(environment),
    hardware: machineKind(),
  });
}

function aboutThisMachine(kind: DeviceKind): HomeParts["about"] {
  const name = nameFromFolder(machineName());
  return {
    name: name !== undefined && isHostName(name) ? name : "device",
    kind,
    platform: platformName(),
  };
}

/** Throws `usage` for a MUSTER_LOG that says nothing. `configured` already minds the environment. */
export function programLog(environment: Environment, configured?: string): Log {
  const variable = environment["MUSTER_LOG"] ?? "";
  const wanted = variable === "" ? (configured ?? "") : variable;
  const levels = parseLogLevels(wanted, environment["MUSTER_ENV"] === "development" ? "debug" : "info");
  if (levels === undefined) {
    throw new MusterError("usage", `MUSTER_LOG="${wanted}" names no level`, {
      hint: 'for example MUSTER_LOG=debug, or MUSTER_LOG="edge=debug,session=info"',
    });
  }
  return openLog({ levels, terminal: process.stderr.isTTY }).log;
}

/** For what this home runs: everything but what is Muster's own. */
export function environmentForApps(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !name.startsWith("MUSTER_") && !SECRETS.has(name)) kept[name] = value;
  }
  return kept;
}

const SECRETS: ReadonlySet<string> = new Set([
  "CLOUDFLARE_TUNNEL_TOKEN",
  "TOKEN",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
  "LISTEN_FDS",
  "JOURNAL_STREAM",
  "INVOCATION_ID",
  "CREDENTIALS_DIRECTORY",
]);
