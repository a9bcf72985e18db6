// Kept-alive connections to one app. Never shared between shares, even of one port: what an app ties to a
// connection stays with the share it was made for.

import type { ClientExchange } from "../../http1/client-exchange.ts";
import type { Ticker, Ticking } from "../../http1/ticker.ts";
import { systemCode } from "../../protocol/errors.ts";
import type { ByteStreamEvents, Network, Socket } from "../../world/world.ts";

/** Node closes an idle connection after 5 s: ours go first, so that no request meets a closing one. */
const IDLE_MAX_MS = 4_000;
/** For a request that can't be sent twice the connection should be a fresh one, or nearly. */
const FRESH_MS = 1_000;
const IDLE_MAX_CONNECTIONS = 128;
const CONNECT_TIMEOUT_MS = 5_000;
/** Apps bind one or the other; the one that answered last is tried first. */
const HOSTS = ["127.0.0.1", "::1"] as const;

/** Whoever reads a response. */
export interface ResponseReader {
  /** All bytes of one read have been handed out: what was held back to go along with them goes now. */
  readDone(): void;
}

export class Upstream implements ByteStreamEvents {
  readonly socket: Socket;
  readonly #pool: UpstreamPool;
  #client: ClientExchange | undefined;
  #reader: ResponseReader | undefined;
  #idleSinceMs = 0;
  #closed = false;
  /** It has carried a request before: the app may be closing it at this moment. */
  used = false;

  constructor(socket: Socket, pool: UpstreamPool) {
    this.socket = socket;
    this.#pool = pool;
  }

  get idleSinceMs(): number {
    return this.#idleSinceMs;
  }

  carry(client: ClientExchange, reader: ResponseReader): void {
    this.#client = client;
    this.#reader = reader;
    if (this.#closed) client.close();
  }

  /** The request is over and the app keeps the connection open. */
  release(nowMs: number): void {
    this.#client = undefined;
    this.#reader = undefined;
    this.used = true;
    this.#idleSinceMs = nowMs;
    this.#pool.give(this);
  }

  // The socket's events.

  data(bytes: Uint8Array): void {
    const client = this.#client;
    const reader = this.#reader;
    // Bytes nobody asked for could be taken for the answer to the next request.
    if (client === undefined) return this.#drop();
    client.data(bytes);
    reader?.readDone();
  }

  drain(): void {
    this.#client?.drain();
  }

  end(): void {
    if (this.#client === undefined) this.#drop();
    else this.#client.end();
  }

  close(error?: Error): void {
    this.#closed = true;
    this.#pool.forget(this);
    this.#client?.close(error);
  }

  #drop(): void {
    this.#pool.forget(this);
    this.socket.close();
  }
}

export interface UpstreamPoolOptions {
  readonly network: Pick<Network, "connect">;
  readonly ticker: Ticker;
  readonly port: number;
}

export type Dialled =
  | { readonly kind: "connected"; readonly upstream: Upstream }
  | { readonly kind: "failed"; readonly code: string };

export class UpstreamPool implements Ticking {
  tickerSlot = -1;
  readonly port: number;
  readonly #options: UpstreamPoolOptions;
  /** The one used last is last, and is used first: the others get to go. */
  readonly #idle: Upstream[] = [];
  #hostIndex = 0;
  #closed = false;
  /** Requests on their way, for whoever bounds them. */
  inFlight = 0;

  constructor(options: UpstreamPoolOptions) {
    this.#options = options;
    this.port = options.port;
    options.ticker.add(this);
  }

  /** A connection that is open as far as is known; undefined when there is none to be had without dialling. */
  take(repeatable: boolean): Upstream | undefined {
    const last = this.#idle.at(-1);
    if (last === undefined) return undefined;
    if (!repeatable && this.#options.ticker.now - last.idleSinceMs > FRESH_MS) return undefined;
    return this.#idle.pop();
  }

  give(upstream: Upstream): void {
    if (this.#closed || this.#idle.length >= IDLE_MAX_CONNECTIONS) upstream.socket.close();
    else this.#idle.push(upstream);
  }

  forget(upstream: Upstream): void {
    const at = this.#idle.lastIndexOf(upstream);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  async dial(timeoutMs = CONNECT_TIMEOUT_MS): Promise<Dialled> {
    const first = this.#hostIndex;
    const dialled = await this.#dialHost(first, timeoutMs);
    if (dialled.kind === "connected" || dialled.code === "ETIMEDOUT") return dialled;
    const second = await this.#dialHost(1 - first, timeoutMs);
    if (second.kind === "connected") this.#hostIndex = 1 - first;
    // The first one's reason: a machine without IPv6 says odd things of "::1".
    return second.kind === "connected" ? second : dialled;
  }

  async #dialHost(index: number, timeoutMs: number): Promise<Dialled> {
    let upstream: Upstream | undefined;
    try {
      await this.#options.network.connect({
        address: { host: HOSTS[index] ?? HOSTS[0], port: this.port },
        timeoutMs,
        connected: (socket) => (upstream = new Upstream(socket, this)),
      });
    } catch (error) {
      return { kind: "failed", code: systemCode(error) };
    }
    if (upstream === undefined) return { kind: "failed", code: "" };
    return { kind: "connected", upstream };
  }

  tick(nowMs: number): void {
    while ((this.#idle[0]?.idleSinceMs ?? Infinity) + IDLE_MAX_MS <= nowMs)
      this.#idle.shift()?.socket.close();
  }

  /** The share is gone: idle connections end now, others after their request. */
  close(): void {
    this.#closed = true;
    this.#options.ticker.delete(this);
    for (const upstream of this.#idle.splice(0)) upstream.socket.close();
  }
}
