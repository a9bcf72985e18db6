// Pairing and messages for the page: over the session of who is signed in, or over a guest's own, which is begun by
// the first click, or at once where this browser has a key already.
import { memoryPeerStore } from "../../../src/client/peers/memory-store.ts";
import type { OpenedPeer } from "../../../src/client/open-peer.ts";
import type { ConnectedPeer, Peer } from "../../../src/client/peer.ts";
import type { PeerLink } from "../../../src/client/peer-link.ts";
import type { PeerStore } from "../../../src/client/peers/store.ts";
import type { ConnectionState } from "../../../src/client/connection.ts";
import type { Crypto } from "../../../src/identity/crypto.ts";
import { webSessionCrypto } from "../../../src/identity/sealed/session-crypto-web.ts";
import { MusterError, publicError } from "../../../src/protocol/errors.ts";
import type { World } from "../../../src/world/world.ts";
import {
  openPeers,
  type OpenedPeers,
  type PeerKeysOfPage,
  type PeersSessionActions,
} from "../peers/peers-session.ts";
import type { Shown } from "../peers/peers-state.ts";
import { unreadInAll } from "../peers/talk.ts";
import type { BrowserIdentity } from "../platform/key-chain.ts";
import { browserRows } from "../platform/peer-rows.ts";
import { forgetBrowser } from "../platform/forget-browser.ts";
import { saveFile } from "../platform/save-file.ts";
import { hasRoom, persistStorage } from "../platform/storage-room.ts";
import { talkDatabase } from "../platform/talk-database.ts";
import { isOwnHub } from "./own-hub.ts";
import { takePairingLink } from "./pairing-link.ts";
import { guestPeer, personPeer, plainNickname, sessionOf } from "./peer-of-page.ts";

export interface PagePeersOptions {
  world: Pick<World, "clock" | "timers" | "random">;
  crypto: Crypto;
  suggestedName: string;
  platform: string;
  origin: string;
  identity(): BrowserIdentity | undefined;
  /** Makes a key if there is none, and keeps the name either way. */
  become(name: string): Promise<BrowserIdentity>;
  isVisible(): boolean;
  say(sentence: string): void;
}

export interface PagePeers {
  actions: PeersSessionActions;
  /** What this browser keeps; read anew by the tab that gets the session, since another one may have changed it. */
  readStore(): Promise<PeerStore>;
  openPerson(store: PeerStore, link: PeerLink): OpenedPeer;
  enterPerson(peer: Peer, store: PeerStore): void;
  /** The hub opened a stream to this browser. */
  opened: OpenedPeers["opened"];
  /** Begins where this browser has a key; else the first click does. */
  enterGuest(): void;
  state(state: ConnectionState): void;
  /** There is no session, and there won't be. */
  refused(problem: unknown): void;
  leave(): void;
  wake(): void;
  /** The browser went back or forward. */
  moved(): void;
  /** Takes the link behind a QR code out of the address bar, if there is one, and shows who made it. */
  openLink(): void;
}

