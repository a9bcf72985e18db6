// Those this device is paired with: making pairs, and what is said between them.
import type { AgentOptions } from "../agent-options.ts";
import { PairingDesk } from "../pairing/pairing-desk.ts";
import { PeerDesk } from "../peers/peer-desk.ts";
import { Post } from "../peers/post.ts";
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
  const { db, hub, hubKey, hubUrl, notices, device } = core;
  const post = new Post({ ...options, db, clock, timers, hub, notices, log: options.log.part("post") });
  ends.add(() => post.stop());
  const pairing = new PairingDesk({
    db,
    clock,
    timers,
    crypto,
    signer,
    hub,
    hubKey,
    hubUrl,
    linkKey: options.linkKey,
    kind: options.about.kind,
    nickname: () => device().name,
    pinned: (peer) => post.pinned(peer),
  });
  ends.add(() => pairing.stop());
  const peers = new PeerDesk({
    db,
    timers,
    disk,
    sha256: (bytes) => crypto.sha256(bytes),
    post,
    pairing,
    received: `${paths.home}/received`,
  });
  return { post, pairing, peers };
}
