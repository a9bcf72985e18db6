// This browser as a device that pairs: over the session of who is signed in, or over one of its own as a guest. Both
// use the same key and the same store, so that a guest who signs in later keeps their pairings.
import { connectPeer, type ConnectPeerOptions } from "../../../src/client/connect-peer.ts";
import type { ConnectionState } from "../../../src/client/connection.ts";
import { openPeer, type OpenedPeer } from "../../../src/client/open-peer.ts";
import type { PeerLink } from "../../../src/client/peer-link.ts";
import type { ConnectedPeer, PeerOptions } from "../../../src/client/peer.ts";
import { webReceiveKeys } from "../../../src/client/peers/receive-ring.ts";
import type { PeerStore } from "../../../src/client/peers/store.ts";
import type { Crypto } from "../../../src/identity/crypto.ts";
import { NICKNAME_MAX } from "../../../src/protocol/pairing-messages.ts";
import type { World } from "../../../src/world/world.ts";
import type { PeersSession } from "../peers/peers-state.ts";
import type { BrowserIdentity } from "../platform/key-chain.ts";
import { PAGE_VERSION } from "./page-version.ts";

export interface PeerOfPageOptions {
  world: Pick<World, "clock" | "timers" | "random">;
  crypto: Crypto;
  store: PeerStore;
  /** The newest: its name may change meanwhile. */
  identity(): BrowserIdentity;
}

export function personPeer(options: PeerOfPageOptions, link: PeerLink): OpenedPeer {
  return openPeer(peerOptions(options), link);
}

export interface GuestOptions extends PeerOfPageOptions {
  origin: string;
  platform: string;
  opened: NonNullable<ConnectPeerOptions["opened"]>;
}

export function guestPeer(options: GuestOptions): ConnectedPeer {
  return connectPeer({
    ...peerOptions(options),
    hubUrl: options.origin,
    webSocket: WebSocket,
    session: "guest",
    platform: options.platform,
    version: PAGE_VERSION,
    opened: options.opened,
  });
}

/** A browser's name is a person's text; what goes to others holds nothing that hides or turns letters around. */
export function plainNickname(name: string): string {
  const plain = name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, "").trim();
  return plain.slice(0, NICKNAME_MAX).toWellFormed().trim() || "Browser";
}

export function sessionOf(state: ConnectionState): PeersSession {
  switch (state.at) {
    case "connecting":
      return { at: "connecting" };
    case "ready":
      return { at: "ready" };
    case "waiting":
      return { at: "lost", retryAt: state.retryAt, problem: state.problem };
    case "ended":
      return state.problem === null ? { at: "off" } : { at: "refused", problem: state.problem };
  }
}

function peerOptions({ world, crypto, store, identity }: PeerOfPageOptions): PeerOptions {
  const { subtle } = globalThis.crypto;
  const { signer, link } = identity();
  return {
    world,
    crypto,
    store,
    subtle,
    keys: { signer, link, makeReceiveKey: webReceiveKeys(subtle, crypto) },
    nickname: () => plainNickname(identity().name),
    kind: "browser",
  };
}
