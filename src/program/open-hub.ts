// The hub of a home: its own key and secret, made once, and the hub over them.
import { tmpdir } from "node:os";
import { Secret } from "../identity/secret.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import type { HubFile } from "../protocol/local-api.ts";
import { startHub, type Hub } from "../hub/hub.ts";
import { loadAssets } from "../world/page-assets.ts";
import { realPasswordHasher } from "../world/password-hasher.ts";
import { MusterError } from "../protocol/errors.ts";
import { loadSecret, socketFolder, writeHubFile } from "./home-state.ts";
import type { Environment, HomeParts } from "./parts.ts";

export interface OpenHubOptions {
  hosts: string[];
  port: number | undefined;
  domain?: string;
  tls?: { cert: string; key: string };
  environment: Environment;
}

const SECRET_BYTES = 32;

export async function openHub(
  parts: HomeParts,
  options: OpenHubOptions,
): Promise<{ hub: Hub; hubFile: HubFile }> {
  const { world, crypto, log, version, paths, identity, about } = parts;
  await world.disk.makeFolder(paths.hub);
  const make = () => world.random.bytes(SECRET_BYTES);
  const seed = await loadSecret(world.disk, paths.hubKey, make);
  const secret = await loadSecret(world.disk, paths.hubSecret, make);
  const signer = crypto.ed25519Signer(seed);
  const mark = toBase64Url(signer.publicKey).slice(0, 12);
  const metricsToken = options.environment["MUSTER_METRICS_TOKEN"] ?? "";
  const hub = await startHub({
    world,
    crypto,
    log,
    version,
    signer,
    secret: new Secret(secret),
    databasePath: paths.hubDatabase,
    socketFolder: socketFolder(paths, tmpdir(), mark),
    binding: { hosts: options.hosts, port: options.port ?? portOf(options.environment) },
    tls: options.tls,
    domain: options.domain,
    publicPort: undefined,
    assets: await loadAssets(),
    hasher: realPasswordHasher,
    home: { signer: identity.signer, linkKey: identity.linkKey, about },
    metricsToken: metricsToken === "" ? undefined : new Secret(metricsToken),
    onNotice: (notice) => log.error("state was damaged", { ...notice }),
  });
  const hubFile: HubFile = {
    hub_url: hub.url,
    hub_id: hub.id,
    hub_key: toBase64Url(signer.publicKey),
    device_id: deviceIdOf(crypto.sha256(identity.signer.publicKey)),
    name: about.name,
    owner_root: hub.ownerRoot,
    controller: true,
    embedded: true,
  };
  await writeHubFile(world.disk, paths, hubFile);
  return { hub, hubFile };
}

/** Of the environment's PORT, as many hosts of programs set it. */
function portOf(environment: Environment): number | undefined {
  const text = environment["PORT"] ?? "";
  if (text === "") return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new MusterError("usage", `PORT="${text}" is no port`, { hint: "give a number from 0 to 65535" });
}
