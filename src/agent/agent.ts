// The agent of one home, put together: state, shares, gateway, session with the hub, local API. Plain
// wiring in the order in which one needs the other; what was begun ends in the opposite order.
import type { Crypto, Signer } from "../identity/crypto.ts";
import type { OwnerLog } from "../identity/owner-log.ts";
import type { Ticker } from "../http1/ticker.ts";
import { fromBase64Url } from "../protocol/bytes.ts";
import { MusterError, publicError } from "../protocol/errors.ts";
import { INSECURE_NOTICE, type HubFile } from "../protocol/local-api.ts";
import type { Log } from "../protocol/log.ts";
import type { HubMessage, HubToClient } from "../protocol/messages.ts";
import type { DeviceKind, MachineHealth } from "../protocol/views.ts";
import { openStore } from "../store/open-store.ts";
import { nextSessionNumber } from "../store/session-numbers.ts";
import { BRIEF, PATIENT, type DrainBounds } from "../trunk/drain.ts";
import type { Pulse } from "../trunk/liveness.ts";
import type { World } from "../world/world.ts";
import { openCommanding, type CommandOptions } from "./commanding.ts";
import { CommandDesk } from "./commands.ts";
import { DeviceDesk } from "./device-desk.ts";
import { makeDeviceToken } from "./device-tokens.ts";
import { gatewayKey } from "./gateway-key.ts";
import { withoutFolder } from "./gateway/closed-folder.ts";
import { Gateway } from "./gateway/gateway.ts";
import type { PasswordHasher } from "./gateway/password-check.ts";
import { reportHealth } from "./health-report.ts";
import { localToken, removeAgentFile, writeAgentFile } from "./home-files.ts";
import type { HubPort } from "./hub-port.ts";
import type { TrunkAddress } from "./link/dial.ts";
import { HubSession, type HubSessionOptions, type HubSessionState } from "./link/hub-session.ts";
import { localHandlers } from "./local-api/local-handlers.ts";
import { serveLocalApi } from "./local-api/local-server.ts";
import { KnownFleet } from "./known-fleet.ts";
import { createMetrics } from "./metrics.ts";
import { NamedTunnel } from "./named-tunnel.ts";
import { Notices } from "./notices.ts";
import { OwnerBook } from "./owner-book.ts";
import { PairingDesk } from "./pairing/pairing-desk.ts";
import { PeerDesk } from "./peers/peer-desk.ts";
import { Post } from "./peers/post.ts";
import { Removed } from "./removed.ts";
import { ShareBook } from "./shares/share-book.ts";
import { tunnelPath } from "./tunnel-file.ts";
import { STATE_MIGRATIONS, type StateDatabase } from "./state-migrations.ts";
import { openShareStream } from "./streams.ts";

export interface AgentPaths {
  home: string;
  stateDatabase: string;
  /** Token of the local API. */
  token: string;
  agentFile: string;
  /** Folder of the apps' logs. */
  logs: string;
  /** Folder of the unix socket. */
  sockets: string;
}

/** A session with the hub, and its ends. */
export interface HubLink extends HubPort {
  start(): void;
  stop(): void;
  /** Lets requests in flight finish first. */
  leave(bounds: DrainBounds): Promise<void>;
}

export interface AgentOptions {
  world: World;
  crypto: Crypto;
  log: Log;
  version: string;
  pid: number;
  paths: AgentPaths;
  signer: Signer;
  /** The public half of the key for live sessions, which a pairing tells the other device. */
  linkKey: Uint8Array;
  /** WebCrypto: what opens sealed messages. */
  subtle: SubtleCrypto;
  /** What this home has joined. */
  hub: HubFile;
  /** How to get there, where it is not simply its URL. */
  hubAddress?: TrunkAddress;
  about: { name: string; platform: string; kind: DeviceKind; location?: string };
  health(): MachineHealth;
  hasher: PasswordHasher;
  pulse: Pulse;
  ticker: Ticker;
  /** Of the local API: exactly this one; 0 for any. Absent: 7575, or the next that is free. */
  localPort?: number;
  /** And its loopback address. */
  localHost?: string;
  /** Ports that may not be shared besides the agent's own: the hub's, a database's. */
  forbiddenPorts(): readonly number[];
  /** A Cloudflare named tunnel: whether this device's own configuration takes one, and its helper's path. */
  namedLink?: { wanted: boolean; program: string | undefined };
  /** Told of each log: whether this device may command the others. */
  roleChanged?(controller: boolean): void;
  /** Its owner log took this device out: key and credentials go from the disk; the notice stays. */
  wipe?(notice: string): Promise<void>;
  /** What was damaged beside the agent's own state, to be told as long as it runs. */
  losses?: readonly string[];
  /** `muster stop` was called: the owner of this process ends it. */
  onStopAsked(): void;
  /** What apps get; without anything of Muster's. */
  environment: Record<string, string>;
  /** What it takes to command and be commanded; without it this agent does neither. */
  command?: CommandOptions;
  /** Makes the session; a test hands in its own. */
  openSession?(options: HubSessionOptions): HubLink;
}

