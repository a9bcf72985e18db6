// What the hub's HTTP API needs of the rest of the hub, each part as small as its use.
import type { Kysely } from "kysely";
import type { Crypto, Signer } from "../../identity/crypto.ts";
import type { Secret } from "../../identity/secret.ts";
import type { Log } from "../../protocol/log.ts";
import type { ActorOf } from "../../protocol/actors.ts";
import type { DeviceKind, FleetView } from "../../protocol/views.ts";
import type { HubDatabase } from "../../store/hub-schema.ts";
import type { Clock, Timers } from "../../world/world.ts";
import type { Accounts } from "../accounts/accounts.ts";
import type { Downloads } from "../downloads/downloads.ts";
import type { CapabilityAsker } from "../calls/capability-desk.ts";
import type { QueryAsker } from "../calls/query-desk.ts";
import type { Audit } from "../audit.ts";
import type { DeviceLife } from "../devices/device-life.ts";
import type { Metrics } from "../metrics.ts";
import type { OwnerLogs } from "../owner-logs.ts";

/** What the edge knows of a request and its headers may not say. */
export interface RequestFacts {
  /** Address of the far end, or of the visitor behind a declared proxy. */
  visitor: string;
  requestId: string;
  /** It came with fields that only a proxy writes, which the edge has dropped. */
  carried?: boolean;
}

/** Short-lived bearers that sessions give to pages whose key has proved itself. */
export interface Tokens {
  verify(token: string): ActorOf<"person"> | undefined;
}

/** The home that began this hub. It holds the owner's keys; the API has none. */
export interface Home {
  /** Undefined until it has begun its owner log. */
  ownerRoot(): string | undefined;
  /**
   * Lets a browser in: an entry of the owner log makes its key a controller for a while. Throws where the home
   * is away or the key is none that may stand there.
   */
  admitBrowser(browser: BrowserKeys): Promise<{ deviceId: string }>;
  /** Makes a device a member. Repeatable. */
  admitMember(device: NewMember): Promise<void>;
}

/** A device whose words a person has compared. */
export interface NewMember {
  publicKey: Uint8Array;
  linkKey: Uint8Array;
  name: string;
  kind: DeviceKind;
  platform: string;
}

export interface BrowserKeys {
  publicKey: Uint8Array;
  linkKey: Uint8Array;
  /** As the browser calls itself: a person's text, not yet a device name. */
  name: string;
}

/** The table of addresses: which hosts are the hub's and which are a label's. Hosts are as in `URL.host`. */
export interface Addresses {
  hubUrl(): string;
  /** Scheme, host and port of the page; undefined where this hub has none. */
  pageOrigin(): string | undefined;
  /** The API is answered here. The page's own host is one of these. */
  isHubHost(host: string): boolean;
  /** The label whose share or device this host is; undefined for any other host. */
  labelOf(host: string): string | undefined;
  /** Scheme, host and port of a label's share. */
  originOf(label: string): string;
  /** A device's own public host name, "" where the hub has no domain. */
  hostnameOf(label: string): string;
}

export interface Fleet {
  /** What the owners of these logs see; each root was checked. */
  viewOf(ownerRoots: readonly string[]): FleetView;
}

/** The page's files by their path ("/index.html", "/assets/app-1a2b.js"). */
export type Assets = ReadonlyMap<string, Asset>;

export interface Asset {
  bytes: Uint8Array<ArrayBuffer>;
  /** The whole Content-Type. */
  type: string;
  /** With its quotes. */
  etag: string;
  /** Its name changes with its content. */
  immutable: boolean;
  /** The same, compressed by brotli. */
  br?: Uint8Array<ArrayBuffer>;
}

export interface ApiParts {
  db: Kysely<HubDatabase>;
  clock: Clock;
  timers: Pick<Timers, "after">;
  crypto: Crypto;
  log: Log;
  audit: Audit;
  metrics: Metrics;
  accounts: Accounts;
  tokens: Tokens;
  home: Home;
  ownerLogs: Pick<OwnerLogs, "get" | "granting" | "appended" | "began" | "demandOwnKey" | "inTurn">;
  capabilities: CapabilityAsker;
  queries: QueryAsker;
  addresses: Addresses;
  fleet: Fleet;
  assets: Assets;
  /** What new machines install; without it this hub hands out nothing. */
  downloads?: Downloads;
  /** Signs access tickets. */
  hubSigner: Signer;
  hubId: string;
  version: string;
  /** Whether this hub takes guests; it does not unless told. */
  guests?: boolean;
  /** Opens /metrics from elsewhere; without one only this machine may read them. */
  metricsToken?: Secret<string>;
  /** Claims and sign-ins that one source may try in a minute; 10 unless told. */
  entriesPerMinute?: number;
  life: Pick<
    DeviceLife,
    "removals" | "confirmations" | "setups" | "flow" | "named" | "rotate" | "deletionWaitMs"
  >;
  /** A device has taken its place. */
  joined?(deviceId: string): void;
  /** Some or all sessions of this account have ended: what hangs on its cookie elsewhere ends with them. */
  sessionsEnded?(userId: string): void;
}

export interface Api {
  /** Never rejects: every failure is an answer. */
  fetch(request: Request, facts: RequestFacts): Promise<Response>;
  /** "METHOD /path" of everything it answers; `assertComplete` has accepted them. */
  readonly routes: readonly string[];
}
