// Connecting elsewhere: TCP, TLS and unix sockets of Bun, directly or through a tunnel that somebody in
// between has to open first.
import { BunSocket, relay, systemError, type RawSocket } from "./bun-socket.ts";
import type { ConnectOptions, Socket, Tunnel } from "./world.ts";

/** What a tunnel's opening may take; a proxy's error page is cut by this. */
const TUNNEL_ANSWER_MAX_BYTES = 64 * 1024;

export function connect(options: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => new Connecting(options, { resolve, reject }).begin());
}

interface Settled {
  resolve(socket: Socket): void;
  reject(error: Error): void;
}

class Connecting {
  readonly #options: ConnectOptions;
  readonly #settled: Settled;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #reachTimer: ReturnType<typeof setTimeout> | undefined;
  #raw: RawSocket | undefined;
  #over = false;

  constructor(options: ConnectOptions, settled: Settled) {
    this.#options = options;
    this.#settled = settled;
    const late = (): void => this.#fail(systemError("ETIMEDOUT", "no connection in time"));
    this.#timer = setTimeout(late, options.timeoutMs);
    if (options.reachTimeoutMs !== undefined) this.#reachTimer = setTimeout(late, options.reachTimeoutMs);
  }

  begin(): void {
    const { address, tunnel } = this.#options;
    const target =
      "path" in address ? { unix: address.path } : { hostname: address.host, port: address.port };
    const tls = tunnel === undefined ? this.#tls() : undefined;
    const socket = tunnel === undefined ? this.#handlers() : this.#tunnelHandlers(tunnel);
    connectRaw({ ...target, allowHalfOpen: true, ...(tls === undefined ? {} : { tls }), socket }).catch(
      (error: unknown) =>
        this.#fail(error instanceof Error ? error : systemError("ECONNREFUSED", String(error))),
    );
  }

  #tls(): object | undefined {
    const { tls } = this.#options;
    if (tls === undefined) return undefined;
    const { serverName, ca, rejectUnauthorized = true } = tls;
    return { serverName, rejectUnauthorized, ...(ca === undefined ? {} : { ca }) };
  }

  /** Of the connection that is handed over, be it the socket itself or TLS inside a tunnel. */
  #handlers(): object {
    const { tls } = this.#options;
    return {
      ...relay,
      open: (raw: RawSocket) => {
        this.#reached(raw);
        if (tls === undefined || this.#over) this.#connected(raw);
      },
      handshake: (raw: RawSocket, success: boolean, problem: Error | null) => {
        const anyName = tls?.rejectUnauthorized === false;
        if (anyName ? isEncrypted(raw) : success && problem === null) this.#connected(raw);
        else this.#fail(problem ?? systemError("ERR_TLS", "the TLS handshake failed"));
      },
      connectError: (_raw: RawSocket, error: Error) => this.#fail(error),
      close: (raw: RawSocket, error?: Error) => {
        raw.data?.closed(error ?? undefined);
        this.#fail(systemError("ECONNRESET", "closed before it was connected"));
      },
    };
  }

  /** Until the tunnel is open; then its bytes are the connection's, or those of TLS inside it. */
  #tunnelHandlers(tunnel: Tunnel): object {
    let answer = new Uint8Array(0);
    let opened = false;
    return {
      ...relay,
      open: (raw: RawSocket) => {
        this.#reached(raw);
        if (this.#over) return raw.terminate();
        if (raw.write(tunnel.request) < tunnel.request.length) {
          this.#fail(systemError("EMSGSIZE", "the proxy did not take the request"));
        }
      },
      data: (raw: RawSocket, bytes: Uint8Array) => {
        // What TLS takes is told here once more.
        if (opened) return raw.data?.events.data(bytes);
        answer = joined(answer, bytes);
        const length = this.#readAnswer(tunnel, answer);
        if (length === 0) return;
        opened = true;
        this.#through(raw, answer.subarray(length));
      },
      end: (raw: RawSocket) => {
        if (raw.data !== undefined) raw.data.ended();
        else if (!opened) this.#fail(systemError("ECONNRESET", "the proxy closed the connection"));
      },
      connectError: (_raw: RawSocket, error: Error) => this.#fail(error),
      close: (raw: RawSocket, error?: Error) => {
        raw.data?.closed(error ?? undefined);
        this.#fail(systemError("ECONNRESET", "the proxy closed the connection"));
      },
    };
  }

  /** Bytes of the whole answer; 0 when more is needed or all is over. */
  #readAnswer(tunnel: Tunnel, answer: Uint8Array): number {
    if (this.#over) return 0;
    try {
      const length = tunnel.read(answer);
      if (length === 0 && answer.length > TUNNEL_ANSWER_MAX_BYTES) {
        this.#fail(systemError("EPROTO", "the proxy's answer has no end"));
      }
      return length;
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return 0;
    }
  }

  #through(raw: RawSocket, early: Uint8Array): void {
    const tls = this.#tls();
    if (tls === undefined) {
      this.#connected(raw);
      if (early.length > 0) raw.data?.events.data(early);
    } else if (early.length > 0) {
      // A server says nothing before the client's hello: this is somebody else's word.
      this.#fail(systemError("EPROTO", "bytes came out of the tunnel before TLS"));
    } else {
      raw.upgradeTLS({ tls, socket: this.#handlers() });
    }
  }

  #reached(raw: RawSocket): void {
    this.#raw = raw;
    clearTimeout(this.#reachTimer);
  }

  #connected(raw: RawSocket): void {
    if (this.#over) return raw.terminate();
    this.#over = true;
    clearTimeout(this.#timer);
    raw.setNoDelay(true);
    const own = new BunSocket(raw, this.#options.tls !== undefined);
    raw.data = own;
    own.events = this.#options.connected(own);
    this.#settled.resolve(own);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#reachTimer);
    this.#settled.reject(error);
    this.#raw?.terminate();
  }
}

/** Bun calls a handshake failed as well when it only does not like the name; there are keys all the same. */
function isEncrypted(raw: RawSocket): boolean {
  try {
    return raw.exportKeyingMaterial?.(1, "EXPORTER-Muster-Probe", new Uint8Array(0)) !== undefined;
  } catch {
    return false; // the handshake is not complete
  }
}

function connectRaw(options: object): Promise<unknown> {
  return Bun.connect(options as Parameters<typeof Bun.connect>[0]);
}

function joined(before: Uint8Array, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(before.length + bytes.length);
  all.set(before);
  all.set(bytes, before.length);
  return all;
}