export interface Agent {
  /** Of the local API. */
  readonly port: number;
  readonly deviceId: string;
  /** The truth at this moment. */
  readonly hubState: HubSessionState;
  readonly notices: readonly string[];
  /** Apps end with the agent (the person said stop), or live on for the next one (the process just ends). */
  stop(apps: "stop" | "leave"): Promise<void>;
}

const TIDY_EVERY_MS = 3_600_000;
const STORAGE_FULL_NOTICE =
  "what this device had to keep last was refused: its disk is full or read-only. Free some space";

/** The home is held by the caller, for this agent alone. Resolves once the local API answers. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const ends = new Ends();
  try {
    return await start(options, ends);
  } catch (error) {
    await ends.run(options.log);
    throw error;
  }
}

async function start(options: AgentOptions, ends: Ends): Promise<Agent> {
  const { world, crypto, log, version, pid, paths, signer, hub: joined } = options;
  const { clock, timers, disk, network } = world;
  for (const folder of [paths.home, paths.logs, paths.sockets]) await disk.makeFolder(folder);

  const notices = new Notices();
  for (const loss of options.losses ?? []) notices.set(loss, loss);
  if (joined.insecure === true) notices.set("insecure", INSECURE_NOTICE);
  const store = await openStore<StateDatabase>({
    world,
    path: paths.stateDatabase,
    migrations: STATE_MIGRATIONS,
    lossLevel: "warning",
    onNotice: ({ message }) => notices.set("state", message),
    onWrite: (outcome) => {
      if (outcome === "written") notices.clear("full");
      else notices.set("full", STORAGE_FULL_NOTICE);
    },
  });
  ends.add(() => store.close());
  const { db } = store;

  const hubKey = keyOf(joined.hub_key);
  const late: { session?: HubLink; port?: number } = {};
  const hub = hubPort(late);
  const device = () => {
    const name = hub.state.at === "connected" ? hub.state.registered.name : joined.name;
    return { id: joined.device_id, name };
  };
  const hubUrl = () => (hub.state.at === "connected" ? hub.state.registered.hub_url : joined.hub_url);

  const fleet = new KnownFleet(hub, timers);
  const metrics = createMetrics({
    trunkConnected: () => hub.state.at === "connected",
    shares: () => shares.states(),
  });

  const pageDisk = withoutFolder(disk, await disk.realPath(paths.home));
  const gateway = new Gateway({
    clock,
    timers,
    network,
    disk: pageDisk,
    randomBytes: (length) => world.random.bytes(length),
    hmacSha256: (key, bytes) => crypto.hmacSha256(key, bytes),
    verifyEd25519: (key, bytes, signature) => crypto.verifyEd25519(key, bytes, signature),
    hasher: options.hasher,
    deviceKey: await gatewayKey(db, world.random),
    hub: () => ({ url: hubUrl(), key: hubKey }),
    counters: { served: (_share, response) => metrics.served(response) },
    failed: (error) => log.error("fault in the gateway", { error }),
  });
  ends.add(() => gateway.close());

  const shares = new ShareBook({
    world,
    db,
    log,
    hub,
    hasher: options.hasher,
    notices,
    pageDisk,
    logs: paths.logs,
    environment: options.environment,
    forbiddenPorts: () => [...options.forbiddenPorts(), ...(late.port === undefined ? [] : [late.port])],
    device,
    fleet: () => fleet.last,
    removed: (shareId) => gateway.forget(shareId),
  });
  let apps: "stop" | "leave" = "leave";
  ends.add(() => shares.close(apps));
  await shares.load();

  const tunnel = new NamedTunnel({
    world,
    ticker: options.ticker,
    log: log.part("link"),
    notices,
    wanted: options.namedLink?.wanted ?? false,
    program: options.namedLink?.program,
    credentialsPath: tunnelPath(paths.home),
    folder: `${paths.home}/cloudflared`,
    socketPath: `${paths.sockets}/tunnel.sock`,
    hostname: () =>
      (hub.state.at === "connected" ? hub.state.registered.hostname : (joined.hostname ?? "")).toLowerCase(),
  });
  ends.add(() => tunnel.stop());
  const removed = new Removed({
    publicKey: signer.publicKey,
    hubUrl: joined.hub_url,
    notices,
    log,
    endSession: () => {
      late.session?.stop();
      void tunnel.stop();
    },
    wipe: options.wipe ?? (() => Promise.resolve()),
  });
  const grown = (known: OwnerLog): void => {
    removed.look(known);
    commanding.sessions?.look();
    options.roleChanged?.(known.mayCommand(signer.publicKey, clock.now()));
  };
  const book = new OwnerBook({ db, crypto, hub, ownerRoot: joined.owner_root, notices, log, grown });
  await book.load();
  const devices = new DeviceDesk({
    clock,
    crypto,
    signer,
    hub,
    hubKey,
    book,
    embedded: joined.embedded,
  });

  const commanding = openCommanding({
    world,
    crypto,
    log,
    signer,
    hub,
    book,
    db,
    device,
    hubFile: joined,
    environment: options.environment,
    ...(options.command === undefined ? {} : { command: options.command }),
    targets: () => shares.list().flatMap(({ id }) => shares.target(id) ?? []),
  });
  ends.add(() => commanding.close());

  const commands = new CommandDesk({
    db,
    clock,
    crypto,
    log,
    device: { id: joined.device_id, publicKey: signer.publicKey },
    ownerRoot: joined.owner_root,
    embedded: joined.embedded,
    book,
    actions: {
      "share.add": (request) => shares.add(request),
      "share.remove": ({ share }) => shares.remove(share),
      "app.start": async ({ share }) => ({ share: await shares.start(share) }),
      "app.stop": async ({ share }) => ({ share: await shares.stop(share) }),
    },
  });
  /** Work that nobody waits for. What goes wrong in it is in the log. */
  const inBackground = (what: string, work: Promise<void>): void => {
    work.catch((error: unknown) => {
      const { code, message } = publicError(error);
      log.warn("background work failed", {
        what,
        error_code: code,
        problem: message,
        ...(code === "internal" ? { error } : {}),
      });
    });
  };
  const tidy = timers.every(TIDY_EVERY_MS, () => inBackground("old commands", commands.tidy()));
  ends.add(() => tidy.cancel());

  const post = new Post({ ...options, db, clock, timers, hub, notices, log: log.part("post") });
  ends.add(() => post.stop());
  const pairing = new PairingDesk({
    db,
    clock,
    timers,
    crypto,
    signer,
    hub,
    hubKey,
    hubUrl,
    linkKey: options.linkKey,
    kind: options.about.kind,
    nickname: () => device().name,
    pinned: (peer) => post.pinned(peer),
  });
  ends.add(() => pairing.stop());
  const peers = new PeerDesk({
    db,
    timers,
    disk,
    sha256: (bytes) => crypto.sha256(bytes),
    post,
    pairing,
    received: `${paths.home}/received`,
  });

  const health = reportHealth(timers, hub, options.health);
  ends.add(() => health.stop());

  const connected = ({ owner_heads: heads }: HubMessage<"registered">): void => {
    health.connected();
    post.connected();
    inBackground("owner log", book.fetch(heads));
    inBackground("shares", shares.connected());
    inBackground(
      "named link",
      tunnel.want(() => hub.request({ type: "tunnel_want" }, "done")),
    );
  };
  const heard = (message: HubToClient): void => {
    post.heard(message);
    if (message.type === "log_entries") {
      if (message.owner_root === joined.owner_root) inBackground("owner log", book.take(message.entries));
    } else if (message.type === "command") {
      inBackground(
        "command",
        commands.handle(message).then((outcome) => void hub.send(outcome)),
      );
    } else if (message.type === "tunnel_credentials") {
      const taken = tunnel
        .take(message)
        .then((isTaken) => void (isTaken && hub.send({ type: "tunnel_taken" })));
      inBackground("named link", taken);
    } else if (message.type === "pairing_message") {
      pairing.heard(message);
    } else if (message.type === "error") {
      log.warn("hub complains", { error_code: message.code, problem: message.message });
    }
  };

  const openSession =
    options.openSession ?? ((session: HubSessionOptions): HubLink => new HubSession(session));
  const session = openSession({
    world,
    crypto,
    signer,
    pulse: options.pulse,
    log,
    address: options.hubAddress ?? { url: joined.hub_url },
    hubKey,
    about: { ...options.about, version },
    sessionKind: "register",
    nextSession: () => nextSessionNumber(db, joined.hub_id, world.clock.now()),
    events: {
      state: (state) => {
        log.info("session with the hub", {
          at: state.at,
          problem: state.at === "connected" ? undefined : state.problem?.message,
        });
        if (state.at === "connected") connected(state.registered);
      },
      message: heard,
      opened: (stream, payload) =>
        commanding.open(stream, payload) ??
        openShareStream({ clock, ticker: options.ticker, gateway, shares }, stream, payload),
    },
  });
  late.session = session;
  // A person who said stop waits; a service manager has time.
  ends.add(() => session.leave(apps === "stop" ? BRIEF : PATIENT));

  const token = await localToken(disk, paths.token, (length) => world.random.bytes(length));
  const api = await serveLocalApi({
    network,
    log,
    sha256: (bytes) => crypto.sha256(bytes),
    token: token.reveal(),
    ...(options.localPort === undefined ? {} : { port: options.localPort }),
    ...(options.localHost === undefined ? {} : { host: options.localHost }),
    socketPath: `${paths.sockets}/agent.sock`,
    about: { pid, version },
    handlers: localHandlers({
      world,
      db,
      pid,
      hub,
      joined,
      device,
      hubUrl,
      shares,
      fleet,
      notices,
      devices,
      orders: commanding.orders,
      owners: commanding.owners,
      mayCommand: () => book.log?.mayCommand(signer.publicKey, clock.now()) === true,
      leave: async () => {
        await devices.leave();
        await removed.wiped();
      },
      makeToken: (request) => makeDeviceToken({ clock, crypto, signer, hub, hubKey, hubUrl, book }, request),
      peers,
      onStopAsked: options.onStopAsked,
    }),
    metrics,
  });
  ends.add(() => api.close());
  late.port = api.port;

  await writeAgentFile(disk, paths.agentFile, {
    pid,
    port: api.port,
    ...(options.localHost === undefined ? {} : { host: options.localHost }),
    token_file: paths.token,
  });
  ends.add(() => removeAgentFile(disk, paths.agentFile, pid));
  // One that was killed between the entry and the wiping ends now what it did not end before.
  if (book.log !== undefined) grown(book.log);
  if (!removed.isSo) {
    session.start();
    inBackground("named link", tunnel.start());
  }

  let stopping: Promise<void> | undefined;
  return {
    port: api.port,
    deviceId: joined.device_id,
    get hubState() {
      return hub.state;
    },
    get notices() {
      return notices.all();
    },
    stop(then) {
      apps = then;
      stopping ??= ends.run(log);
      return stopping;
    },
  };
}

/** The session as the parts see it: they are made before it is. */
function hubPort(late: { session?: HubLink }): HubPort {
  const notYet = new MusterError("hub_unreachable", "the agent is just starting");
  return {
    get state() {
      return late.session?.state ?? { at: "connecting", problem: undefined };
    },
    request: (asked, type) => late.session?.request(asked, type) ?? Promise.reject(notYet),
    send: (message) => late.session?.send(message) ?? false,
    openStream: (payload, events) => late.session?.openStream(payload, events) ?? "closed",
  };
}

function keyOf(text: string): Uint8Array {
  const key = fromBase64Url(text);
  if (key?.length === 32) return key;
  throw new MusterError("state_corrupt", "hub.json holds no key of a hub");
}

/** What has to be ended, last begun first. One that fails does not keep the others from ending. */
class Ends {
  readonly #ends: (() => void | Promise<void>)[] = [];

  add(end: () => void | Promise<void>): void {
    this.#ends.push(end);
  }

  async run(log: Log): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) {
      try {
        await end();
      } catch (error) {
        log.error("a part of the agent did not end in order", { error });
      }
    }
  }
}
