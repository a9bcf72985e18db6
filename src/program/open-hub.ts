// The hub of a home: its own key and secret, made once, and the hub over them.
import { tmpdir } from "node:os";
import { Secret } from "../identity/secret.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import type { HubFile } from "../protocol/local-api.ts";
import { USUAL_LIMITS, type HubLimits } from "../hub/hub-limits.ts";
import { startHub, type Hub } from "../hub/hub.ts";
import { readCloudflareSettings } from "../tunnels/cloudflare/settings.ts";
import { loadAssets } from "../world/page-assets.ts";
import { realPasswordHasher } from "../world/password-hasher.ts";
import { MusterError } from "../protocol/errors.ts";
import type { Config } from "./config/read-config.ts";
import { loadSecret, socketFolder, writeHubFile } from "./home-state.ts";
import type { Environment, HomeParts } from "./parts.ts";
import { lanUrl } from "./lan-url.ts";
import { openDownloads } from "./releases/open-downloads.ts";

export interface OpenHubOptions {
  hosts: string[];
  config: Config;
  environment: Environment;
  /** Devices may come by plain HTTP from elsewhere. */
  insecure: boolean;
  /** Whether keys that are not enrolled may pair, where the configuration does not say. */
  guests: boolean;
  /** That nobody has set up named links is worth a warning, unless told. */
  namedLinksUnset?: "debug";
}

export interface OpenedHub {
  hub: Hub;
  hubFile: HubFile;
  /** What a person must know of its state: what was damaged, and where it is now. */
  losses: readonly string[];
}

const SECRET_BYTES = 32;
const HTTPS = 443;

export async function openHub(parts: HomeParts, options: OpenHubOptions): Promise<OpenedHub> {
  const { world, crypto, log, version, paths, identity, about } = parts;
  const { config } = options;
  await world.disk.makeFolder(paths.hub);
  const make = () => world.random.bytes(SECRET_BYTES);
  const seed = await loadSecret(world.disk, paths.hubKey, make);
  const secret = await loadSecret(world.disk, paths.hubSecret, make);
  const signer = crypto.ed25519Signer(seed);
  const mark = toBase64Url(signer.publicKey).slice(0, 12);
  const metricsToken = options.environment["MUSTER_METRICS_TOKEN"] ?? "";
  const tls = tlsOf(config);
  const proxies = config.texts("hub.trusted_proxy") ?? [];
  const domain = config.text("hub.domain");
  // A proxy before a hub with a domain is there for https, unless told.
  const usualPublicPort = proxies.length > 0 && domain !== undefined && tls === undefined ? HTTPS : undefined;
  const losses: string[] = [];
  const hub = await startHub({
    world,
    crypto,
    log,
    version,
    signer,
    secret: new Secret(secret),
    databasePath: paths.hubDatabase,
    socketFolder: socketFolder(paths, tmpdir(), mark),
    binding: { hosts: options.hosts, port: config.number("hub.port") },
    tls,
    domain,
    shareDomain: config.text("hub.share_domain"),
    publicPort: config.number("hub.public_port") ?? usualPublicPort,
    trustedProxies: proxies,
    insecure: options.insecure,
    guests: config.flag("pairing.guests") ?? options.guests,
    limits: limitsOf(config),
    assets: await loadAssets(),
    downloads: openDownloads(paths.hub, { version, log: log.part("downloads") }),
    hasher: realPasswordHasher,
    home: { signer: identity.signer, linkKey: identity.linkKey, about },
    cloudflare: {
      settings: readCloudflareSettings(options.environment, log, options.namedLinksUnset),
      baseUrl: options.environment["MUSTER_CLOUDFLARE_API"],
    },
    metricsToken: metricsToken === "" ? undefined : new Secret(metricsToken),
    onNotice(notice) {
      log.error("state was damaged", { ...notice });
      losses.push(`${notice.message}: devices and accounts of this hub are in the damaged one`);
    },
  });
  const lan =
    domain === undefined
      ? lanUrl({ hosts: options.hosts, port: hub.port, interfaces: world.network.interfaces() })
      : undefined;
  const hubFile: HubFile = {
    hub_url: hub.url,
    hub_id: hub.id,
    hub_key: toBase64Url(signer.publicKey),
    device_id: deviceIdOf(crypto.sha256(identity.signer.publicKey)),
    name: about.name,
    owner_root: hub.ownerRoot,
    controller: true,
    embedded: true,
    local_url: `${tls === undefined ? "http" : "https"}://localhost:${hub.port}`,
    ...(lan === undefined ? {} : { lan_url: lan }),
    ...(options.insecure && tls === undefined ? { insecure: true } : {}),
  };
  await writeHubFile(world.disk, paths, hubFile);
  return { hub, hubFile, losses };
}

function tlsOf(config: Config): { cert: string; key: string } | undefined {
  const cert = config.text("hub.cert");
  const key = config.text("hub.key");
  if (cert !== undefined && key !== undefined) {
    if (config.text("hub.domain") !== undefined) return { cert, key };
    throw new MusterError("usage", "a hub with a certificate needs its domain", {
      hint: "give the name that the certificate is for: --domain example.com",
    });
  }
  if (cert === undefined && key === undefined) return undefined;
  throw new MusterError("usage", `hub.${cert === undefined ? "key needs hub.cert" : "cert needs hub.key"}`, {
    hint: "give both: the certificate chain and its private key, as PEM files",
  });
}

function limitsOf(config: Config): HubLimits {
  const of = (name: string, usual: number): number => config.number(`limits.${name}`) ?? usual;
  return {
    messagesPerSecond: of("messages_per_second", USUAL_LIMITS.messagesPerSecond),
    messagesBurst: of("messages_burst", USUAL_LIMITS.messagesBurst),
    unprovenSockets: of("unproven_sockets", USUAL_LIMITS.unprovenSockets),
    connections: of("connections", USUAL_LIMITS.connections),
    entriesPerMinute: of("entries_per_minute", USUAL_LIMITS.entriesPerMinute),
  };
}
