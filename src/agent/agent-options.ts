// What an agent is made of: what its program hands to it. Nothing here does anything.
import type { Crypto, Signer } from "../identity/crypto.ts";
import type { Ticker } from "../http1/ticker.ts";
import type { Assets } from "../protocol/assets.ts";
import type { HubFile } from "../protocol/local-api.ts";
import type { Log } from "../protocol/log.ts";
import type { DeviceKind, MachineHealth } from "../protocol/views.ts";
import type { DrainBounds } from "../trunk/drain.ts";
import type { Pulse } from "../trunk/liveness.ts";
import type { LargeFiles, World } from "../world/world.ts";
import type { OfferRules } from "./capabilities/call-desk.ts";
import type { BuiltInOptions } from "./built-in-options.ts";
import type { HubPolicy } from "./queries/query-desk.ts";
import type { CommandOptions } from "./commanding.ts";
import type { PasswordHasher } from "./gateway/password-check.ts";
import type { HubPort } from "./hub-port.ts";
import type { TrunkAddress } from "./link/dial.ts";
import type { HubSessionOptions } from "./link/hub-session.ts";
import type { OfferedService } from "./services/offered-service.ts";

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
  /**
   * A Cloudflare named tunnel: whether this device's own configuration takes one, and its helper's path, which is
   * installed where it is missing. Rejects where it can't be had.
   */
  namedLink?: { wanted: boolean; program(stop: AbortSignal): Promise<string> };
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
  /** For files of any size from and to paired devices; without it they end where messages end. */
  largeFiles?: LargeFiles;
  /** Ports of this machine that its owners may reach by name. */
  services?: readonly OfferedService[];
  /** Capabilities that are not offered, and who may use which of the others. */
  offering?: { disabled: readonly string[]; rules: OfferRules; hubPolicy: HubPolicy };
  /** Plugins, models, texts; without it this agent has none. */
  builtIns?: BuiltInOptions;
  /** The page's files, for `muster open`; read when somebody asks for the page. */
  assets?(): Promise<Assets>;
  /** Makes the session; a test hands in its own. */
  openSession?(options: HubSessionOptions): HubLink;
}
