// For tests: a hub's API over a real database in a folder of its own, with two owners who share nothing, and a
// clock that stands until it is told to move. Calls go to `fetch`, never through a socket.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { loginLinkHash, makeLoginLink } from "../../identity/login-link.ts";
import { appendEntry, beginLog, type OwnerLog } from "../../identity/owner-log.ts";
import { Secret } from "../../identity/secret.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { ActorOf } from "../../protocol/actors.ts";
import type { Timers } from "../../world/world.ts";
import type { FleetView } from "../../protocol/views.ts";
import { addDevice } from "../../store/devices.ts";
import { HUB_MIGRATIONS } from "../../store/hub-migrations.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import { addLoginLink } from "../../store/login-links.ts";
import { createSealer } from "../../store/seal.ts";
import { openStore, type Store } from "../../store/open-store.ts";
import { publishShare } from "../../store/shares.ts";
import { realDisk } from "../../world/disk.ts";
import { openSqlite } from "../../world/sqlite.ts";
import { createAccounts } from "../accounts/better-auth-accounts.ts";
import type { Accounts } from "../accounts/accounts.ts";
import { createAudit } from "../audit.ts";
import { DeviceBook } from "../device-book.ts";
import { DeviceLife } from "../devices/device-life.ts";
import { createMetrics } from "../metrics.ts";
import { openNamedLinks } from "../devices/named-links.ts";
import { OwnerLogs } from "../owner-logs.ts";
import { Directory } from "../sessions/directory.ts";
import { ShareTable } from "../shares/share-table.ts";
import { createApi } from "./api.ts";
import type { Addresses, Api, ApiParts, Assets } from "./ports.ts";

export const PAGE = "http://muster.localhost:8080";
export const HUB = "http://localhost:8080";
export const METRICS_TOKEN = "metrics-token-of-the-test";
const START = Date.UTC(2026, 10, 20, 6);
const PAGE_HOST = new URL(PAGE).host;

export interface TestHub extends AsyncDisposable {
  api: Api;
  parts: ApiParts;
  crypto: Crypto;
  accounts: Accounts;
  logs: OwnerLogs;
  life: DeviceLife;
  devices: DeviceBook;
  store: Store<HubDatabase>;
  /** The database's file. */
  path: string;
  hubSigner: Signer;
  tokens: Map<string, ActorOf<"person">>;
  clock: { now(): number; monotonic(): number; advance(ms: number): void };
  home: Owner;
  other: Owner;
  call(path: string, init?: CallInit): Promise<Response>;
  loginLink(): Promise<{ id: string; secret: string }>;
}

export interface Owner {
  root: string;
  signer: Signer;
  log(): OwnerLog;
  /** A member device of this owner, with its key. */
  device(name: string): Promise<{ deviceId: string; key: string }>;
  share(deviceId: string, label: string, access?: "login" | "public"): Promise<string>;
  /** An account of this owner, signed in: its cookie, and a page's bearer. */
  person(name: string): Promise<{ userId: string; cookie: string; token: string }>;
}

export interface CallInit {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  origin?: string;
  cookie?: string;
  token?: string;
  visitor?: string;
  /** Where the call goes; the page's host by default. */
  at?: string;
  carried?: boolean;
}

