// The library for other programs, as `npm run build:client` puts it into one file: a device of one's own that
// pairs, sends and hears. Runs in browsers, Bun and Node 20+. What all three have (clock, timers, randomness,
// WebCrypto) is filled in here; a WebSocket, keys and a place to keep things are the program's to hand in.
import { connectPeer, type WebSocketClass } from "./client/connect-peer.ts";
import type { ConnectedPeer, PeerKeys } from "./client/peer.ts";
import { memoryPeerStore } from "./client/peers/memory-store.ts";
import { rawReceiveKeys, webReceiveKeys } from "./client/peers/receive-ring.ts";
import type { PeerStore } from "./client/peers/store.ts";
import { browserSigner, makeBrowserKeys, type BrowserKeys } from "./identity/browser-key.ts";
import { nobleCrypto } from "./identity/crypto-noble.ts";
import { hpkeKey } from "./identity/sealed/hpke.ts";
import { webDhKey } from "./identity/sealed/session-crypto-web.ts";
import { MusterError } from "./protocol/errors.ts";
import type { DeviceKind } from "./protocol/views.ts";
import { portableWorld } from "./world/portable.ts";

export { makeBrowserKeys, memoryPeerStore, MusterError };
export type { BrowserKeys, ConnectedPeer, PeerKeys, PeerStore };
export type { RowKeeper, KeptChange } from "./client/peers/kept-tables.ts";
export type { Content, MadeCode, PairedDevice, ReceivedMessage, SentMessage } from "./client/peer.ts";

const crypto = nobleCrypto((length) => portableWorld.random.bytes(length));

/** Two secrets of 32 bytes, for a program that keeps its keys in a file (0600) or in a system's key chain. */
export interface SecretKeys {
  identity: Uint8Array;
  link: Uint8Array;
}

export function makeSecretKeys(): SecretKeys {
  return { identity: crypto.randomBytes(32), link: crypto.randomBytes(32) };
}

/** The keys of a device from secrets that were kept. */
export async function keysOfSecrets({ identity, link }: SecretKeys): Promise<PeerKeys> {
  const { subtle } = globalThis.crypto;
  const pair = await hpkeKey(subtle, { publicKey: crypto.x25519PublicKey(link), secret: link });
  return {
    signer: crypto.ed25519Signer(identity),
    link: await webDhKey(subtle, pair),
    makeReceiveKey: rawReceiveKeys(crypto),
  };
}

/** The keys of a device from `makeBrowserKeys`, which no script can read; IndexedDB keeps them as they are. */
export async function keysOfBrowser(keys: BrowserKeys): Promise<PeerKeys> {
  const { subtle } = globalThis.crypto;
  return {
    signer: await browserSigner(subtle, keys),
    link: await webDhKey(subtle, keys.link),
    makeReceiveKey: webReceiveKeys(subtle, crypto),
  };
}

export interface DeviceOptions {
  /** `https://hub.example`; http on this machine alone. For a hub that ends TLS by itself, that of its page. */
  hubUrl: string;
  /** `WebSocket` of a browser, of Bun, of Node 22, or of the package `ws`. */
  webSocket: WebSocketClass;
  keys: PeerKeys;
  /** Without one, pairs and messages end with the program. */
  store?: PeerStore;
  /** What this device calls itself. */
  nickname: string;
  kind?: DeviceKind;
  /** As `hubKey` of an earlier connection said it; without it the first hub that answers is believed. */
  hubKey?: Uint8Array;
  /** In the hub's own page, where somebody has signed in: `person`. */
  session?: "guest" | "person";
  /** What it runs on, for lists. */
  platform?: string;
  /** Of the program. */
  version?: string;
}

/** Connects, and comes back by itself. Throws `invalid`, `hub_insecure`. */
export async function connect(options: DeviceOptions): Promise<ConnectedPeer> {
  const { store = await memoryPeerStore(), nickname, kind = "laptop", platform = "program" } = options;
  return connectPeer({
    ...options,
    store,
    kind,
    platform,
    version: options.version ?? "0.0.0",
    nickname: () => nickname,
    world: portableWorld,
    crypto,
    subtle: globalThis.crypto.subtle,
  });
}
