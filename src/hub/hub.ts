// A hub, put together: store, identity, sessions, edge, pages, prober. One function starts it and one ends it;
// every part gets what it needs as arguments and knows nothing of the others' making.
import type { Crypto, Signer } from "../identity/crypto.ts";
import { loginLinkHash, loginLinkUrl, makeLoginLink } from "../identity/login-link.ts";
import type { Secret } from "../identity/secret.ts";
import { Ticker } from "../http1/ticker.ts";
import { systemCode, MusterError } from "../protocol/errors.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import { LOGIN_LINK_MINUTES } from "../protocol/limits.ts";
import type { Log } from "../protocol/log.ts";
import { clientToHub } from "../protocol/messages.ts";
import { assertComplete, rootsOf } from "../protocol/permissions.ts";
import { SESSION_PURPOSES } from "../protocol/session-open.ts";
import { HUB_MIGRATIONS } from "../store/hub-migrations.ts";
import type { HubDatabase } from "../store/hub-schema.ts";
import { addLoginLink } from "../store/login-links.ts";
import { dropHalfPairs } from "../store/pairs.ts";
import { openStore, type StoreNotice } from "../store/open-store.ts";
import { createSealer } from "../store/seal.ts";
import { getSetting, setSetting } from "../store/settings.ts";
import { Pulse } from "../trunk/liveness.ts";
import type { CloudflareSettings } from "../tunnels/cloudflare/settings.ts";
import type { TlsFiles, World } from "../world/world.ts";
import type { PasswordHasher } from "./accounts/accounts.ts";
import { createAccounts } from "./accounts/better-auth-accounts.ts";
import { Addresses } from "./addresses.ts";
import { createApi } from "./api/api.ts";
import type { Addresses as ApiAddresses, Assets } from "./api/ports.ts";
import { createAudit } from "./audit.ts";
import type { Downloads } from "./downloads/downloads.ts";
import { DeviceBook } from "./device-book.ts";
import { DeviceLife } from "./devices/device-life.ts";
import { openNamedLinks } from "./devices/named-links.ts";
import { watchCertificate } from "./certificate-watch.ts";
import { drain, PATIENT, type DrainBounds } from "../trunk/drain.ts";
import { Edge } from "./edge/edge.ts";
import { failureAnswer } from "./edge/failure-answer.ts";
import { OwnPages } from "./edge/own-pages.ts";
import { requestIds } from "./edge/request-ids.ts";
import { trunkHandler } from "./edge/trunk-handler.ts";
import { Fleet } from "./fleet.ts";
import { openHome, type HomeKeys } from "./home.ts";
import { USUAL_LIMITS, type HubLimits } from "./hub-limits.ts";
import { listenEverywhere, wantedPort, type HubBinding } from "./listen.ts";
import { createMetrics } from "./metrics.ts";
import { OwnerLogs } from "./owner-logs.ts";
import { Prober } from "./prober.ts";
import { Mailboxes } from "./pairing/mailboxes.ts";
import { Pairs } from "./relay/pairs.ts";
import { RelayDesk } from "./relay/relay-desk.ts";
import { Relay } from "./relay/relay.ts";
import { CommandDesk } from "./sessions/command-desk.ts";
import { Directory } from "./sessions/directory.ts";
import { SessionDoor } from "./sessions/door.ts";
import { Splices } from "./sessions/splices.ts";
import { SessionTokens } from "./sessions/tokens.ts";
import { Unproven } from "./sessions/unproven.ts";
import { webSocketHandler } from "./sessions/web-socket-handler.ts";
import { ShareTable } from "./shares/share-table.ts";

export interface HubOptions {
  world: World;
  crypto: Crypto;
  log: Log;
  version: string;
  /** The hub's own key; its fingerprint is the hub's id. */
  signer: Signer;
  /** At least 32 bytes, kept outside the database: sessions and what is sealed at rest depend on it. */
  secret: Secret<Uint8Array>;
  databasePath: string;
  /** A folder of this user alone, for the internal server's socket. */
  socketFolder: string;
  binding: HubBinding;
  tls: TlsFiles | undefined;
  domain: string | undefined;
  /** Port that visitors use, where a proxy stands in front. */
  publicPort: number | undefined;
  /** A domain for shares alone, so that none of them is a sibling of the page. */
  shareDomain?: string | undefined;
  /** Addresses of proxies whose word about visitors counts. */
  trustedProxies?: readonly string[];
  /** Devices may come by plain HTTP from elsewhere: started with --insecure. */
  insecure?: boolean;
  /** Keys that are enrolled nowhere may pair, send and receive here. */
  guests?: boolean;
  limits?: HubLimits;
  assets: Assets;
  /** What new machines install; without it this hub hands out nothing. */
  downloads?: Downloads;
  hasher: PasswordHasher;
  home: HomeKeys;
  metricsToken: Secret<string> | undefined;
  /** Named links; without settings there are none. */
  cloudflare?: { settings: CloudflareSettings | undefined; baseUrl?: string | undefined };
  onNotice(notice: StoreNotice): void;
}

