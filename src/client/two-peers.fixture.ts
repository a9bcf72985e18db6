// Two peers of one page each, over a hub of a few lines: with keys as a browser has them, and time that stands.
import { browserSigner, makeBrowserKeys } from "../identity/browser-key.ts";
import { nodeCrypto } from "../identity/crypto-node.ts";
import { webDhKey } from "../identity/sealed/session-crypto-web.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { FakeHub } from "./fake-hub.fixture.ts";
import { FakeWorld } from "./fakes.fixture.ts";
import { openPeer, type OpenedPeer } from "./open-peer.ts";
import type { PairedDevice } from "./peer.ts";
import { memoryPeerStore } from "./peers/memory-store.ts";
import { webReceiveKeys } from "./peers/receive-ring.ts";
import type { PeerStore } from "./peers/store.ts";

const { subtle } = globalThis.crypto;
const crypto = nodeCrypto((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));

export interface Device {
  peer: OpenedPeer;
  store: PeerStore;
  world: FakeWorld;
  /** The same device after a restart. */
  again(): OpenedPeer;
}

export async function device(hub: FakeHub, nickname: string): Promise<Device> {
  const keys = await makeBrowserKeys(subtle);
  const signer = await browserSigner(subtle, keys);
  const link = await webDhKey(subtle, keys.link);
  const store = await memoryPeerStore();
  const world = new FakeWorld();
  const open = (): OpenedPeer =>
    openPeer(
      {
        keys: { signer, link, makeReceiveKey: webReceiveKeys(subtle, crypto) },
        store,
        nickname: () => nickname,
        kind: "browser",
        world: world.parts,
        crypto,
        subtle,
      },
      hub.link(toBase64Url(signer.publicKey)),
    );
  const peer = open();
  hub.connect(peer);
  return { peer, store, world, again: open };
}

export async function twoPaired(): Promise<{
  hub: FakeHub;
  anna: Device;
  ben: Device;
  ofAnna: PairedDevice;
  ofBen: PairedDevice;
}> {
  const hub = new FakeHub();
  const [anna, ben] = await Promise.all([device(hub, "Anna page"), device(hub, "Ben")]);
  const made = await anna.peer.pair({ petname: "my-ben" });
  const [ofAnna, ofBen] = await Promise.all([made.done, ben.peer.join(made.code.toLowerCase())]);
  return { hub, anna, ben, ofAnna, ofBen };
}

/** Looks now and after every change. */
export async function changed(peer: OpenedPeer, reached: () => Promise<boolean> | boolean): Promise<void> {
  for (;;) {
    const next = Promise.withResolvers<void>();
    const stop = peer.onChange(() => next.resolve());
    if (await reached()) return stop();
    // A reader works after the change that it was told of.
    await Promise.race([next.promise, new Promise((resolve) => setImmediate(resolve))]);
    stop();
  }
}
