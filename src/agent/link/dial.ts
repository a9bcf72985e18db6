// One try to open a trunk: connect, `GET /trunk` with an upgrade, 101, and from then on the bytes are the
// trunk's. Everything before the 101 is bounded in time and size.
import { parseResponseHead } from "../../http1/response-head.ts";
import { MusterError, type ErrorCode } from "../../protocol/errors.ts";
import { HEAD_MAX_BYTES } from "../../protocol/limits.ts";
import type { Wire } from "../../trunk/outbox.ts";
import type { ByteStreamEvents, ConnectOptions, Socket, World } from "../../world/world.ts";
import { connectTunnel, type Proxy } from "./proxy.ts";

/** A kernel that hears nothing tries again after 1 s, then 3 s and 7 s (RFC 6298): a new dial tries sooner. */
const REACH_TIMEOUT_MS = 2500;
/** From the first try to the 101. Longer after `PATIENT_AFTER_TRIES`: a hub that comes back has a crowd to greet. */
const USUAL_TIMEOUT_MS = 5000;
const PATIENT_TIMEOUT_MS = 10_000;
const PATIENT_AFTER_TRIES = 4;

/** `tries`: since there was a session. */
export function dialTimeoutMs(tries: number): number {
  return tries < PATIENT_AFTER_TRIES ? USUAL_TIMEOUT_MS : PATIENT_TIMEOUT_MS;
}

export interface TrunkAddress {
  /** http: or https:, as joined; its path is not used. */
  url: string;
  /** PEM of a certificate authority of the hub's own, where it is not a public one. */
  ca?: string;
  /** Stands on the way there. */
  proxy?: Proxy;
  /**
   * On this machine: its certificate is for other names, and proves less than the hub's pinned key, which
   * signs for this very TLS connection.
   */
  byKeyAlone?: boolean;
}

/** Raw frames after an upgrade of our own, or the same frames in WebSocket messages. */
export type Way = "trunk" | "web_socket";

export interface Dialled {
  way: Way;
  wire: Wire;
  /** The TLS exporter of this end; empty where it can't be seen. */
  binding: Uint8Array;
  /** Says who gets the events from now on, beginning with what came early. */
  take(events: ByteStreamEvents): void;
}

export type DialWorld = Pick<World, "network" | "timers">;

export interface Dial {
  address: TrunkAddress;
  timeoutMs: number;
}

const UPGRADE = "muster-trunk/1";
const ASKED_FOR = { method: "GET", version: "1.1", upgrade: UPGRADE } as const;

/** Where and how to connect for an http or https URL of a hub. */
export function connectTarget(address: TrunkAddress): Pick<ConnectOptions, "address" | "tls" | "tunnel"> {
  const url = new URL(address.url);
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  // localhost and all below it is this machine (RFC 6761), but not every resolver knows, or knows which family.
  const target = { host: /(^|\.)localhost$/i.test(host) ? "127.0.0.1" : host, port };
  const { ca, proxy, byKeyAlone = false } = address;
  const trust = byKeyAlone ? { rejectUnauthorized: false } : ca === undefined ? {} : { ca };
  return {
    ...(secure ? { tls: { serverName: host, ...trust } } : {}),
    ...(proxy === undefined
      ? { address: target }
      : { address: { host: proxy.host, port: proxy.port }, tunnel: connectTunnel(proxy, { host, port }) }),
  };
}

/** Rejects with `hub_unreachable` when nothing answers, and with `unavailable` when what answers is no trunk. */
export async function dialTrunk(
  { network, timers }: DialWorld,
  { address, timeoutMs }: Dial,
): Promise<Dialled> {
  const conversation = new UpgradeConversation(new URL(address.url).host);
  const options = { ...connectTarget(address), timeoutMs, reachTimeoutMs: REACH_TIMEOUT_MS };
  // A connection that stands proves nothing: what took it may be gone before it answers.
  const limit = timers.after(timeoutMs, () => conversation.giveUp());
  try {
    await network.connect({ ...options, connected: (socket) => conversation.begin(socket) });
    return await conversation.upgraded;
  } catch (error) {
    if (error instanceof MusterError) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new MusterError("hub_unreachable", `can't reach the hub at ${address.url}: ${text}`, {
      cause: error,
    });
  } finally {
    limit.cancel();
  }
}

/** The bytes before the trunk: our request, the hub's head. Afterwards it only hands on. */
class UpgradeConversation implements ByteStreamEvents {
  readonly upgraded: Promise<Dialled>;
  readonly #host: string;
  #resolve: (dialled: Dialled) => void = () => {};
  #reject: (error: MusterError) => void = () => {};
  #socket: Socket | undefined;
  #early = new Uint8Array(0);
  #next: ByteStreamEvents | undefined;
  #done = false;

  constructor(host: string) {
    this.#host = host;
    this.upgraded = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever awaits it later still hears of it; until then a failure is not unhandled.
    this.upgraded.catch(() => {});
  }

  begin(socket: Socket): ByteStreamEvents {
    this.#socket = socket;
    const request = `GET /trunk HTTP/1.1\r\nHost: ${this.#host}\r\nConnection: Upgrade\r\nUpgrade: ${UPGRADE}\r\n\r\n`;
    socket.write(new TextEncoder().encode(request));
    return this;
  }

  giveUp(): void {
    this.#fail("hub_unreachable", "the hub did not answer in time");
  }

  data(bytes: Uint8Array): void {
    if (this.#next !== undefined) return this.#next.data(bytes);
    const all = new Uint8Array(this.#early.length + bytes.length);
    all.set(this.#early);
    all.set(bytes, this.#early.length);
    this.#early = all;
    if (!this.#done) this.#readHead();
  }

  drain(): void {
    this.#next?.drain();
  }

  end(): void {
    if (this.#next !== undefined) this.#next.end();
    else this.#fail("hub_unreachable", "the hub closed the connection");
  }

  close(error?: Error): void {
    if (this.#next !== undefined) this.#next.close(error);
    else this.#fail("hub_unreachable", error?.message ?? "the hub closed the connection");
  }

  #readHead(): void {
    const head = parseResponseHead(this.#early, ASKED_FOR);
    if (head.kind === "more") {
      if (this.#early.length > HEAD_MAX_BYTES) this.#fail("unavailable", "what answers there is no hub");
      return;
    }
    const socket = this.#socket;
    if (head.kind !== "response" || head.status !== 101 || socket === undefined) {
      return this.#refused(head.kind === "response" ? head.status : undefined);
    }
    this.#done = true;
    this.#early = this.#early.slice(head.headBytes);
    // What is still to come waits until somebody takes it.
    socket.pause();
    this.#resolve({
      way: "trunk",
      wire: socket,
      binding: socket.channelBinding(),
      take: (events) => this.#take(socket, events),
    });
  }

  #refused(status: number | undefined): void {
    // The hub itself, and it says that another way would be no better.
    if (status === 429) return this.#fail("too_many", "the hub takes no more connections from here");
    if (status === 503) return this.#fail("hub_unreachable", "the hub is not ready (status 503)");
    const said = status === undefined ? "" : ` (status ${status})`;
    this.#fail("unavailable", `what answers there opens no trunk${said}`);
  }

  #take(socket: Socket, events: ByteStreamEvents): void {
    this.#next = events;
    const early = this.#early;
    this.#early = new Uint8Array(0);
    if (early.length > 0) events.data(early);
    socket.resume();
  }

  #fail(code: ErrorCode, message: string): void {
    if (this.#done) return;
    this.#done = true;
    this.#reject(new MusterError(code, message));
    this.#socket?.close();
  }
}