export interface Hub {
  readonly id: string;
  readonly port: number;
  readonly url: string;
  readonly pageUrl: string;
  readonly ownerRoot: string;
  /** A one-time sign-in; null when an owner has signed in and no other link was asked for. */
  loginLink(evenIfSignedIn: boolean): Promise<string | null>;
  /** Takes no new connections, lets requests in flight finish, sends devices away, and closes everything. */
  close(bounds?: DrainBounds): Promise<void>;
}

const SAVE_SEEN_EVERY_MS = 10_000;
const EXPIRE_EVERY_MS = 1000;
const TIDY_RELAY_EVERY_MS = 60_000;
/** For the last bytes of the last answers, once every answer is whole. */
const PARTING: DrainBounds = { usualMs: 500, longestMs: 500 };
/** Devices are asked back right away: another process may serve them already. */
const RECONNECT_AFTER_MS = 0;

export async function startHub(options: HubOptions): Promise<Hub> {
  const { world, crypto, log, signer, version, home, limits = USUAL_LIMITS } = options;
  const now = () => world.clock.now();
  const id = deviceIdOf(crypto.sha256(signer.publicKey));
  assertComplete({
    routes: [],
    messages: clientToHub.options.map((one) => one.shape.type.value),
    streams: SESSION_PURPOSES,
  });

  const store = await openStore<HubDatabase>({
    world,
    path: options.databasePath,
    migrations: HUB_MIGRATIONS,
    lossLevel: "error",
    onNotice: options.onNotice,
  });
  const { db } = store;
  const listening = await listenWhereWanted(options, await rememberedPort(db));
  await setSetting(db, "port", listening.port);

  const addresses = new Addresses({
    port: listening.port,
    https: options.tls !== undefined || options.publicPort === 443,
    domain: options.domain,
    shareDomain: options.shareDomain,
    publicPort: options.publicPort,
    ownAddresses: () => ownAddresses(options),
  });
  const ticker = new Ticker({ clock: world.clock, timers: world.timers });
  const pulse = new Pulse(world.timers, world.clock);
  const metrics = createMetrics();
  const audit = createAudit({ db, clock: world.clock, log });
  const ownerLogs = new OwnerLogs({ db, crypto, hubKey: signer.publicKey, now });
  await ownerLogs.load();
  const changed = () => fleet.changed();
  const devices = new DeviceBook({ db, ownerLogs, now, changed });
  const shares = new ShareTable({
    db,
    sealer: createSealer(options.secret.reveal(), world.random),
    now,
    changed,
  });
  const directory = new Directory(world.timers, {
    joined: (session) => {
      life.removals.joined(session);
      void life.back(session);
      relayDesk.joined(session);
      changed();
      for (const share of shares.ofDevice(session.facts.deviceId)) prober.probe(share);
    },
    left: (session) => {
      relayDesk.left(session);
      changed();
      for (const share of shares.ofDevice(session.facts.deviceId)) prober.probe(share);
    },
  });
  const fleet = new Fleet({
    timers: world.timers,
    addresses,
    devices,
    shares,
    directory,
    ownerLogs,
    now,
    hub: { id, version },
  });
  await devices.load();
  await shares.load();

  const { clock } = world;
  const sealer = createSealer(options.secret.reveal(), world.random);
  const life = new DeviceLife({
    ...{ db, ownerLogs, devices, shares, directory, audit, log, now, clock, crypto },
    timers: world.timers,
    hubKey: signer.publicKey,
    secret: options.secret,
    named: openNamedLinks({
      ...{ db, world, sealer, hubId: id, log: log.part("links") },
      cloudflare: options.cloudflare?.settings,
      baseUrl: options.cloudflare?.baseUrl,
    }),
  });
  await life.finish();
  const owner = await openHome({ db, crypto, keys: home, ownerLogs, devices, now });
  const accounts = createAccounts({
    db,
    pageOrigin: addresses.pageUrl,
    hubId: id,
    secret: options.secret,
    hasher: options.hasher,
    clock: world.clock,
    log,
  });
  const loginLink = async (evenIfSignedIn: boolean) => {
    if (!evenIfSignedIn && (await accounts.hasUsers())) return null;
    const link = makeLoginLink(crypto);
    const expiresAt = now() + LOGIN_LINK_MINUTES * 60_000;
    await addLoginLink(db, { id: link.id, secretHash: loginLinkHash(crypto, link), expiresAt }, now());
    await audit.record({ actor: "hub", action: "hub.login_link_made", target: "hub", ownerRoot: owner.root });
    return loginLinkUrl(addresses.pageUrl, link).reveal();
  };

  const localAddress = { host: "127.0.0.1", port: listening.port };
  const prober = new Prober({
    world,
    crypto,
    shares,
    address: localAddress,
    tls: options.tls === undefined ? undefined : { serverName: "localhost", rejectUnauthorized: false },
    isConnected: (deviceId) => directory.device(deviceId) !== undefined,
    hostOf: (label) => new URL(addresses.shareUrl(label)).host,
    proved: (state) => metrics.proof(state),
  });
  const tokens = new SessionTokens(crypto);
  const commands = new CommandDesk({ timers: world.timers, directory, devices, audit });
  const pairs = new Pairs(db, now);
  await pairs.load();
  const relay = new Relay({ db, log: log.part("relay"), now });
  await relay.load();
  const relayDesk = new RelayDesk({
    clock,
    log: log.part("relay"),
    audit,
    mailboxes: new Mailboxes(world),
    pairs,
    relay,
    homeRoots: () => [owner.root],
  });
  const door = new SessionDoor({
    world,
    db,
    crypto,
    signer,
    pulse,
    log: log.part("session"),
    metrics,
    version,
    limits,
    addresses,
    devices,
    ownerLogs,
    directory,
    removals: life.removals,
    guests: options.guests ?? false,
    tokens,
    splices: new Splices({ directory, devices, audit }),
    messages: {
      log,
      audit,
      addresses,
      devices,
      shares,
      fleet,
      prober,
      ownerLogs,
      commands,
      relay: relayDesk,
      life,
      makeLoginLink: loginLink,
      homeRoots: () => [owner.root],
    },
  });
  ownerLogs.onAppended((root, entries) => {
    for (const session of directory.all()) {
      if (rootsOf(session.actor).includes(root))
        session.tell({ type: "log_entries", owner_root: root, entries });
    }
    changed();
  });

  const api = createApi({
    db,
    clock: world.clock,
    crypto,
    log: log.part("api"),
    audit,
    metrics,
    accounts,
    tokens,
    home: owner,
    ownerLogs,
    addresses: apiAddresses(addresses),
    fleet,
    assets: options.assets,
    ...(options.downloads === undefined ? {} : { downloads: options.downloads }),
    hubSigner: signer,
    hubId: id,
    version,
    entriesPerMinute: limits.entriesPerMinute,
    ...(options.metricsToken === undefined ? {} : { metricsToken: options.metricsToken }),
    joined: (deviceId) => void devices.refresh(deviceId),
    life,
    sessionsEnded(userId) {
      for (const session of directory.all()) {
        const { actor } = session;
        if (actor.kind === "person" && actor.userId === userId) session.close("unauthorized", "signed out");
      }
    },
  });
  const socketPath = `${options.socketFolder}/hub.sock`;
  await world.disk.makeFolder(options.socketFolder);
  const unproven = new Unproven({
    least: limits.unprovenSockets,
    devicesFrom: (source) => devices.countFrom(source),
  });
  const { insecure = false } = options;
  const handleWebSocket = webSocketHandler({ world, door, accounts, db, addresses, unproven, insecure });
  const internal = await world.network.serve({
    address: { path: socketPath },
    fetch: async (request, accept) => {
      const facts = {
        visitor: request.headers.get("muster-visitor") ?? "",
        requestId: request.headers.get("muster-request-id") ?? "",
        // A proxy on this machine is not the visitor, although it is on loopback.
        carried: request.headers.has("muster-carried"),
        proxied: request.headers.has("muster-proxied"),
        https: request.headers.get("muster-scheme") === "https",
      };
      if (new URL(request.url).pathname === "/ws") return handleWebSocket(request, { accept, facts });
      return api.fetch(request, facts);
    },
  });

  const nextRequestId = requestIds(world.random);
  const edge = new Edge({
    ticker,
    log: log.part("edge"),
    addresses,
    connectionsMax: limits.connections,
    trustedProxies: new Set(options.trustedProxies),
    shares,
    devices,
    nextRequestId,
    shareDoor: {
      directory,
      fail({ exchange, requestId }, failure) {
        metrics.refused(
          failure === "device_offline" ? "offline" : failure === "device_busy" ? "limit" : "other",
        );
        exchange.respond(failureAnswer({ failure, requestId, fields: exchange.request.fields }));
      },
      done(_visit, fin) {
        metrics.request({
          place: "share",
          route: "share",
          status: fin.status,
          seconds: fin.firstByteMs / 1000,
        });
      },
    },
    ownPages: new OwnPages({
      network: world.network,
      path: socketPath,
      fail({ exchange, requestId }) {
        exchange.respond(failureAnswer({ failure: "hub_pages", requestId, fields: exchange.request.fields }));
      },
    }),
    trunk: trunkHandler({ door, unproven, insecure }),
    malformed: () => metrics.refused("malformed"),
  });
  listening.begin((socket) => edge.connection(socket));

  metrics.gauge("muster_devices_online", () => directory.deviceCount);
  metrics.gauge("muster_shares", () => shares.all().length);
  metrics.gauge("muster_streams", () =>
    [...directory.all()].reduce((sum, one) => sum + one.trunk.streamCount, 0),
  );
  const timers = [
    world.timers.every(SAVE_SEEN_EVERY_MS, () => {
      for (const session of directory.all()) {
        if (session.facts.kind === "register") devices.seen(session.facts.deviceId);
      }
      devices.save().catch((error: unknown) => log.error("last seen could not be saved", { error }));
    }),
    world.timers.every(EXPIRE_EVERY_MS, () => {
      shares
        .removeExpired()
        .catch((error: unknown) => log.error("expired shares could not be removed", { error }));
    }),
  ];
  timers.push(
    world.timers.every(TIDY_RELAY_EVERY_MS, () => {
      Promise.all([relay.dropOld(), dropHalfPairs(db, now())]).catch((error: unknown) =>
        log.error("old messages could not be dropped", { error }),
      );
    }),
  );
  const stopWatch =
    options.tls === undefined
      ? () => {}
      : await watchCertificate({ world, log, files: options.tls, renew: (files) => listening.renew(files) });
  const stopLinks = life.named.tend();
  prober.start();
  log.info("hub listens", { url: addresses.hubUrl, hub: id });

  return {
    id,
    port: listening.port,
    url: addresses.hubUrl,
    pageUrl: addresses.pageUrl,
    ownerRoot: owner.root,
    loginLink,
    async close(bounds = PATIENT) {
      for (const timer of timers) timer.cancel();
      stopWatch();
      stopLinks();
      prober.stop();
      listening.close();
      edge.retire();
      for (const session of directory.all()) session.trunk.goaway("the hub stops");
      const bytes = () =>
        [...directory.all()].reduce(
          (sum, { trunk: { counters } }) => sum + counters.bytesIn + counters.bytesOut,
          0,
        );
      await drain(world, { busy: () => edge.serving, bytes }, bounds);
      for (const session of directory.all()) {
        session.send({ type: "reconnect", after_ms: RECONNECT_AFTER_MS });
        session.trunk.close("unavailable", "the hub stops");
      }
      await drain(world, { busy: () => edge.connectionCount > 0, bytes }, PARTING);
      internal.close();
      await devices.save();
      await store.close();
    },
  };
}

