// Surroundings in memory: a disk of texts, outputs that are kept, programs that only say that they ran.

import { MusterError } from "../../protocol/errors.ts";
import type { FileInfo } from "../../world/world.ts";
import type { HubSession } from "../hub-session.ts";
import type { Surroundings } from "../surroundings.ts";
import { AGENT_PID, AGENT_PORT, AGENT_TOKEN, fakeAgent, type FakeAgent } from "./fake-agent.ts";
import { DEVICE_ID, deviceView, HUB_URL } from "./fake-views.ts";
import { queryAnswer } from "./fake-calls.ts";
import { FAKE_KEYS } from "./fake-keys.ts";
import { fakePaths, fakeProbe, type FakePaths } from "./fake-paths.ts";
import { fakeTicket } from "./fake-services.ts";
import { fakeService, type FakeService } from "./fake-service.ts";
import { taskAnswers } from "./fake-tasks.ts";
import { fakeTime } from "./fake-timers.ts";

export const HOME = "/home/ada/.muster";

export interface FakeSurroundings extends Surroundings {
  environment: Record<string, string | undefined>;
  stdin: {
    isTerminal: boolean;
    readAll(maxBytes: number): Promise<string>;
    readLine(prompt: string): Promise<string>;
    readSecret(prompt: string): Promise<string>;
    pieces(): AsyncIterable<Uint8Array>;
    setRaw(raw: boolean): void;
  };
  service: FakeService;
  stdout: FakeOutput;
  stderr: FakeOutput;
  agent: FakeAgent;
  paths: FakePaths;
  /** Paths to contents; a folder ends with "/". */
  files: Map<string, string>;
  /** Answers of the terminal or standard input, in order. */
  typed: string[];
  interrupt(signal?: "SIGINT" | "SIGTERM"): void;
  /** What the programs and `join` were given. */
  ran: { name: string; options: Record<string, unknown> }[];
}

export interface FakeOutput {
  text: string;
  isTerminal: boolean;
  columns: number | undefined;
  rows: number | undefined;
  write(text: string): void;
  bytes(bytes: Uint8Array): Promise<void>;
}

