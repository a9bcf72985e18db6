// The real network: TCP, TLS and unix sockets of Bun behind the `Socket` contract of world.ts.
//
// Bun hands a socket's events to one shared handler object; `socket.data` says whose they are. A write may
// be taken in part and the rest is the caller's, as the contract says too, so nothing is buffered here but
// what `finish` still has to see through.
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type {
  ByteStreamEvents,
  ConnectOptions,
  ListenOptions,
  Listener,
  Network,
  NetworkInterface,
  Socket,
} from "./world.ts";
import { serve } from "./http-server.ts";

/** The channel binding's label (RFC 9266) and length. */
const EXPORTER_LABEL = "EXPORTER-Channel-Binding";
const EXPORTER_BYTES = 32;

/** The members of Bun's socket that are used; its own type does not list the exporter. */
interface RawSocket {
  data: BunSocket;
  readonly remoteAddress: string;
  readonly localAddress: string;
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  shutdown(): void;
  terminate(): void;
  end(): void;
  setNoDelay(on: boolean): boolean;
  exportKeyingMaterial?(length: number, label: string, context: Uint8Array): Uint8Array;
}

class BunSocket implements Socket {
  readonly tls: boolean;
  events: ByteStreamEvents = nobody;
  readonly #raw: RawSocket;
  #open = true;
  #shutDown = false;
  #ended = false;
  #dropped = false;

  constructor(raw: RawSocket, tls: boolean) {
    this.#raw = raw;
    this.tls = tls;
  }

