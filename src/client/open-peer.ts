// A peer over a connection that somebody else keeps, as the hub's own page does: its owner tells of each session
// and hands on what the hub says.
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { encodeFile, MESSAGE_FILE_MAX_BYTES } from "../protocol/file-in-message.ts";
import { deviceIdOf } from "../protocol/ids.ts";
import { webSessionCrypto } from "../identity/sealed/session-crypto-web.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import type { HubToClient } from "../protocol/messages.ts";
import type { TrunkStream, TrunkStreamEvents } from "../trunk/stream.ts";
import type {
  Content,
  PairedDevice,
  Peer,
  PeerOptions,
  ReceivedMessage,
  SentMessage,
  StreamHandler,
} from "./peer.ts";
import type { PeerLink } from "./peer-link.ts";
import { textBody } from "./peers/bodies.ts";
import { PairingDesk } from "./peers/pairing-desk.ts";
import { choosePeer, namePeer, peerIdOf } from "./peers/pins.ts";
import { Post } from "./peers/post.ts";
import { messageOf, Reader } from "./peers/reader.ts";
import type { PeerRow } from "./peers/rows.ts";
import { untilDelivered, type DeliveryWatch } from "./peers/until-delivered.ts";
import { PeerStreams } from "./peers/peer-streams.ts";

export interface OpenedPeer extends Peer {
  /** There is a session, a new one. */
  connected(): void;
  /** The hub opened a stream; undefined for one that is not of this kind. */
  opened(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents | undefined;
  /** Anything that the hub said unasked; what is not about pairs and messages is passed over. */
  heard(message: HubToClient): void;
}

const RECEIVED_PAGE = 200;

export function openPeer(options: PeerOptions, link: PeerLink): OpenedPeer {
  const { keys, store, crypto, world, log = SILENT_LOG } = options;
  const sha256 = (bytes: Uint8Array): Uint8Array => crypto.sha256(bytes);
  const notices = new Map<string, string>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
    reader?.kick();
    streams.peersChanged().catch((error: unknown) => log.error("streams of pairs", { error }));
  };
  const shared = {
    store,
    clock: world.clock,
    timers: world.timers,
    crypto,
    signer: keys.signer,
    makeReceiveKey: keys.makeReceiveKey,
    hub: link,
  };
  const post = new Post({
    ...shared,
    subtle: options.subtle,
    log,
    notices: {
      set: (key, text) => void notices.set(key, text),
      clear: (key) => void notices.delete(key),
    },
  });
  const desk = new PairingDesk({
    ...shared,
    hubKey: () => link.hubKey(),
    hubUrl: () => link.hubUrl(),
    linkKey: keys.link.publicKey,
    kind: options.kind,
    nickname: options.nickname,
    pinned: (peer) => {
      post.pinned(peer);
      changed();
    },
  });
  post.listen(changed);
  const streams = new PeerStreams({
    store,
    timers: world.timers,
    crypto: webSessionCrypto(options.subtle, crypto),
    own: { identityKey: keys.signer.publicKey, linkKey: keys.link },
    openStream: (payload, events) => link.openStream(payload, events),
    handler: () => {
      const handle = onStream;
      return handle === undefined ? undefined : (from, stream) => handle(view(from), stream);
    },
  });
  let onStream: StreamHandler | undefined;
  let reader: Reader | undefined;

  const enders = new Set<() => void>();
  let isClosed = false;
  const watch: DeliveryWatch = {
    sent: async (id) => sentOf(await post.messageState(id)),
    onChange: (listener) => added(listeners, listener),
    onClose: (listener) => added(enders, listener),
    isClosed: () => isClosed,
  };

  const view = (row: PeerRow): PairedDevice => ({
    id: peerIdOf(row, sha256),
    key: row.key,
    petname: row.petname,
    nickname: row.nickname,
    kind: row.kind,
    safetyWords: row.safety,
    compared: row.verified === 1,
    state: row.state === "leaving" ? "unrelayed" : row.state,
    since: row.since,
  });
  const rows = async (): Promise<PeerRow[]> =>
    (await store.peers.list()).filter(({ state }) => state !== "leaving");
  const demand = async (key: string): Promise<PeerRow> => {
    const row = await store.peers.find(key);
    if (row !== undefined && row.state !== "leaving") return row;
    throw new MusterError("not_found", "this device is not paired with that key");
  };