export function fakeSurroundings(): FakeSurroundings {
  const agent = fakeAgent();
  const paths = fakePaths();
  const files = new Map([
    [`${HOME}/token`, `${AGENT_TOKEN}\n`],
    [`${HOME}/agent.json`, JSON.stringify({ pid: AGENT_PID, port: AGENT_PORT, token_file: `${HOME}/token` })],
    [`${HOME}/hub.json`, JSON.stringify(HUB_FILE)],
    ["/home/ada/site/", ""],
    ["/home/ada/site/index.html", "<h1>hello</h1>"],
  ]);
  const typed: string[] = [];
  const ran: FakeSurroundings["ran"] = [];
  const service = fakeService(agent);
  const listeners = new Set<(signal: "SIGINT" | "SIGTERM") => void>();
  const answer = async (): Promise<string> => typed.shift() ?? "";
  return {
    version: "0.1.0",
    environment: { HOME: "/home/ada" },
    cwd: "/home/ada",
    systemHome: undefined,
    stdin: {
      isTerminal: false,
      readAll: answer,
      readLine: answer,
      readSecret: answer,
      pieces: noPieces,
      setRaw() {},
    },
    stdout: fakeOutput(),
    stderr: fakeOutput(),
    disk: fakeDisk(files),
    ...fakeTime(),
    fetch: (url, init) => agent.fetch(url, init),
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onResize: () => () => undefined,
    openBrowser: (file) => {
      ran.push({ name: "openBrowser", options: { file } });
      return Promise.resolve(true);
    },
    processAlive: (pid) => (agent.running || agent.hubAlone) && pid === agent.pid,
    endProcess(pid) {
      ran.push({ name: "endProcess", options: { pid } });
      agent.hubAlone = false;
    },
    homeHolder: async () => (agent.hubAlone ? { pid: agent.pid, runs: "hub" } : undefined),
    stringWidth: (text) => Bun.stringWidth(text),
    spawnSelf(args) {
      ran.push({ name: "spawnSelf", options: { args } });
      agent.running = true;
      return { pid: agent.pid, exited: new Promise(() => undefined), stop: () => undefined };
    },
    async runStart({ ready, stop, ...options }) {
      ran.push({ name: "runStart", options });
      ready({
        hub_url: HUB_URL,
        login_url: null,
        device_id: DEVICE_ID,
        device_name: "laptop",
        pid: AGENT_PID,
      });
      await aborted(stop);
    },
    async runHub({ ready, stop, ...options }) {
      ran.push({ name: "runHub", options });
      ready({ hub_url: HUB_URL, login_url: "http://muster.localhost:8080/#login.ab12.s3cr3t" });
      await aborted(stop);
    },
    async runAgent({ ready, stop, ...options }) {
      ran.push({ name: "runAgent", options });
      ready({ hub_url: HUB_URL, device_id: DEVICE_ID, device_name: "laptop", pid: AGENT_PID });
      await aborted(stop);
    },
    async claimShare({ phase: _phase, stop: _stop, ...options }) {
      ran.push({ name: "claimShare", options });
      return { device_id: "abcdefg", name: "server", hub_url: options.hubUrl ?? HUB_URL, joined: "mate" };
    },
    async join({ phase, stop: _stop, say: _say, ask, ...options }) {
      ran.push({ name: "join", options });
      if (options.token === undefined) {
        ask?.({
          userCode: "K7Q2-MX4P",
          url: "https://muster.example.com/device",
          completeUrl: "https://muster.example.com/device#K7Q2-MX4P",
          words: ["amber", "bicycle", "candle", "drift", "ember"],
          expiresInMs: 600_000,
        });
      }
      phase("Proving this machine's key");
      return {
        before: false,
        ...(options.token === undefined ? { confirmed: false } : {}),
        device_id: DEVICE_ID,
        name: options.name ?? "laptop",
        hostname: "laptop.example.com",
      };
    },
    openGuest: async () => {
      throw new MusterError("not_joined", "this home has joined no hub, and is no guest of one");
    },
    async rekey({ phase, stop: _stop, ...options }) {
      ran.push({ name: "rekey", options });
      phase("entering the owner log");
      return { device_id: "new-id", name: "laptop", former_id: DEVICE_ID, former_removed: true };
    },
    readConfig: async ({ config }) => ({
      path: config ?? `${HOME}/muster.toml`,
      values: [
        { key: "location", value: "rack 4", origin: `${config ?? `${HOME}/muster.toml`}:1` },
        { key: "server.host", value: "127.0.0.1", origin: "built in" },
        { key: "hub.trusted_proxy", value: ["127.0.0.1", "::1"], origin: "MUSTER_HUB_TRUSTED_PROXY" },
        { key: "providers.hetzner.token", value: "‹secret›", origin: `${HOME}/muster.toml:4` },
      ],
    }),
    exampleConfig: async () => '#location = "rack 4"\n',
    openService: async () => service,
    paths,
    pathProbe: () => Promise.resolve(fakeProbe(paths)),
    deviceAnswers: async ({ url }) => {
      ran.push({ name: "deviceAnswers", options: { url } });
      return true;
    },
    async settle(options) {
      ran.push({ name: "settle", options: { ...options } });
      return { notes: options.namedLink === true ? ["a named link leads anywhere"] : [] };
    },
    verbose() {
      return this;
    },
    async releaseOffer({ phase }) {
      phase("asking the hub what it offers");
      return {
        state: "newer",
        running: "0.1.0",
        offered: "0.2.0",
        released_at: "2026-11-20T06:00:00.000Z",
        hub_url: HUB_URL,
        async take() {
          ran.push({ name: "upgrade", options: {} });
          return { restarted: true };
        },
      };
    },
    async wipe(home) {
      ran.push({ name: "wipe", options: { home } });
    },
    attach: async () => fakeHubSession(),
    agent,
    service,
    files,
    typed,
    ran,
    interrupt: (signal = "SIGINT") => {
      for (const listener of listeners) listener(signal);
    },
  };
}