  get remoteAddress(): string {
    return plainAddress(this.#raw.remoteAddress);
  }

  get localAddress(): string {
    return plainAddress(this.#raw.localAddress);
  }

  write(bytes: Uint8Array): number {
    if (!this.#open || this.#shutDown) return -1;
    return this.#raw.write(bytes);
  }

  pause(): void {
    if (this.#open) this.#raw.pause();
  }

  resume(): void {
    if (this.#open) this.#raw.resume();
  }

  shutdown(): void {
    if (!this.#open || this.#shutDown) return;
    this.#shutDown = true;
    this.#raw.shutdown();
  }

  finish(): void {
    if (this.#open) this.#raw.end();
  }

  close(): void {
    this.#dropped = true;
    if (this.#open) this.#raw.terminate();
  }

  channelBinding(): Uint8Array {
    if (!this.tls || this.#raw.exportKeyingMaterial === undefined) return new Uint8Array(0);
    return this.#raw.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, new Uint8Array(0));
  }

  ended(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.events.end();
  }

  closed(error: Error | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    // Once both sides have half-closed, Bun tells the close alone.
    if (this.#shutDown && !this.#dropped && error === undefined) this.ended();
    const events = this.events;
    this.events = nobody;
    events.close(error);
  }
}

const nobody: ByteStreamEvents = { data() {}, drain() {}, end() {}, close() {} };

/** One handler object serves every socket. */
const relay = {
  // Not Buffers: their slice() is a view, and what a reader keeps must be its own.
  binaryType: "uint8array",
  data(raw: RawSocket, bytes: Uint8Array) {
    raw.data.events.data(bytes);
  },
  drain(raw: RawSocket) {
    raw.data.events.drain();
  },
  end(raw: RawSocket) {
    raw.data.ended();
  },
  close(raw: RawSocket, error?: Error) {
    raw.data?.closed(error ?? undefined);
  },
  error(raw: RawSocket, error: Error) {
    raw.data?.closed(error);
    raw.terminate();
  },
};

async function listen(options: ListenOptions): Promise<Listener> {
  const tls = options.tls === undefined ? undefined : readTls(options.tls);
  const socket = {
    ...relay,
    open(raw: RawSocket) {
      raw.setNoDelay(true);
      const own = new BunSocket(raw, tls !== undefined);
      raw.data = own;
      own.events = options.connection(own);
    },
  };
  if ("path" in options.address) {
    const path = options.address.path;
    rmSync(path, { force: true });
    const server = listenRaw({ unix: path, allowHalfOpen: true, socket });
    chmodSync(path, 0o600);
    return { port: 0, close: () => server.stop(false) };
  }
  const server = listenRaw({
    hostname: options.address.host,
    port: options.address.port,
    allowHalfOpen: true,
    ...(tls === undefined ? {} : { tls }),
    socket,
  });
  return { port: server.port ?? 0, close: () => server.stop(false) };
}

/** Bun's types want the handler's own socket class; ours names only the members used. */
function listenRaw(options: object): { port?: number; stop(force: boolean): void } {
  return Bun.listen(options as Parameters<typeof Bun.listen>[0]);
}

function readTls(files: { cert: string; key: string }) {
  return { cert: readFileSync(files.cert, "utf8"), key: readFileSync(files.key, "utf8") };
}

function connect(options: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let own: BunSocket | undefined;
    let settled = false;
    const timer = setTimeout(() => {
      if (own === undefined) settle(systemError("ETIMEDOUT", "no connection in time"));
      else own.close();
    }, options.timeoutMs);
    const settle = (error?: Error) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      if (error !== undefined) reject(error);
      else if (own !== undefined) resolve(own);
    };
    const begin = (raw: RawSocket) => {
      if (settled) return raw.terminate();
      raw.setNoDelay(true);
      own = new BunSocket(raw, options.tls !== undefined);
      raw.data = own;
      own.events = options.connected(own);
      settle();
    };
    const target =
      "path" in options.address
        ? { unix: options.address.path }
        : { hostname: options.address.host, port: options.address.port };
    const tls =
      options.tls === undefined
        ? undefined
        : {
            serverName: options.tls.serverName,
            rejectUnauthorized: options.tls.rejectUnauthorized ?? true,
            ...(options.tls.ca === undefined ? {} : { ca: options.tls.ca }),
          };
    const handlers = {
      ...relay,
      open(raw: RawSocket) {
        if (tls === undefined) begin(raw);
      },
      handshake(raw: RawSocket, success: boolean, problem: Error | null) {
        if (success && (problem === null || tls?.rejectUnauthorized === false)) begin(raw);
        else {
          settle(problem ?? systemError("ERR_TLS", "the TLS handshake failed"));
          raw.terminate();
        }
      },
      connectError(_raw: RawSocket, error: Error) {
        settle(error);
      },
      close(raw: RawSocket, error?: Error) {
        raw.data?.closed(error ?? undefined);
        settle(systemError("ECONNRESET", "closed before it was connected"));
      },
    };
    connectRaw({
      ...target,
      allowHalfOpen: true,
      ...(tls === undefined ? {} : { tls }),
      socket: handlers,
    }).catch((error: unknown) =>
      settle(error instanceof Error ? error : systemError("ECONNREFUSED", String(error))),
    );
  });
}

function connectRaw(options: object): Promise<unknown> {
  return Bun.connect(options as Parameters<typeof Bun.connect>[0]);
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** "::ffff:127.0.0.1" is the v4 address that it maps. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  const mapped = address.toLowerCase().startsWith("::ffff:") ? address.slice(7) : address;
  return isIP(mapped) === 4 ? mapped : address;
}

function interfaces(): NetworkInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, internal }) => ({ name, address, internal })),
  );
}

/** Destination 00000000 is the default route (proc(5), /proc/net/route). */
function defaultRoute(): string {
  try {
    const lines = readFileSync("/proc/net/route", "utf8").split("\n").slice(1);
    return lines.filter((line) => line.split("\t")[1] === "00000000").join("\n");
  } catch {
    // No /proc here: a change shows in the addresses alone.
    return "";
  }
}

export const realNetwork: Network = {
  defaultRoute,
  listen,
  connect,
  serve,
  fetch: (url, init) => fetch(url, { ...init, redirect: "manual" }),
  interfaces,
};
