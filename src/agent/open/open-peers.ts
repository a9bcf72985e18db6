// Those this device is paired with: making pairs, and what is said between them.
import type { AgentOptions } from "../agent-options.ts";
import { PairingDesk } from "../../client/peers/pairing-desk.ts";
import { Post } from "../../client/peers/post.ts";
import { rawReceiveKeys } from "../../client/peers/receive-ring.ts";
import { openFiles, type Files } from "../files/open-files.ts";
import { PeerDesk } from "../peers/peer-desk.ts";
import { relayPort } from "../peers/relay-port.ts";
import { tellNickname as tellNicknameOver } from "../peers/tell-nickname.ts";
import { sqlPeerStore } from "../peers/sql-peer-store.ts";
import type { Core } from "./open-core.ts";
import type { Ends } from "./ends.ts";

export interface Paired {
  post: Post;
  pairing: PairingDesk;
  peers: PeerDesk;
  /** Absent for an agent without a link key. */
  files: Files | undefined;
  /** Those this device is paired with learn what it calls itself now, if that is news. */
  tellNickname(): Promise<void>;
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
  const received = `${paths.home}/received`;
  const files = openFilesOf(options, core, received);
  if (files !== undefined) {
    ends.add(() => files.close());
    ends.add(post.listen(() => files.peersChanged()));
  }
  const peers = new PeerDesk({
    store,
    timers,
    disk,
    sha256: (bytes) => crypto.sha256(bytes),
    post,
    pairing,
    received,
    ...(files === undefined ? {} : { files: files.desk }),
  });
  const tellNickname = () => tellNicknameOver({ db, store, post }, device().name);
  return { post, pairing, peers, files, tellNickname };
}

function openFilesOf(options: AgentOptions, core: Core, received: string): Files | undefined {
  const { world, crypto, signer, command, largeFiles } = options;
  if (command === undefined || largeFiles === undefined) return undefined;
  const { link } = command;
  return openFiles({
    world,
    largeFiles,
    db: core.db,
    hub: core.hub,
    log: options.log.part("files"),
    link: { crypto: link.crypto, identityKey: signer.publicKey, linkKey: link.key },
    sha256: (bytes) => crypto.sha256(bytes),
    notices: core.notices,
    received,
    inBackground: core.inBackground,
  });
}
