// Those this device is paired with: making pairs, and what is said between them.
import type { AgentOptions } from "../agent-options.ts";
import { PairingDesk } from "../../client/peers/pairing-desk.ts";
import { Post } from "../../client/peers/post.ts";
import { rawReceiveKeys } from "../../client/peers/receive-ring.ts";
import { PeerDesk } from "../peers/peer-desk.ts";
import { relayPort } from "../peers/relay-port.ts";
import { sqlPeerStore } from "../peers/sql-peer-store.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";

export interface Paired {
  post: Post;
  pairing: PairingDesk;
  peers: PeerDesk;
}

export function openPeers(options: AgentOptions, core: Core, ends: Ends): Paired {
  const { world, crypto, signer, paths } = options;
  const { clock, timers, disk } = world;
  const { db, hubKey, hubUrl, notices, device } = core;
  const store = sqlPeerStore(db, () => clock.now());
  const hub = relayPort(core.hub);
  const shared = { store, clock, timers, crypto, signer, hub, makeReceiveKey: rawReceiveKeys(crypto) };
  const post = new Post({ ...shared, subtle: options.subtle, notices, log: options.log.part("post") });
  ends.add(() => post.stop());
  const pairing = new PairingDesk({
    ...shared,
    hubKey: () => hubKey,
    hubUrl,
    linkKey: options.linkKey,
    kind: options.about.kind,
    nickname: () => device().name,
    pinned: (peer) => post.pinned(peer),
  });
  ends.add(() => pairing.stop());
  const peers = new PeerDesk({
    store,
    timers,
    disk,
    sha256: (bytes) => crypto.sha256(bytes),
    post,
    pairing,
    received: `${paths.home}/received`,
  });
  return { post, pairing, peers };
}
