// A home that has joined no hub, as a guest of one: it pairs, sends and receives, and is nobody's device. It is at the
// hub only while a command of its runs; what comes in between waits there. The hub's key is pinned at first sight.
import { join } from "node:path";
import { z } from "zod";
import type { HubSession } from "../agent/link/hub-session.ts";
import { PeerDesk } from "../agent/peers/peer-desk.ts";
import { relayPort } from "../agent/peers/relay-port.ts";
import { sqlPeerStore } from "../agent/peers/sql-peer-store.ts";
import { STATE_MIGRATIONS, type StateDatabase } from "../agent/state-migrations.ts";
import type { GuestOptions, GuestSession } from "../cli/surroundings.ts";
import { PairingDesk } from "../client/peers/pairing-desk.ts";
import { Post } from "../client/peers/post.ts";
import { rawReceiveKeys } from "../client/peers/receive-ring.ts";
import type { PeerStore } from "../client/peers/store.ts";
import { fromBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { hubFacts } from "../protocol/hub-api.ts";
import { checkSecure } from "../protocol/hub-url.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import type { HubToClient } from "../protocol/messages.ts";
import { openStore } from "../store/open-store.ts";
import { BRIEF } from "../trunk/drain.ts";
import type { Disk } from "../world/world.ts";
import { lockHome } from "./home-lock.ts";
import { callHub } from "./hub-call.ts";
import { openHome, type Environment, type HomeParts } from "./parts.ts";
import { connectedAs } from "./session-by-key.ts";
import { wayTo } from "./way-to.ts";

/** For the hub's word that both have pinned, and for what waits at the hub to come. */
const SETTLE_MS = 3_000;
const QUIET_MS = 300;

const guestFile = z.object({
  hub_url: z.string().max(300),
  hub_id: z.string().max(64),
  hub_key: z.string().max(64),
  insecure: z.boolean().default(false),
});
type GuestFile = z.infer<typeof guestFile>;

/** Nothing else may run in this home. Throws `not_joined` for one that is no guest and was told no hub. */
export async function openGuest(options: GuestOptions, environment: Environment): Promise<GuestSession> {
  const parts = await openHome(options.home, environment);
  const { world, paths } = parts;
  const lock = lockHome(world.openSqlite, paths.lock, { pid: process.pid, runs: "agent" });
  try {
    const session = await openHeld(parts, await guestOf(parts, options, environment), environment);
    const close = (): Promise<void> => session.close().finally(() => lock.release());
    return { ...session, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openHeld(parts: HomeParts, file: GuestFile, environment: Environment): Promise<GuestSession> {
  const { world, paths } = parts;
  const { db, close } = await openStore<StateDatabase>({
    world,
    path: paths.stateDatabase,
    migrations: STATE_MIGRATIONS,
    lossLevel: "warning",
    deleted: "erased",
    onNotice: () => {},
  });
  const store = sqlPeerStore(db, () => world.clock.now());
  const heard: HubToClient[] = [];
  let hear = (message: HubToClient): void => void heard.push(message);
  try {
    const session = await connectedAs(parts, file, {
      environment,
      sessionKind: "guest",
      nextSession: () => Promise.resolve(0),
      message: (message) => hear(message),
    });
    const { post, pairing, desk, notices } = peersOver(parts, { file, session, store });
    hear = (message) => (message.type === "pairing_message" ? pairing.heard(message) : post.heard(message));
    post.connected();
    for (const message of heard.splice(0)) hear(message);
    // What waits at the hub comes at once: a command that looks should find it.
    await quiet(parts, post);
    return {
      calls: callsOf(desk),
      notices: () => [...notices.values()],
      async close() {
        await settled(parts, store);
        pairing.stop();
        post.stop();
        await session.leave(BRIEF);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function callsOf(desk: PeerDesk): GuestSession["calls"] {
  return {
    pair_make: (request) => desk.make(request),
    pair_wait: (request) => desk.wait(request),
    pair_cancel: (request) => desk.cancel(request),
    pair_join: (request) => desk.join(request),
    peers: () => desk.peers(),
    peer_unpair: (request) => desk.unpair(request),
    peer_name: (request) => desk.name(request),
    peer_verify: (request) => desk.verify(request),
    send: (request) => desk.send(request),
    inbox: (request) => desk.inbox(request),
    inbox_read: (request) => desk.read(request),
  };
}

/** What this home is a guest of; a hub that it is told for the first time is pinned. */
async function guestOf(
  parts: HomeParts,
  options: GuestOptions,
  environment: Environment,
): Promise<GuestFile> {
  const { world, crypto, paths } = parts;
  const path = join(paths.home, "guest.json");
  const known = await readGuest(world.disk, path);
  if (known !== undefined && (options.hubUrl ?? known.hub_url) === known.hub_url) return known;
  if (options.hubUrl === undefined) {
    throw new MusterError("not_joined", "this home has joined no hub, and is no guest of one", {
      hint: "be a guest: muster pair --hub HUB_URL; or join one: muster init HUB_URL",
    });
  }
  if (known !== undefined) {
    throw new MusterError("already_joined", `this home is a guest of the hub at ${known.hub_url}`, {
      hint: `give another home to another hub (MUSTER_HOME), or remove ${path}`,
    });
  }
  const insecure = options.insecure === true;
  checkSecure(options.hubUrl, insecure);
  const way = wayTo(options.hubUrl, { ca: undefined, environment });
  const facts = await callHub(
    world.network,
    { way, stop: options.stop },
    { url: `${options.hubUrl}/api/hub`, shape: hubFacts },
  );
  const key = fromBase64Url(facts.hub_key);
  if (key?.length !== 32 || deviceIdOf(crypto.sha256(key)) !== facts.hub_id) {
    throw new MusterError("bad_signature", `what answers at ${options.hubUrl} is no hub`);
  }
  const { hub_id, hub_key } = facts;
  const file = { hub_url: options.hubUrl, hub_id, hub_key, insecure };
  await world.disk.write(path, `${JSON.stringify(file, null, 2)}\n`, 0o600);
  return file;
}

async function readGuest(disk: Pick<Disk, "info" | "read">, path: string): Promise<GuestFile | undefined> {
  if ((await disk.info(path)) === undefined) return undefined;
  const read = guestFile.safeParse(parseJson(new TextDecoder().decode(await disk.read(path))));
  if (read.success) return read.data;
  throw new MusterError("state_corrupt", `${path} is damaged`, { hint: "remove it, and pair again" });
}

function peersOver(
  { world, crypto, identity, about, paths }: HomeParts,
  { file, session, store }: { file: GuestFile; session: HubSession; store: PeerStore },
) {
  const { clock, timers, disk } = world;
  const { signer, linkKey } = identity;
  const notices = new Map<string, string>();
  const hub = relayPort(session);
  const shared = { store, clock, timers, crypto, signer, hub, makeReceiveKey: rawReceiveKeys(crypto) };
  const post = new Post({
    ...shared,
    subtle: globalThis.crypto.subtle,
    log: SILENT_LOG,
    notices: { set: (key, text) => void notices.set(key, text), clear: (key) => void notices.delete(key) },
  });
  const pairing = new PairingDesk({
    ...shared,
    hubKey: () => fromBase64Url(file.hub_key) ?? new Uint8Array(0),
    hubUrl: () => file.hub_url,
    linkKey,
    kind: about.kind,
    nickname: () => about.name,
    pinned: (peer) => post.pinned(peer),
  });
  const sha256 = (bytes: Uint8Array): Uint8Array => crypto.sha256(bytes);
  const received = join(paths.home, "received");
  const desk = new PeerDesk({ store, timers, disk, sha256, post, pairing, received });
  return { post, pairing, desk, notices };
}

/** Until nothing has come for a moment. */
async function quiet({ world }: HomeParts, post: Post): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { timers } = world;
  let calm = timers.after(QUIET_MS, resolve);
  const longest = timers.after(SETTLE_MS, resolve);
  const deafen = post.listen(() => {
    calm.cancel();
    calm = timers.after(QUIET_MS, resolve);
  });
  await promise;
  deafen();
  calm.cancel();
  longest.cancel();
}

/** A pair that the hub has not heard of from both sides yet would be cut off from its last words. */
async function settled({ world }: HomeParts, store: PeerStore): Promise<void> {
  const until = world.clock.monotonic() + SETTLE_MS;
  while (world.clock.monotonic() < until) {
    const rows = await store.peers.list();
    if (!rows.some(({ state }) => state === "pinned" || state === "leaving")) return;
    await new Promise<void>((resolve) => void world.timers.after(50, resolve));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which is no guest's file
  }
}
