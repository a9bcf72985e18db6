// Listening for connections: TCP, TLS and unix sockets of Bun.
import { chmodSync, rmSync } from "node:fs";
import { BunSocket, relay, type RawSocket } from "./bun-socket.ts";
import { loadTls, type LoadedTls } from "./tls-files.ts";
import type { Listener, ListenOptions } from "./world.ts";

/** A connection that does not finish its TLS handshake is nobody's yet, and is cut after this. */
const HANDSHAKE_TIMEOUT_S = 10;

export async function listen(options: ListenOptions): Promise<Listener> {
  const tls = options.tls === undefined ? undefined : loadTls(options.tls);
  const path = "path" in options.address ? options.address.path : undefined;
  // Bun.listen keeps the certificate it began with; a newer one is given to each connection as it comes.
  let newer: LoadedTls | undefined;
  const begin = (raw: RawSocket) => {
    raw.setNoDelay(true);
    const own = new BunSocket(raw, tls !== undefined);
    raw.data = own;
    own.events = options.connection(own);
  };
  // With a handler for the handshake Bun tells of a connection before it, else only afterwards.
  const opening =
    tls === undefined
      ? { open: begin }
      : {
          open(raw: RawSocket) {
            if (newer !== undefined) raw.setKeyCert?.(newer.context);
            raw.timeout(HANDSHAKE_TIMEOUT_S);
          },
          handshake(raw: RawSocket, success: boolean) {
            if (!success) return raw.terminate();
            raw.timeout(0);
            begin(raw);
          },
          timeout: (raw: RawSocket) => raw.terminate(),
        };
  const socket = { ...relay, ...opening };
  if (path !== undefined) rmSync(path, { force: true });
  const where =
    "path" in options.address
      ? { unix: options.address.path }
      : { hostname: options.address.host, port: options.address.port };
  const server = listenRaw({
    ...where,
    allowHalfOpen: true,
    ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
    socket,
  });
  if (path !== undefined) chmodSync(path, 0o600);
  return {
    port: path === undefined ? (server.port ?? 0) : 0,
    close: () => server.stop(false),
    ...(tls === undefined ? {} : { renew: (files) => void (newer = loadTls(files)) }),
  };
}

/** Bun's types want the handler's own socket class; ours names only the members used. */
function listenRaw(options: object): { port?: number; stop(force: boolean): void } {
  return Bun.listen(options as Parameters<typeof Bun.listen>[0]);
}
