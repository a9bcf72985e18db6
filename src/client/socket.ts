// The part of a WebSocket that the client needs. Browsers, Bun and the `ws` package on Node 20 all have it,
// so the constructor is an argument and this room depends on none of them.
import type { WebSocketLike } from "../trunk/web-socket.ts";

export interface ClientSocket extends WebSocketLike {
  /** Set to "arraybuffer". */
  binaryType: string;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  addEventListener(type: "error", listener: () => void): void;
}

/** Opens a socket to a `ws:` or `wss:` URL. A browser adds its cookie by itself; elsewhere headers are the caller's. */
export type OpenSocket = (url: string) => ClientSocket;
