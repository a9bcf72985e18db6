// The real HTTP server for a program's own pages and API: Bun.serve. Visitors never reach it directly; the
// edge hands on what it has parsed itself.
import { PROVEN_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import { chmodSync, rmSync } from "node:fs";
import type { Listener, ServeOptions, WebSocketEvents, WebSocketPeer } from "./world.ts";

/** Bun closes a quiet connection after this many seconds; 0 is never: the edge has bounds of its own. */
const IDLE_TIMEOUT_S = 0;
const MESSAGE_MAX_BYTES = PROVEN_MESSAGE_MAX_BYTES + 64 * 1024;
const BACKPRESSURE_LIMIT_BYTES = 16 * 1024 * 1024;

type Handlers = Pick<Bun.Serve.Options<Connection>, "idleTimeout" | "development"> & {
  reusePort: boolean;
  fetch(
    request: Request,
    server: Bun.Server<Connection>,
  ): Response | undefined | Promise<Response | undefined>;
  websocket: Bun.WebSocketHandler<Connection>;
};

interface Connection {
  open(peer: WebSocketPeer): WebSocketEvents;
  events: WebSocketEvents | undefined;
}

export async function serve(options: ServeOptions): Promise<Listener> {
  const { address } = options;
  if ("path" in address) rmSync(address.path, { force: true });
  const where = "path" in address ? { unix: address.path } : { hostname: address.host, port: address.port };
  const handlers = {
    idleTimeout: IDLE_TIMEOUT_S,
    development: false,
    // Out of development Bun shares its ports between processes unless told not to.
    reusePort: false,
    fetch(request: Request, server: Bun.Server<Connection>) {
      return options.fetch(request, (open) => server.upgrade(request, { data: { open, events: undefined } }));
    },
    websocket: {
      maxPayloadLength: options.messageMaxBytes ?? MESSAGE_MAX_BYTES,
      backpressureLimit: BACKPRESSURE_LIMIT_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: IDLE_TIMEOUT_S,
      perMessageDeflate: false,
      sendPings: false,
      open(socket) {
        socket.binaryType = "uint8array";
        socket.data.events = socket.data.open({
          send: (data) => socket.send(data),
          get bufferedAmount() {
            return socket.getBufferedAmount();
          },
          close: (code, reason) => socket.close(code, reason),
        });
      },
      message(socket, data) {
        socket.data.events?.message(data);
      },
      drain(socket) {
        socket.data.events?.drain();
      },
      close(socket) {
        socket.data.events?.close();
      },
    },
  } satisfies Handlers;
  // Bun's options are a union over kinds of address that a spread of either does not narrow to.
  const server = Bun.serve<Connection>({ ...handlers, ...where } as Handlers & {
    hostname: string;
    port: number;
  });
  if ("path" in address) chmodSync(address.path, 0o600);
  return { port: server.port ?? 0, close: () => void server.stop(true) };
}