const HUB_FILE = {
  hub_url: HUB_URL,
  hub_id: "hub1",
  hub_key: "a2V5",
  device_id: DEVICE_ID,
  name: "laptop",
  owner_root: "cm9vdA",
  controller: true,
  embedded: true,
};

function fakeHubSession(): HubSession {
  const answers = {
    fleet_get: {
      type: "fleet",
      fleet: {
        hub: { url: HUB_URL, id: "hub1", version: "0.1.0" },
        devices: [deviceView({ name: "pi" })],
        shares: [],
      },
    },
    login_link_make: {
      type: "login_link",
      id: "1",
      login_url: "http://muster.localhost:8080/#login.cd34.s3cr3t",
    },
    audit_get: { type: "audit", id: "1", items: [], cursor: null },
  };
  return {
    device: { id: DEVICE_ID, name: "laptop" },
    // Each row above is the answer to its question; the index hides that from the compiler.
    request: async (type) => answers[type] as never,
    keys: async () => ({
      keys: async () => ({ items: [] }),
      key_create: async (request) => FAKE_KEYS.key_create(undefined, request),
      key_revoke: async (request) => FAKE_KEYS.key_revoke(undefined, request),
    }),
    serviceTicket: async (request) => fakeTicket(request),
    async *query(request) {
      yield* queryAnswer(request);
    },
    async *taskQuery(request) {
      yield* taskAnswers(request);
    },
    async *capability({ payload }) {
      const request_id = "019ab000-0000-7000-8000-000000000001";
      yield { type: "capability_part", request_id, from_device: "pi", data: '"hel"' };
      yield { type: "capability_response", request_id, from_device: "pi", payload };
    },
    async devices() {
      const view = deviceView({ name: "pi" });
      return {
        show: async () => ({
          device: view,
          shares: [],
          self: false,
          role: "member",
          in_log: true,
          words: null,
        }),
        invited: async () => ({ device_id: view.id }),
        approve: async () => ({ device_id: view.id, name: view.name }),
        rotate: async () => ({ device_id: view.id, name: view.name }),
        rename: async ({ name }) => ({ device_id: view.id, from: view.name, name }),
        remove: async () => ({ device_id: view.id, name: view.name, by: "owner_log" }),
      };
    },
    owners: () => Promise.reject(new Error("no owner is asked here")),
    orders: () => Promise.reject(new Error("nothing is ordered here")),
    tasks: () => Promise.reject(new Error("no task is asked for here")),
    deviceToken: async ({ expires_in_ms }) => ({
      token: "mst1_hub",
      expires_at: new Date(Date.UTC(2026, 10, 20, 12) + expires_in_ms).toISOString(),
      install: `curl -fsSL ${HUB_URL}/install.sh | sh -s -- mst1_hub`,
    }),
    close: () => undefined,
  };
}

function fakeOutput(): FakeOutput {
  return {
    text: "",
    isTerminal: false,
    columns: undefined,
    rows: undefined,
    write(text) {
      this.text += text;
    },
    async bytes(bytes) {
      this.text += new TextDecoder().decode(bytes);
    },
  };
}

async function* noPieces(): AsyncGenerator<Uint8Array> {}

function fakeDisk(files: Map<string, string>): Surroundings["disk"] {
  const bytesOf = (path: string): Uint8Array => {
    const text = files.get(path);
    if (text !== undefined) return new TextEncoder().encode(text);
    throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: "ENOENT" });
  };
  const infoOf = (path: string): FileInfo | undefined => {
    const folder = files.has(`${path}/`);
    if (!folder && !files.has(path)) return undefined;
    const size = folder ? 0 : bytesOf(path).length;
    return { kind: folder ? "folder" : "file", size, modifiedAt: 0, mode: 0o600, inode: 1 };
  };
  return {
    read: async (path) => bytesOf(path),
    info: async (path) => infoOf(path),
    async open(path) {
      const bytes = bytesOf(path);
      const info: FileInfo = { kind: "file", size: bytes.length, modifiedAt: 0, mode: 0o600, inode: 1 };
      return {
        info,
        realPath: path,
        read: async (position, length) => bytes.slice(position, position + length),
        close: async () => undefined,
      };
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
