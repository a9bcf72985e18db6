// A gateway with real files and real sockets for its tests, and a visitor who speaks to it over a stream in
// memory. Time stands still until a test moves it.

import { createHash, createHmac } from "node:crypto";
import { decodeFin, type Fin } from "../../protocol/fin.ts";
import type { Open } from "../../protocol/open.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import { realDisk } from "../../world/disk.ts";
import { realNetwork } from "../../world/network.ts";
import type { Clock, Timer, Timers } from "../../world/world.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import type { AppTarget, PageTarget, ShareTarget } from "./share-target.ts";

export const HOST = "shop.example.com";
export const PASSWORD = "right horse";

/** A clock and timers that only a test moves. */
export class StillTime implements Clock, Timers {
  #nowMs = 1_800_000_000_000;
  readonly #ticking = new Set<{ periodMs: number; dueMs: number; run: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = this.every(delayMs, () => {
      timer.cancel();
      run();
    });
    return timer;
  }

  every(periodMs: number, run: () => void): Timer {
    const entry = { periodMs, dueMs: this.#nowMs + periodMs, run };
    this.#ticking.add(entry);
    return { cancel: () => this.#ticking.delete(entry) };
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  /** Runs what comes due on the way, in at most a thousand steps. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    const stepMs = Math.max(100, ms / 1000);
    while (this.#nowMs < endMs) {
      this.#nowMs = Math.min(endMs, this.#nowMs + stepMs);
      for (const entry of this.#ticking) {
        if (entry.dueMs > this.#nowMs) continue;
        entry.dueMs = this.#nowMs + entry.periodMs;
        entry.run();
      }
    }
  }
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly time: StillTime;
  /** How often a password was hashed. */
  readonly hashes: { count: number };
  readonly failures: unknown[];
}

export function startGateway(overrides: Partial<GatewayOptions> = {}): TestGateway {
  const time = new StillTime();
  const hashes = { count: 0 };
  const failures: unknown[] = [];
  const gateway = new Gateway({
    clock: time,
    timers: time,
    network: realNetwork,
    disk: realDisk,
    randomBytes: (length) => new Uint8Array(length).fill(5),
    hmacSha256: (key, bytes) => new Uint8Array(createHmac("sha256", key).update(bytes).digest()),
    verifyEd25519: () => false,
    hasher: {
      hash: async (password) => digest(password),
      verify: async (password, verifier) => {
        hashes.count++;
        return digest(password) === verifier;
      },
    },
    deviceKey: new Uint8Array(32).fill(1),
    hub: () => undefined,
    failed: (thrown) => failures.push(thrown),
    ...overrides,
  });
  return { gateway, time, hashes, failures };
}

function digest(password: string): string {
  return createHash("sha256").update(password).digest("hex");
}

const BASICS = {
  id: "s1",
  name: "shop",
  access: "public",
  passwordVerifier: digest(PASSWORD),
  passwordVersion: 1,
  chosenPassword: false,
  proofKey: new Uint8Array(32).fill(2),
  insecure: false,
  allowOrigins: [],
  expiresAt: null,
} as const;

export function pageShare(path: string, overrides: Partial<PageTarget> = {}): PageTarget {
  return { ...BASICS, kind: "page", path, spa: false, ...overrides };
}

export function appShare(port: number, overrides: Partial<AppTarget> = {}): AppTarget {
  return { ...BASICS, kind: "app", port, hasCommand: true, rewriteHost: false, ...overrides };
}

export function openFor(overrides: Partial<Open> = {}): Open {
  return {
    target: "s1",
    https: true,
    secure: true,
    visitorCloses: false,
    visitor: "203.0.113.7",
    host: HOST,
    link: "hub",
    requestId: "req-1",
    ...overrides,
  };
}

/** The visitor's end of a stream, with a window of its own like a trunk's. */
export class Visitor implements TrunkStream {
  readonly id = 1;
  #events: TrunkStreamEvents | undefined;
  readonly #chunks: Buffer[] = [];
  #credit: number;
  #short = false;
  #paused = false;
  #held: Uint8Array[] = [];
  #watchers: (() => void)[] = [];
  received = 0;
  /** False: bytes are only counted. */
  keeps = true;
  fin: Fin | undefined;
  /** Dropped without an end. */
  cut = false;
  readonly flags: string[] = [];

  constructor(credit = Infinity) {
    this.#credit = credit;
  }

  begin(events: TrunkStreamEvents): this {
    this.#events = events;
    return this;
  }

  // What the gateway calls.

  write(bytes: Uint8Array): number {
    if (this.cut || this.fin !== undefined) return -1;
    const taken = Math.min(bytes.length, this.#credit);
    this.#credit -= taken;
    this.received += taken;
    if (this.keeps) this.#chunks.push(Buffer.from(bytes.subarray(0, taken)));
    this.#short ||= taken < bytes.length;
    this.#changed();
    return taken;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused) {
      const bytes = this.#held.shift();
      if (bytes === undefined) return;
      this.#events?.data(bytes);
    }
  }

  finish(payload: Uint8Array): void {
    this.fin = decodeFin(payload);
    this.#changed();
  }

  shutdown(): void {
    this.finish(new Uint8Array());
  }

  reset(): void {
    this.cut = true;
    this.#changed();
    this.#events?.close();
  }

  close(): void {
    this.reset();
  }

  flag(payload: Uint8Array): void {
    this.flags.push(Buffer.from(payload).toString());
  }

  // What the test calls.

  get paused(): boolean {
    return this.#paused;
  }

  send(data: string | Uint8Array): this {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    if (this.#paused || this.#held.length > 0) this.#held.push(bytes);
    else this.#events?.data(bytes);
    return this;
  }

  end(): void {
    this.#events?.end(new Uint8Array());
  }

  leave(): void {
    this.cut = true;
    this.#events?.close();
  }

  grant(bytes: number): void {
    this.#credit += bytes;
    if (!this.#short) return;
    this.#short = false;
    this.#events?.drain();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }

  /** Resolves once the condition holds; checked whenever something arrives. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!holds()) return;
        this.#watchers = this.#watchers.filter((each) => each !== check);
        resolve();
      };
      this.#watchers.push(check);
      check();
    });
  }

  over(): Promise<void> {
    return this.until(() => this.cut || this.fin !== undefined);
  }

  #changed(): void {
    for (const check of this.#watchers) check();
  }
}

export interface Told {
  status: number;
  /** Lower-case names; repeated ones joined by ", ". */
  headers: Record<string, string>;
  body: Buffer;
  fin: Fin | undefined;
  cut: boolean;
}

export interface Asked {
  method?: string;
  target?: string;
  headers?: Record<string, string>;
  body?: string;
  open?: Partial<Open>;
}

export function visit(
  { gateway }: TestGateway,
  share: ShareTarget | undefined,
  { open, credit }: { open?: Partial<Open> | undefined; credit?: number } = {},
): Visitor {
  const visitor = new Visitor(credit);
  return visitor.begin(gateway.openStream(visitor, openFor(open), share));
}

/** One request and its whole answer. */
export async function ask(
  test: TestGateway,
  share: ShareTarget | undefined,
  asked: Asked = {},
): Promise<Told> {
  const visitor = visit(test, share, { open: asked.open });
  visitor.send(requestText(asked));
  await visitor.over();
  return readTold(visitor, asked.method);
}

export function requestText({ method = "GET", target = "/", headers = {}, body, open }: Asked): string {
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${open?.host ?? HOST}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body, "latin1")}`);
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}

export function readTold(visitor: Visitor, method = "GET"): Told {
  const text = visitor.text();
  const headEnd = text.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    const value = line.slice(line.indexOf(":") + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const rest = text.slice(headEnd + 4);
  const body = headers["transfer-encoding"] === "chunked" && method !== "HEAD" ? dechunked(rest) : rest;
  return {
    status: Number(statusLine.split(" ")[1]),
    headers,
    body: Buffer.from(body, "latin1"),
    fin: visitor.fin,
    cut: visitor.cut,
  };
}

function dechunked(text: string): string {
  let body = "";
  for (let at = 0; ;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (!(size > 0)) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 4 + size;
  }
}
