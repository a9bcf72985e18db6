// What a walk along a path asks of the world, one hop at a time.

export interface PathProbe {
  /** The host of the proxy by which this machine gets there, if it has to take one. */
  proxyOf(url: string): string | undefined;
  /** Addresses of a host. Rejects with an Error whose `code` is the resolver's. */
  resolve(host: string): Promise<string[]>;
  /** Connects, and hangs up. Rejects with an Error whose `code` is the system's, or that of TLS. */
  reach(options: {
    address: string;
    port: number;
    /** `ca`: PEM, where the authority is not a public one. */
    tls?: { serverName: string; ca?: string };
  }): Promise<void>;
  /** 43 characters of base64url that nobody has seen before. */
  nonce(): string;
  /** One GET; redirects are not followed. `body` may be cut. */
  ask(url: string, options: AskOptions): Promise<Answered>;
}

export interface AskOptions {
  ca: string | undefined;
  headers: Record<string, string>;
  stop: AbortSignal;
}

export interface Answered {
  status: number;
  /** What it calls itself in `Server`. */
  server: string | null;
  body: string;
}