async function rememberedPort(db: Parameters<typeof getSetting>[0]): Promise<number | undefined> {
  const port = await getSetting(db, "port");
  return typeof port === "number" ? port : undefined;
}

async function listenWhereWanted(
  options: HubOptions,
  remembered: number | undefined,
): Promise<Awaited<ReturnType<typeof listenEverywhere>>> {
  const { world, binding, tls } = options;
  try {
    return await listenEverywhere(world.network, {
      ...binding,
      remembered,
      ...(tls === undefined ? {} : { tls }),
    });
  } catch (error) {
    const port = wantedPort({ port: binding.port, remembered, ...(tls === undefined ? {} : { tls }) });
    const code = systemCode(error);
    if (code === "EADDRINUSE") {
      throw new MusterError("port_taken", `port ${port} is taken`, {
        hint: "choose another with --port N, or a free one with --port 0",
        cause: error,
      });
    }
    if (code === "EACCES") {
      throw new MusterError("forbidden", `this user may not listen on port ${port}`, {
        hint: "choose a port above 1023 with --port N",
        cause: error,
      });
    }
    throw error;
  }
}

/** What this machine is called where it listens. */
function ownAddresses({ world, binding }: HubOptions): string[] {
  const everywhere = binding.hosts.some((host) => host === "0.0.0.0" || host === "::");
  return everywhere ? world.network.interfaces().map((one) => one.address) : [...binding.hosts];
}

function apiAddresses(addresses: Addresses): ApiAddresses {
  return {
    hubUrl: () => addresses.hubUrl,
    pageOrigin: () => addresses.pageUrl,
    isHubHost: (host) => addresses.meaning(host).kind === "own",
    labelOf(host) {
      const meaning = addresses.meaning(host);
      return meaning.kind === "label" ? meaning.label : undefined;
    },
    originOf: (label) => new URL(addresses.shareUrl(label)).origin,
    hostnameOf: (label) => addresses.deviceHost(label),
  };
}
