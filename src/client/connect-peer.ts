// A peer with a connection of its own: dials the hub, proves its key, comes back by itself, and pairs and sends
// over whatever session there is.
import { MusterError } from "../protocol/errors.ts";
import { checkSecure, webSocketUrl } from "../protocol/hub-url.ts";
import { refuseStream } from "./refuse-stream.ts";
import { connect, type ConnectionOptions, type ConnectionState } from "./connection.ts";
import { openPeer } from "./open-peer.ts";
import { openPromise } from "./open-promise.ts";
import { linkOver } from "./peer-link.ts";
import type { ConnectedPeer, PeerOptions } from "./peer.ts";
import { keyProver } from "./prove-key.ts";
import type { ClientSocket } from "./socket.ts";

/** The constructor that browsers, Bun and Node have, or a package's. */
export type WebSocketClass = new (url: string) => ClientSocket;

export interface ConnectPeerOptions extends PeerOptions {
  /** `https://hub.example`; http only on this machine. */
  hubUrl: string;
  webSocket: WebSocketClass;
  /** The hub's key as it was pinned; without it, the first hub that answers is believed and pinned. */
  hubKey?: Uint8Array;
  /**
   * `guest` is for a key that is enrolled nowhere; the hub must take guests. `person` is for a page of the hub in
   * which somebody has signed in.
   */
  session?: "guest" | "person";
  /** `linux-x86_64`, "Firefox": for lists. */
  platform: string;
  /** Of the program. */
  version: string;
  /** The hub opened a stream that is not one of `onStream`; without this it is refused. */
  opened?: NonNullable<ConnectionOptions["opened"]>;
  /** Accepts plain HTTP off this machine, which anyone on the way can read: seals stay whole, names do not. */
  insecure?: boolean;
}

/** Starts dialling at once. Throws `invalid`, `hub_insecure`. */
export function connectPeer(options: ConnectPeerOptions): ConnectedPeer {
  const { hubUrl, webSocket: Socket, world, keys } = options;
  checkSecure(hubUrl, options.insecure ?? false);
  const url = webSocketUrl(hubUrl);
  const listeners = new Set<(state: ConnectionState) => void>();
  let state: ConnectionState = { at: "connecting" };
  let hubKey = options.hubKey;

  const becomes = (next: ConnectionState): void => {
    state = next;
    if (next.at === "ready") peer.connected();
    for (const listener of listeners) listener(next);
  };
  const connection = connect({
    url,
    openSocket: (address) => new Socket(address),
    world,
    prove: (hello) =>
      // Made at each dial, so that what was pinned at the first holds at the next.
      keyProver({
        crypto: options.crypto,
        signer: keys.signer,
        sessionKind: options.session ?? "guest",
        url,
        hubKey,
        name: options.nickname(),
        platform: options.platform,
        kind: options.kind,
        version: options.version,
        proved: (key) => void (hubKey = key),
      })(hello),
    onState: (next) => becomes(next),
    opened: (stream, payload) =>
      peer.opened(stream, payload) ?? options.opened?.(stream, payload) ?? refuseStream(stream),
    onMessage: (message) => peer.heard(message),
  });
  const link = linkOver(connection, {
    isConnected: () => state.at === "ready",
    hubKey: () => hubKey,
    hubUrl: () => hubUrl,
  });
  const peer = openPeer(options, link);

  return {
    ...peer,
    get state() {
      return state;
    },
    get hubKey() {
      return hubKey;
    },
    onState(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    ready() {
      const { promise, resolve, reject } = openPromise<void>();
      const look = (now: ConnectionState): void => {
        if (now.at !== "ready" && now.at !== "ended") return;
        listeners.delete(look);
        if (now.at === "ready") resolve();
        else reject(now.problem ?? new MusterError("hub_unreachable", "the connection was closed"));
      };
      listeners.add(look);
      look(state);
      return promise;
    },
    wake: () => connection.wake(),
    close() {
      peer.close();
      connection.close();
      listeners.clear();
    },
  };
}