export function pagePeers(options: PagePeersOptions): PagePeers {
  const { world, crypto, identity } = options;
  let person: Peer | undefined;
  let guest: Promise<ConnectedPeer> | undefined;
  /** Of the guest. */
  let keptRows: PeerStore | undefined;

  const opened = openPeers({
    world,
    talks: talkDatabase(),
    begin: () => (person === undefined ? beginGuest() : beginPerson(person)),
    nickname: () => plainNickname(identity()?.name ?? options.suggestedName),
    async rename(name) {
      await options.become(name);
    },
    isVisible: options.isVisible,
    say: options.say,
    save: (name, bytes) => saveFile(world.timers, name, bytes),
    hasRoom,
    persist: persistStorage,
    async forgetAll() {
      const peer = await guest;
      if (peer !== undefined && keptRows !== undefined) await untilTold(peer, keptRows);
      peer?.close();
      opened.detach();
      await forgetBrowser();
      location.reload();
    },
    isOwnHub: (origin) => isOwnHub(origin, options.origin),
  });
  const { store } = opened.actions;
  store.subscribe(() => {
    const unread = unreadInAll(store.get().talks);
    document.title = unread === 0 ? "Muster" : `(${unread}) Muster`;
  });

  const demandIdentity = (): BrowserIdentity => {
    const own = identity();
    if (own === undefined) throw new MusterError("unavailable", "this browser has no key yet");
    return own;
  };

  const keysWith = (kept: PeerStore): PeerKeysOfPage => {
    const { signer, link } = demandIdentity();
    return {
      ends: {
        crypto: webSessionCrypto(globalThis.crypto.subtle, crypto),
        own: { identityKey: signer.publicKey, linkKey: link },
      },
      linkKeyOf: async (key) => {
        const row = await kept.peers.find(key);
        return row === undefined || row.state === "leaving" ? undefined : row.link_key;
      },
    };
  };

  const readStore = (): Promise<PeerStore> => memoryPeerStore(browserRows());

  const refused = (error: unknown): void => opened.session({ at: "refused", problem: publicError(error) });

  /** A device that was unpaired leaves the rows when it has been told. */
  const untilTold = async (peer: Peer, rows: PeerStore): Promise<void> => {
    const late = Promise.withResolvers<void>();
    const timer = world.timers.after(TELLING_MS, late.resolve);
    const look = (): void => {
      rows.peers.list().then((left) => (left.length === 0 ? late.resolve() : undefined), late.reject);
    };
    const stop = peer.onChange(look);
    look();
    await late.promise.finally(() => {
      stop();
      timer.cancel();
    });
  };

  const beginPerson = async (peer: Peer): Promise<Peer> => {
    if (store.get().session.at === "ready") return peer;
    throw new MusterError("hub_unreachable", "there is no connection to the hub", {
      hint: "try again once there is",
    });
  };

  const startGuest = async (stillWanted: () => boolean): Promise<ConnectedPeer> => {
    opened.session({ at: "connecting" });
    if (identity() === undefined) await options.become(options.suggestedName);
    const kept = await readStore();
    keptRows = kept;
    if (!stillWanted()) throw new MusterError("unavailable", "this tab has left the session");
    const { origin, platform } = options;
    const { opened: take } = opened;
    const own = { world, crypto, store: kept, identity: demandIdentity };
    const peer = guestPeer({ ...own, origin, platform, opened: take });
    peer.onState((state) => opened.session(sessionOf(state)));
    opened.session(sessionOf(peer.state));
    await opened.attach(peer, keysWith(kept));
    return peer;
  };

  const openGuest = (): Promise<ConnectedPeer> => {
    if (guest !== undefined) return guest;
    const mine: Promise<ConnectedPeer> = startGuest(() => guest === mine);
    guest = mine;
    mine.catch((error: unknown) => {
      if (guest !== mine) return;
      guest = undefined;
      refused(error);
    });
    return mine;
  };

  const beginGuest = async (): Promise<Peer> => {
    const peer = await openGuest();
    await peer.ready();
    return peer;
  };

  // On a phone what stands beside the list covers it, and a person goes back as they do everywhere.
  const show = (shown: Shown): void => {
    const isBeside = standsBeside(history.state);
    if (shown.at === "list" && isBeside) return history.back();
    if (shown.at !== "list" && !isBeside) history.pushState(BESIDE, "", location.href);
    opened.actions.show(shown);
  };

  return {
    actions: { ...opened.actions, show },
    moved() {
      if (!standsBeside(history.state)) opened.actions.show({ at: "list" });
    },
    readStore,
    refused,
    openPerson: (kept, link) => personPeer({ world, crypto, store: kept, identity: demandIdentity }, link),
    opened: (stream, payload) => opened.opened(stream, payload),
    enterPerson(peer, kept) {
      person = peer;
      opened.attach(peer, keysWith(kept)).catch(refused);
    },
    enterGuest() {
      // Told by `refused`, or by the session's state.
      if (identity() !== undefined) openGuest().catch(() => {});
    },
    state: (state) => opened.session(sessionOf(state)),
    leave() {
      // One that never came to be has nothing to close.
      guest?.then((peer) => peer.close()).catch(() => {});
      guest = undefined;
      person = undefined;
      opened.detach();
    },
    wake() {
      guest?.then((peer) => peer.wake()).catch(() => {});
    },
    openLink() {
      const link = takePairingLink(location, history);
      if (link === undefined) return;
      store.set({
        shown: { at: "pairing" },
        pairing: link === "malformed" ? { at: "failed", problem: BROKEN_LINK } : { at: "invited", link },
      });
    },
  };
}

/** For the devices of a guest that leaves to hear it; one that is away can't. */
const TELLING_MS = 4_000;
const BESIDE = { beside: true } as const;

function standsBeside(state: unknown): boolean {
  return typeof state === "object" && state !== null && "beside" in state;
}

const BROKEN_LINK = new MusterError("invalid", "the pairing link is not complete", {
  hint: "scan the QR code again, or type the letters beside it",
});
