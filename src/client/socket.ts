// The part of a WebSocket that the client needs. Browsers, Bun and the `ws` package on Node 20 all have it,
// so the constructor is an argument and this room depends on none of them.

export interface ClientSocket {
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
  addEventListener(type: "error", listener: () => void): void;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Opens a socket to a `ws:` or `wss:` URL. A browser adds its cookie by itself; elsewhere headers are the caller's. */
export type OpenSocket = (url: string) => ClientSocket;