  return {
    id: deviceIdOf(sha256(keys.signer.publicKey)),
    key: toBase64Url(keys.signer.publicKey),
    connected: () => post.connected(),
    heard(message) {
      if (message.type === "pairing_message") desk.heard(message);
      else post.heard(message);
    },
    async pair({ petname, reach = "anyone" } = {}) {
      const made = await desk.make({ petname, verified: false, reach });
      const outcome = desk.outcome(made.mailbox);
      const done = (outcome ?? Promise.reject(new MusterError("pairing_failed", "the code is over"))).then(
        view,
      );
      done.catch(() => {}); // whoever waits for it hears it
      return {
        code: made.code,
        link: made.link,
        expiresAt: Date.parse(made.expires_at),
        done,
        cancel: () => desk.cancel(made.mailbox),
      };
    },
    join: async (codeOrLink, { petname } = {}) =>
      view(await desk.join(codeOrLink, { petname, verified: false })),
    find: async (reference) => view(choosePeer(await rows(), reference, sha256)),
    peers: async () => (await rows()).map(view),
    async setPetname(key, petname) {
      await demand(key);
      await store.change((given) => namePeer(given, key, petname));
      changed();
      return view(await demand(key));
    },
    async verified(key) {
      await demand(key);
      await store.peers.change(key, { verified: 1 });
      changed();
      return view(await demand(key));
    },
    async unpair(key) {
      await post.unpair(await demand(key));
      changed();
    },
    async send(key, content) {
      await demand(key);
      const { kind, body } = bodyOf(content, sha256);
      const { id, state } = await post.send(key, kind, body);
      changed();
      return { id, state };
    },
    sent: watch.sent,
    delivered: (id) => untilDelivered(watch, id),
    onMessage(handle) {
      reader?.stop();
      const mine = new Reader({ store, timers: world.timers, log, sha256, handle });
      reader = mine;
      return () => {
        mine.stop();
        if (reader === mine) reader = undefined;
      };
    },
    async received(after = 0): Promise<ReceivedMessage[]> {
      const page = await store.inbox.list({ after, limit: RECEIVED_PAGE, unread: false });
      return page.map((row) => messageOf(row, sha256));
    },
    onChange: watch.onChange,
    notices: () => [...notices.values()],
    openStream: async (key, events) => streams.open(await demand(key), events),
    onStream(handle) {
      onStream = handle;
      return () => {
        if (onStream === handle) onStream = undefined;
      };
    },
    opened: (stream, payload) => streams.opened(stream, payload),
    openHubStream(payload, events) {
      const stream = link.openStream(payload, events);
      if (typeof stream !== "string") return stream;
      throw new MusterError("hub_unreachable", `no stream to another device: ${stream}`);
    },
    close() {
      isClosed = true;
      reader?.stop();
      desk.stop();
      post.stop();
      listeners.clear();
      for (const ended of enders) ended();
    },
  };
}

function bodyOf(
  content: Content,
  sha256: (bytes: Uint8Array) => Uint8Array,
): { kind: "text" | "file"; body: Uint8Array } {
  if ("text" in content) return { kind: "text", body: textBody(content.text) };
  const { name, bytes } = content.file;
  if (bytes.length <= MESSAGE_FILE_MAX_BYTES) return { kind: "file", body: encodeFile(content.file, sha256) };
  throw new MusterError("too_large", `cannot send "${name}": it has ${bytes.length} bytes`, {
    hint: `a file of at most ${MESSAGE_FILE_MAX_BYTES} bytes fits into a message`,
  });
}

function added(listeners: Set<() => void>, listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function sentOf(row: SentMessage | undefined): SentMessage | undefined {
  return row === undefined ? undefined : { id: row.id, state: row.state };
}
