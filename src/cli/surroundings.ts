// What the CLI is given: everything it may touch outside itself. `main.ts` makes the real one, tests their own.
//
// The rule: no file of this room reads argv, the environment, the clock, the disk or the network in any other
// way, and the long-lived programs (hub, agent) are functions handed in, so nothing of theirs is loaded here.

import type { LocalRequest, LocalResponse } from "../protocol/local-api.ts";
import type { DeviceKind } from "../protocol/views.ts";
import type { Clock, Disk, Timers } from "../world/world.ts";
import type { HubSession } from "./hub-session.ts";
import type { PathProbe } from "./why/path-probe.ts";

export interface Surroundings {
  readonly version: string;
  /** MUSTER_HOME, HOME, PORT, NO_COLOR, TERM and MUSTER_LOG are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** For root alone: the home of the machine's own service, and whether one has been set up there. */
  readonly systemHome: { path: string; used: boolean } | undefined;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly disk: Pick<Disk, "read" | "info" | "open">;
  readonly clock: Clock;
  readonly timers: Timers;
  /** One HTTP request. Loopback must be reached directly, whatever HTTP_PROXY says. */
  fetch(url: string, init?: RequestInit): Promise<Response>;
  /**
   * Told of SIGINT and SIGTERM, which then do nothing else. Returns how to stop listening; they end the process then, if
   * what was printed is not with its reader soon.
   */
  onInterrupt(listener: (signal: "SIGINT" | "SIGTERM") => void): () => void;
  /** Told when the terminal has another size. Returns how to stop listening. */
  onResize(listener: () => void): () => void;
  /** Starts the browser of this desktop with a file; false where there is none. */
  openBrowser(file: string): Promise<boolean>;
  processAlive(pid: number): boolean;
  /** Asks a process of this program to end (SIGTERM). */
  endProcess(pid: number): void;
  /** Who has this home, as its lock says: an agent, or a hub without one. Undefined when nobody has. */
  homeHolder(home: string): Promise<{ pid: number; runs: "agent" | "hub" } | undefined>;
  /** Columns that the text takes on a terminal (wide and zero-width characters, no escape sequences). */
  stringWidth(text: string): number;
  /** Starts this program again, detached, with both its outputs appended to `logFile` (its folder is made). */
  spawnSelf(
    args: readonly string[],
    options: { logFile: string; environment?: Record<string, string> },
  ): Background;

  // The programs. Each runs in the foreground until `stop` is aborted or it fails; `ready` is called once.
  runStart(options: StartOptions): Promise<void>;
  runHub(options: HubOptions): Promise<void>;
  runAgent(options: AgentOptions): Promise<void>;
  /** Joins this home to a hub: makes or keeps its identity, claims the token, writes hub.json. */
  join(options: JoinOptions): Promise<JoinResult>;
  /** Takes a device that another owner shares; a home that has joined nothing joins with it. */
  claimShare(options: ClaimOptions): Promise<ClaimResult>;
  /** Every setting with its value and where that came from. Throws for a file that is wrong. */
  readConfig(options: { home: string | undefined; config?: string }): Promise<ConfigView>;
  /** A muster.toml with every setting, commented out. */
  exampleConfig(): Promise<string>;
  /** The service of a home, as this machine has it. */
  openService(home: string): Promise<ServiceDesk>;
  /** Whether a request to this address comes back from a device. */
  /** `ca`: PEM of the hub's own authority. */
  deviceAnswers(address: { url: string; ca?: string; stop: AbortSignal }): Promise<boolean>;
  /** The hops of a request, one at a time. */
  pathProbe(): Promise<PathProbe>;
  /** What is left to do once a home has joined; every step may be repeated. */
  settle(options: SettleOptions): Promise<Settled>;
  /** This program, its log at `debug`. */
  verbose(): Surroundings;
  /** What the hub offers in this program's place. Throws `upgrade_refused`, `bad_signature`, … */
  releaseOffer(options: UpgradeOptions): Promise<ReleaseOffer>;
  /** Gives this home new keys and takes the old ones out of its fleet. Nothing may run in it. */
  rekey(options: RekeyOptions): Promise<RekeyResult>;
  /** Forgets what this home kept of its fleet: keys, hub, state. Nothing may run in it any more. */
  wipe(home: string): Promise<void>;
  /** A home that has joined no hub, as a guest of one, where nothing else runs in it. */
  openGuest(options: GuestOptions): Promise<GuestSession>;
  /** A session with the hub that this home has joined, by its controller key, where no agent runs. */
  attach(home: string): Promise<HubSession>;
}

