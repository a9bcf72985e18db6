// The paired devices as the page has them: what the library knows of them told to the store, and what a person can
// do with them. Components call these actions; none of them touches the library.
import type { PairedDevice, Peer } from "../../../src/client/peer.ts";
import { refuseStream } from "../../../src/client/refuse-stream.ts";
import { MusterError } from "../../../src/protocol/errors.ts";
import { MESSAGE_FILE_MAX_BYTES } from "../../../src/protocol/file-in-message.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../../src/trunk/stream.ts";
import type { World } from "../../../src/world/world.ts";
import { createStore, type Store } from "../state/store.ts";
import { openFileWays, type FileWays, type FileWaysOptions } from "./file-ways.ts";
import { pairingSteps } from "./pairing-steps.ts";
import { NO_PEERS, type PeersSession, type PeersState, type Shown, type TalkItem } from "./peers-state.ts";
import { keepTalks } from "./talk-keeper.ts";
import type { TalkStore } from "./talk-store.ts";

export interface PeersSessionOptions {
  world: Pick<World, "clock" | "timers" | "random">;
  talks: TalkStore;
  /** The peer of this page, ready to pair; makes the key and dials where that was not done yet. */
  begin(): Promise<Peer>;
  /** What this browser calls itself. */
  nickname(): string;
  rename(nickname: string): Promise<void>;
  /** Whether anybody can see the page now. */
  isVisible(): boolean;
  say(sentence: string): void;
  /** Puts a file where the browser puts downloads. */
  save(name: string, bytes: Uint8Array | Blob): void;
  /** Once those who are told of it have heard it, or can't be told now. */
  forgetAll(): Promise<void>;
  /** Asks the browser to clear nothing of this page by itself. */
  persist(): void;
  /** Whether this browser has room for so many bytes. */
  hasRoom(bytes: number): Promise<boolean>;
  isOwnHub(origin: string): boolean;
}

export interface PeersSessionActions {
  store: Store<PeersState>;
  /** What was typed and not sent, by device, for as long as the page is open. */
  drafts: Map<string, string>;
  isOwnHub(origin: string): boolean;
  makeCode(): void;
  /** Letters, or a whole link. */
  enterCode(typed: string): void;
  acceptInvitation(): void;
  /** Gives up what is under way, and shows the two ways anew. */
  leavePairing(): void;
  rename(nickname: string): Promise<void>;
  setPetname(key: string, petname: string): Promise<void>;
  /** A person has compared the words. */
  verified(key: string): Promise<void>;
  unpair(key: string): Promise<void>;
  /** Ends every pairing and takes away all that this browser keeps. */
  forgetAll(): Promise<void>;
  sendText(key: string, text: string): Promise<void>;
  sendFile(key: string, file: File): Promise<void>;
  /** Takes back a file that is on its way. */
  cancelFile(id: string): void;
  save(item: TalkItem): Promise<void>;
  forgetTalk(key: string): Promise<void>;
  show(shown: Shown): void;
  /** The page can be seen again, or its conversation has changed. */
  seen(): void;
}

/** What a sealed session needs beside the peer. */
export type PeerKeysOfPage = Pick<FileWaysOptions, "ends" | "linkKeyOf">;