export async function testHub(
  options: {
    pageOrigin?: string | undefined;
    secretByte?: number;
    /** What capability requests lead to; nobody offers any by default. */
    capabilities?: ApiParts["capabilities"];
    queries?: ApiParts["queries"];
    fleet?: ApiParts["fleet"];
  } = {},
): Promise<TestHub> {
  const pageOrigin = "pageOrigin" in options ? options.pageOrigin : PAGE;
  const folder = await mkdtemp(join(tmpdir(), "muster-api-"));
  const path = join(folder, "hub.db");
  const clock = testClock();
  const crypto = countingCrypto();
  const store = await openStore<HubDatabase>({
    world: { clock, disk: realDisk, openSqlite },
    path,
    migrations: HUB_MIGRATIONS,
    lossLevel: "error",
    onNotice: () => {},
  });
  const { db } = store;
  const hubSigner = crypto.ed25519Signer(crypto.randomBytes(32));
  const logs = new OwnerLogs({ db, crypto, hubKey: hubSigner.publicKey, now: clock.now });
  const hubId = deviceIdOf(crypto.sha256(hubSigner.publicKey));
  const accounts = createAccounts({
    db,
    pageOrigin: pageOrigin ?? PAGE,
    hubId,
    secret: new Secret(new Uint8Array(32).fill(options.secretByte ?? 1)),
    hasher: {
      hash: (word) => Promise.resolve(`hash:${word}`),
      verify: (word, hash) => Promise.resolve(hash === `hash:${word}`),
    },
    clock,
    log: SILENT_LOG,
  });
  const tokens = new Map<string, ActorOf<"person">>();
  const base = { db, crypto, logs, accounts, tokens, clock };
  const home = await newOwner(base, "home");
  const other = await newOwner(base, "other");
  const audit = createAudit({ db, clock, log: SILENT_LOG });
  const { life, devices } = deviceLife({ db, crypto, logs, clock, audit, hubKey: hubSigner.publicKey });
  const parts: ApiParts = {
    db,
    clock,
    timers: NO_TIMERS,
    crypto,
    log: SILENT_LOG,
    audit,
    life,
    metrics: createMetrics(),
    capabilities: options.capabilities ?? { ask: nobodyOffers },
    queries: options.queries ?? { ask: nobodyOffers, keysOf: nobodyOffers },
    accounts,
    tokens: { verify: (token) => tokens.get(token) },
    home: {
      ownerRoot: () => home.root,
      async admitBrowser({ publicKey, linkKey }) {
        const log = await appendEntry(crypto, home.log(), {
          kind: "controller",
          body: {
            name: "firefox",
            kind: "browser",
            platform: "browser",
            link_key: toBase64Url(linkKey),
            public_key: toBase64Url(publicKey),
            scopes: ["command"],
            since: clock.now(),
            until: clock.now() + 86_400_000,
            named: true,
          },
          signer: home.signer,
        });
        const entry = log.entries.at(-1);
        if (entry !== undefined) await logs.append(entry);
        return { deviceId: deviceIdOf(crypto.sha256(publicKey)) };
      },
      async admitMember({ publicKey, linkKey, name, kind, platform }) {
        const log = await appendEntry(crypto, home.log(), {
          kind: "member",
          body: {
            name,
            kind,
            platform,
            ssh_host_keys: [],
            claim: null,
            public_key: toBase64Url(publicKey),
            link_key: toBase64Url(linkKey),
          },
          signer: home.signer,
        });
        const entry = log.entries.at(-1);
        if (entry !== undefined) await logs.append(entry);
      },
    },
    ownerLogs: logs,
    addresses: testAddresses(pageOrigin),
    fleet: options.fleet ?? { viewOf: (roots) => fleetOf(roots) },
    assets: ASSETS,
    hubSigner,
    hubId,
    version: "0.1.0",
    metricsToken: new Secret(METRICS_TOKEN),
  };
  const api = createApi(parts);
  let requests = 0;
  return {
    api,
    parts,
    crypto,
    accounts,
    logs,
    life,
    devices,
    store,
    path,
    hubSigner,
    tokens,
    clock,
    home,
    other,
    call(where, init = {}) {
      const { visitor = "192.0.2.7", carried = false } = init;
      const facts = { visitor, requestId: `test-${++requests}`, carried };
      return api.fetch(requestOf(where, init), facts);
    },
    async loginLink() {
      const link = makeLoginLink(crypto);
      const secretHash = loginLinkHash(crypto, link);
      await addLoginLink(db, { id: link.id, secretHash, expiresAt: clock.now() + 900_000 }, clock.now());
      return { id: link.id, secret: link.secret.reveal() };
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The `name=value` part of the first Set-Cookie. */
export function cookieOf(cookies: readonly string[]): string {
  return cookies[0]?.split(";")[0] ?? "";
}

/** A browser's keys, as `POST /api/login` wants them. */
export function browserKeys(crypto: Crypto): { public_key: string; link_key: string; name: string } {
  return {
    public_key: toBase64Url(crypto.ed25519Signer(crypto.randomBytes(32)).publicKey),
    link_key: toBase64Url(crypto.x25519PublicKey(crypto.randomBytes(32))),
    name: "Firefox on Linux",
  };
}

const text = (words: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(words);

const ASSETS: Assets = new Map([
  [
    "/index.html",
    {
      bytes: text("<!doctype html>the page"),
      type: "text/html; charset=utf-8",
      etag: '"i1"',
      immutable: false,
    },
  ],
  [
    "/assets/app-1a2b.js",
    {
      bytes: text("script"),
      br: text("br"),
      type: "text/javascript; charset=utf-8",
      etag: '"a1"',
      immutable: true,
    },
  ],
]);

function requestOf(where: string, init: CallInit): Request {
  const { body, origin, cookie, token, headers = {}, at = PAGE } = init;
  const method = init.method ?? (body === undefined ? "GET" : "POST");
  const all = new Headers(headers);
  if (body !== undefined && !all.has("content-type")) all.set("content-type", "application/json");
  if (origin !== undefined) all.set("origin", origin);
  if (cookie !== undefined) all.set("cookie", cookie);
  if (token !== undefined) all.set("authorization", `Bearer ${token}`);
  const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return new Request(new URL(where, at), {
    method,
    headers: all,
    ...(sent === undefined ? {} : { body: sent }),
  });
}

function testClock(): TestHub["clock"] {
  let passed = 0;
  return {
    now: () => START + passed,
    monotonic: () => passed,
    advance: (ms) => {
      passed += ms;
    },
  };
}

/** The real primitives over bytes that are the same in every run. */
function countingCrypto(): Crypto {
  let drawn = 0;
  const crypto: Crypto = nodeCrypto((length) => {
    const seed = text(`random ${++drawn}`);
    return crypto.sha512(seed).slice(0, length);
  });
  return crypto;
}

function testAddresses(pageOrigin: string | undefined): Addresses {
  const hosts = new Set([
    "localhost:8080",
    "127.0.0.1:8080",
    "[::1]:8080",
    "203.0.113.5:8080",
    "muster.localhost:9000",
  ]);
  if (pageOrigin !== undefined) hosts.add(new URL(pageOrigin).host);
  return {
    hubUrl: () => HUB,
    pageOrigin: () => pageOrigin,
    isHubHost: (host) => hosts.has(host),
    labelOf: (host) =>
      host === PAGE_HOST ? undefined : /^([a-z0-9-]+)\.localhost(?::8080)?$/.exec(host)?.[1],
    originOf: (label) => `http://${label}.localhost:8080`,
    hostnameOf: (label) => `${label}.localhost`,
  };
}

function deviceLife(
  base: Pick<OwnerParts, "db" | "crypto" | "logs" | "clock"> & {
    audit: ApiParts["audit"];
    hubKey: Uint8Array;
  },
) {
  const { db, crypto, logs: ownerLogs, clock, audit, hubKey } = base;
  const network = { fetch: () => Promise.reject(new Error("no test of the API asks anybody outside")) };
  const changed = (): void => {};
  const timers = NO_TIMERS;
  const { now } = clock;
  const sealer = createSealer(crypto.randomBytes(32), { bytes: (length) => crypto.randomBytes(length) });
  const devices = new DeviceBook({ db, ownerLogs, now, changed });
  const life = new DeviceLife({
    db,
    ownerLogs,
    devices,
    shares: new ShareTable({ db, sealer, now, changed }),
    directory: new Directory(timers, { joined() {}, left() {} }),
    audit,
    log: SILENT_LOG,
    now,
    clock,
    timers,
    shareUrl: (label) => `http://${label}.localhost/`,
    hostnameOf: (label) => `${label}.localhost`,
    crypto,
    hubKey,
    secret: new Secret(new Uint8Array(32).fill(5)),
    named: openNamedLinks({
      db,
      world: {
        clock,
        timers,
        random: { bytes: (length) => crypto.randomBytes(length), fraction: () => 0 },
        network,
      },
      sealer,
      hubId: "hub",
      log: SILENT_LOG,
      cloudflare: undefined,
    }),
  });
  return { life, devices };
}

/** Nothing here waits. */
const NO_TIMERS: Timers = { after: () => ({ cancel() {} }), every: () => ({ cancel() {} }), soon() {} };

function fleetOf(roots: readonly string[]): FleetView {
  return { hub: { url: HUB, id: roots.join(","), version: "0.1.0" }, devices: [], shares: [] };
}

interface OwnerParts {
  db: Store<HubDatabase>["db"];
  crypto: Crypto;
  logs: OwnerLogs;
  accounts: Accounts;
  tokens: Map<string, ActorOf<"person">>;
  clock: TestHub["clock"];
}

async function newOwner(
  { db, crypto, logs, accounts, tokens, clock }: OwnerParts,
  name: string,
): Promise<Owner> {
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  const linkKey = toBase64Url(crypto.x25519PublicKey(crypto.randomBytes(32)));
  const begun = await beginLog(crypto, signer, {
    name,
    kind: "laptop",
    platform: "linux-x86_64",
    link_key: linkKey,
  });
  const [first] = begun.entries;
  if (first === undefined) throw new Error("a log has a first entry");
  const root = await logs.begin(first);
  const log = (): OwnerLog => logs.get(root) ?? begun;
  return {
    root,
    signer,
    log,
    async device(deviceName) {
      const key = crypto.ed25519Signer(crypto.randomBytes(32)).publicKey;
      const deviceId = deviceIdOf(crypto.sha256(key));
      const facts = { deviceId, publicKey: key, linkKey: crypto.randomBytes(32), name: deviceName };
      const more = { kind: "laptop", platform: "linux-x86_64", ownerRoot: root, confirmed: true } as const;
      const added = await addDevice(db, { ...facts, ...more }, clock.now());
      if (added.outcome === "refused") throw new MusterError("conflict", "the device was refused");
      return { deviceId, key: toBase64Url(key) };
    },
    async share(deviceId, label, access = "login") {
      const shareId = `share-${label}`;
      const facts = { shareId, deviceId, ownerRoot: root, wish: label, kind: "page", access } as const;
      const more = {
        description: null,
        proofKey: new Uint8Array(32),
        createdAt: clock.now(),
        expiresAt: null,
      };
      await publishShare(db, { ...facts, ...more }, clock.now());
      return shareId;
    },
    async person(account) {
      const { userId } = await accounts.createOwner(account);
      await db.updateTable("owners").set({ user_id: userId }).where("owner_root", "=", root).execute();
      const { cookies } = await accounts.signIn(userId, "192.0.2.7");
      const token = `token-of-${account}`;
      tokens.set(token, { kind: "person", userId, key: account, ownerRoots: [root], controller: "command" });
      return { userId, cookie: cookieOf(cookies), token };
    },
  };
}

function nobodyOffers(): never {
  throw new MusterError("no_device", "no device offers that");
}