export interface Input {
  readonly isTerminal: boolean;
  /** All of it, as text without its last line break. Rejects over `maxBytes`. */
  readAll(maxBytes: number): Promise<string>;
  /** One line from the terminal, without its line break; "" at its end. */
  readLine(prompt: string): Promise<string>;
  /** One line from the terminal, not echoed; the echo is back however this ends. */
  readSecret(prompt: string): Promise<string>;
  /** What comes, as it comes; on a raw terminal each key. Leaving it early stops reading. */
  pieces(): AsyncIterable<Uint8Array>;
  /** Of a terminal: every key as it is, without echo, Ctrl-C included. */
  setRaw(raw: boolean): void;
}

export interface Output {
  write(text: string): void;
  /** Bytes as they are. Resolves once more may come. */
  bytes(bytes: Uint8Array): Promise<void>;
  /** Nobody reads it any more. */
  readonly isGone?: boolean;
  /** Of a terminal. */
  readonly rows: number | undefined;
  readonly isTerminal: boolean;
  /** 0 or undefined where the width is not known: then nothing is drawn that needs one. */
  readonly columns: number | undefined;
}

export interface Background {
  readonly pid: number;
  /** The exit code, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Asks it to end (SIGTERM). */
  stop(): void;
}

/** What every long-lived program takes. */
export interface ProgramOptions<Facts> {
  home: string;
  /** Absolute path of the file that `--config` names. */
  config?: string;
  /** Aborted by Ctrl-C or SIGTERM: end in good order. */
  stop: AbortSignal;
  /** Reachable now. */
  ready(facts: Facts): void;
}

/** The hub's address: undefined means "as remembered, else the default". Port 0 picks a free one. */
export interface HubAddress {
  port?: number;
  host?: string;
}

export interface StartOptions extends ProgramOptions<StartFacts>, HubAddress {
  tunnel: boolean;
  /** As typed: NAME:PORT, NAME:PORT/tcp. */
  services?: readonly string[];
  /** What `--disable-capability` gave. */
  disabled?: readonly string[];
}

export interface ServiceDesk {
  /** Why nothing on this machine can run services; null where something can. */
  readonly absent: string | null;
  /** Undefined where no service of this home is installed. */
  state(): Promise<ServiceView | undefined>;
  /** Throws `conflict` where the service of this user belongs to another home. */
  install(phase: (text: string) => void): Promise<{ changed: boolean; notes: string[] }>;
  installHub(options: HubServiceOptions): Promise<{ changed: boolean; home: string }>;
  /** With `state` all that the hub knows goes too. */
  uninstallHub(options: { state: boolean }): Promise<{ removed: string[]; notes: string[] }>;
  start(): Promise<void>;
  stop(): Promise<void>;
  restart(): Promise<void>;
  logs(options: ServiceLogOptions): Promise<void>;
  /** With `state` the home goes too. */
  uninstall(options: { state: boolean }): Promise<{ removed: string[]; notes: string[] }>;
}

export interface ServiceView {
  manager: "systemd" | "launchd";
  scope: "user" | "system";
  state: "running" | "starting" | "stopped" | "failed";
  pid: number | null;
  /** ISO 8601. */
  since: string | null;
}

/** What a hub is told, run here or as a service. */
export interface HubServiceOptions extends HubAddress {
  domain?: string;
  /** Absolute paths of PEM files. */
  tls?: { cert: string; key: string };
  /** Addresses, or ranges of them, of the proxies in front, which end TLS and say for whom they ask. */
  behindProxy?: readonly string[];
  /** Plain HTTP off loopback: devices come without TLS. */
  insecure: boolean;
}

export interface ServiceLogOptions {
  lines: number;
  follow: boolean;
  write(text: string): void;
  signal: AbortSignal;
}

export interface SettleOptions {
  home: string;
  hubUrl: string;
  kind?: DeviceKind;
  location?: string;
  /** The person here wants a Cloudflare named link: the configuration is to say so. */
  namedLink?: true;
}

export interface Settled {
  /** What the person is to know of what was written. */
  notes: string[];
}

export interface ConfigView {
  /** null where there is no file. */
  path: string | null;
  /** Secrets are given as "‹secret›". */
  values: { key: string; value: string | number | boolean | readonly string[]; origin: string }[];
}