export interface OpenedPeers {
  actions: PeersSessionActions;
  /** From now on this is the peer, until `detach`. */
  attach(peer: Peer, keys: PeerKeysOfPage): Promise<void>;
  /** The hub has opened a stream to this browser. */
  opened(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents;
  detach(): void;
  session(session: PeersSession): void;
}

export function openPeers(options: PeersSessionOptions): OpenedPeers {
  const { world, begin } = options;
  const store = createStore(NO_PEERS);
  let attached: { peer: Peer; files: FileWays; stop(): void } | undefined;

  const isSeen = (key: string): boolean => {
    const { shown } = store.get();
    return options.isVisible() && shown.at === "talk" && shown.with === key;
  };
  const keeper = keepTalks({
    store,
    talks: options.talks,
    clock: world.clock,
    isSeen,
    say: options.say,
  });

  const demandAttached = (): NonNullable<typeof attached> => {
    if (attached !== undefined) return attached;
    throw new MusterError("unavailable", "this page has no session with the hub");
  };
  const demandPeer = (): Peer => demandAttached().peer;

  const readPeers = async (peer: Peer): Promise<void> => {
    const before = store.get().peers;
    const peers = await peer.peers();
    if (attached?.peer !== peer) return;
    store.set({ peers: sameOr(before, peers), notices: sameOr(store.get().notices, peer.notices()) });
    for (const gone of goneFrom(before ?? [], peers)) await keeper.over(gone.key, gone.petname);
    for (const { from, to } of renamedIn(before ?? [], peers)) {
      await keeper.renamed(to.key, { from: from.nickname, to: to.nickname });
    }
  };

  const steps = pairingSteps({
    store,
    clock: world.clock,
    begin,
    paired: async (device) => {
      options.persist();
      await readPeers(demandPeer());
      options.say(`Paired with ${device.petname}.`);
    },
  });

  const send = async (key: string, content: Parameters<Peer["send"]>[1]): Promise<void> => {
    const { id } = await demandPeer().send(key, content);
    if ("text" in content) return keeper.sent(id, key, { body: { kind: "text", text: content.text } });
    const { name, bytes } = content.file;
    await keeper.sent(id, key, { body: { kind: "file", name, size: bytes.length, kept: true }, bytes });
  };

  const seen = (): void => {
    const { shown } = store.get();
    // What could not be stored is unread once more after the next start, and no worse.
    if (shown.at === "talk" && isSeen(shown.with)) keeper.seen(shown.with).catch(() => {});
  };

  const actions: PeersSessionActions = {
    store,
    drafts: new Map(),
    isOwnHub: options.isOwnHub,
    makeCode: steps.makeCode,
    enterCode: steps.enterCode,
    acceptInvitation: steps.acceptInvitation,
    leavePairing: steps.leave,
    async rename(nickname) {
      await options.rename(nickname);
      const { own } = store.get();
      if (own !== null) store.set({ own: { ...own, nickname: options.nickname() } });
    },
    async setPetname(key, petname) {
      await demandPeer().setPetname(key, petname);
      await readPeers(demandPeer());
    },
    async verified(key) {
      await demandPeer().verified(key);
      await readPeers(demandPeer());
    },
    async unpair(key) {
      await demandPeer().unpair(key);
      await readPeers(demandPeer());
      store.set({ pairing: { at: "idle" }, shown: { at: "list" } });
    },
    async forgetAll() {
      for (const { key } of store.get().peers ?? []) await demandPeer().unpair(key);
      await options.forgetAll();
    },
    sendText: (key, text) => send(key, { text }),
    async sendFile(key, file) {
      if (file.size > MESSAGE_FILE_MAX_BYTES) return demandAttached().files.send(key, file);
      const bytes = new Uint8Array(await file.arrayBuffer());
      await send(key, { file: { name: file.name, bytes } });
    },
    cancelFile: (id) => attached?.files.cancel(id),
    async save(item) {
      if (item.body.kind !== "file") return;
      const bytes = await keeper.bytes(item);
      if (bytes === undefined)
        throw new MusterError("not_found", "this browser does not keep the file any more");
      options.save(item.body.name, bytes);
    },
    forgetTalk: (key) => keeper.forget(key),
    show(shown) {
      if (shown.at !== "pairing" && store.get().pairing.at === "paired") steps.leave();
      store.set({ shown });
      seen();
    },
    seen,
  };

  return {
    actions,
    session: (session) => store.set({ session }),
    async attach(peer, keys) {
      attached?.stop();
      const { hasRoom } = options;
      const files = openFileWays({ world, store, keeper, peer, hasRoom, ...keys });
      const stops = [() => files.close()];
      attached = { peer, files, stop: () => stops.forEach((stop) => stop()) };
      // Read first: what the library hands over again is then known, and from whom.
      const talks = await keeper.load();
      if (attached?.peer !== peer) return;
      store.set({ talks, own: { id: peer.id, nickname: options.nickname() } });
      await readPeers(peer);
      if (attached?.peer !== peer) return;
      const follow = onceAtATime(async () => {
        await readPeers(peer);
        await keeper.follow(peer);
      });
      stops.push(
        peer.onChange(follow),
        peer.onMessage((message) => keeper.received(message)),
      );
      follow();
    },
    opened(stream, payload) {
      return attached === undefined ? refuseStream(stream) : attached.files.opened(stream, payload);
    },
    detach() {
      attached?.stop();
      attached = undefined;
      const { pairing, shown } = store.get();
      // A link that was opened before signing in is still meant after it, or still broken.
      const kept = pairing.at === "invited" || pairing.at === "failed" ? { pairing, shown } : {};
      steps.leave();
      store.set({ ...NO_PEERS, ...kept });
    },
  };
}

/** Runs again once it is done if it was asked for meanwhile; never twice at once. */
function onceAtATime(work: () => Promise<void>): () => void {
  let running = false;
  let again = false;
  const run = (): void => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    work()
      // The next change asks again; what the browser's store refuses, the next action says.
      .catch(() => {})
      .finally(() => {
        running = false;
        if (!again) return;
        again = false;
        run();
      });
  };
  return run;
}

function renamedIn(
  before: readonly PairedDevice[],
  now: readonly PairedDevice[],
): { from: PairedDevice; to: PairedDevice }[] {
  return now.flatMap((to) => {
    const from = before.find(({ key }) => key === to.key);
    return from === undefined || from.nickname === to.nickname ? [] : [{ from, to }];
  });
}

function goneFrom(before: readonly PairedDevice[], now: readonly PairedDevice[]): PairedDevice[] {
  return before.filter(({ key }) => !now.some((peer) => peer.key === key));
}

/** The former where nothing changed, so that nothing is drawn anew. */
function sameOr<Value>(before: Value, now: Value): Value {
  return JSON.stringify(before) === JSON.stringify(now) ? before : now;
}