export interface StartFacts {
  hub_url: string;
  /** Where the local network reaches a hub that is bound to more than loopback. */
  lan_url?: string;
  /** null once it has been used, or where another hub was joined. */
  login_url: string | null;
  device_id: string;
  device_name: string;
  pid: number;
}

export interface HubOptions extends ProgramOptions<HubStartFacts>, HubServiceOptions {}

export interface HubStartFacts {
  hub_url: string;
  /** As in `StartFacts`. */
  lan_url?: string;
  login_url: string | null;
}

export interface AgentOptions extends ProgramOptions<AgentFacts> {
  /** Of the local API, on loopback. */
  port?: number;
  host?: string;
  services?: readonly string[];
  /** What `--disable-capability` gave. */
  disabled?: readonly string[];
}

export interface AgentFacts {
  hub_url: string;
  device_id: string;
  device_name: string;
  pid: number;
}

export interface JoinOptions {
  home: string;
  /** Scheme, host and port, without a path. */
  hubUrl: string;
  /** A setup token or a registration code. Without one a person is asked to approve it in the hub's page. */
  token?: string;
  /** Where and with which code a person lets it in, and the words to compare. */
  ask?(prompt: JoinPrompt): void;
  name?: string;
  kind?: DeviceKind;
  location?: string;
  /** Nothing is claimed where the hub, or this machine, can't have a named link. */
  namedLink?: true;
  /** Leave the hub joined before. */
  replace: boolean;
  /** Plain HTTP off loopback is accepted. */
  insecure: boolean;
  /** Absolute path of the PEM file of an authority of the hub's own. */
  ca?: string;
  stop: AbortSignal;
  /** A few words for the progress line: "asking the hub". */
  phase(text: string): void;
  /** A line that stays. */
  say(line: string): void;
}

export interface ClaimOptions extends Pick<JoinOptions, "home" | "insecure" | "ca" | "stop" | "phase"> {
  /** Scheme, host and port; undefined for the hub that this home has joined. */
  hubUrl: string | undefined;
  token: string;
  /** What the other owner is to see. */
  as: string | undefined;
  /** Where this home's own copy of its log ends, if an agent has one: the hub may not show less. */
  known: { entries: number; head: string } | undefined;
}

export interface ClaimResult {
  /** The device that is shared. */
  device_id: string;
  name: string;
  hub_url: string;
  /** This home has joined with it, under this name. */
  joined: string | null;
}

export interface JoinPrompt {
  userCode: string;
  url: string;
  /** With the code filled in. */
  completeUrl: string;
  words: readonly string[];
  expiresInMs: number;
}

export interface RekeyOptions {
  home: string;
  /** A setup token, for a device that can't let its own new key in. */
  token?: string;
  stop: AbortSignal;
  /** A few words for the progress line. */
  phase(text: string): void;
}

export interface RekeyResult {
  device_id: string;
  /** As before. */
  name: string;
  former_id: string;
  /** False where the old key is still in the owner log, and a controller has to take it out. */
  former_removed: boolean;
}

export interface GuestOptions {
  home: string;
  /** The first time: which hub. Scheme, host and port. */
  hubUrl?: string;
  /** Plain HTTP off loopback is accepted. */
  insecure?: boolean;
  stop: AbortSignal;
}

/** The calls of the local API that a guest has too. */
type GuestCall =
  | "pair_make"
  | "pair_wait"
  | "pair_cancel"
  | "pair_join"
  | "peers"
  | "peer_unpair"
  | "peer_name"
  | "peer_verify"
  | "send"
  | "inbox"
  | "inbox_read";

export interface GuestSession {
  calls: {
    [Name in GuestCall]: (request: LocalRequest<Name>) => Promise<LocalResponse<Name>>;
  };
  /** What the person here has to know. */
  notices(): string[];
  close(): Promise<void>;
}

export interface JoinResult {
  /** False while no controller has compared the words: it publishes, and takes no command. */
  confirmed?: boolean;
  /** It had joined this very hub before, and nothing was changed. */
  before: boolean;
  device_id: string;
  name: string;
  /** "" where the hub has no domain. */
  hostname: string;
}

export interface UpgradeOptions {
  home: string;
  stop: AbortSignal;
  /** A few words for the progress line. */
  phase(text: string): void;
}

/** Signed by the key that this program trusts. */
export interface ReleaseOffer {
  state: "newer" | "current";
  /** Versions. */
  running: string;
  offered: string;
  released_at: string;
  hub_url: string;
  /** Puts it in this program's place and proves that it runs; takes the old one back when it does not. */
  take(): Promise<{ restarted: boolean }>;
}
