// Files that are too large for a message: each goes through a sealed session of its own, piece by piece, and only
// while both devices are there. What goes is read from the file as it goes; what comes is collected as blobs, which
// the browser may lay on its disk, and is kept once it is whole and its checksum is the sender's.
import { sha256 } from "@noble/hashes/sha2.js";
import { FileChannel } from "../../../src/client/files/file-channel.ts";
import { answerFile, dialFile, type FileEnds } from "../../../src/client/files/file-session.ts";
import { receiveFile, type FileSink, type TakenOffer } from "../../../src/client/files/receive-file.ts";
import type { StartHash } from "../../../src/client/files/running-hash.ts";
import { sendFile, type FileOffer, type FileSource } from "../../../src/client/files/send-file.ts";
import type { Peer } from "../../../src/client/peer.ts";
import { refuseStream } from "../../../src/client/refuse-stream.ts";
import { fromBase64Url, toBase64Url } from "../../../src/protocol/bytes.ts";
import { MusterError, publicError, type ErrorCode } from "../../../src/protocol/errors.ts";
import { plainFileName } from "../../../src/protocol/file-in-message.ts";
import { encodeFileWish, readSessionCall, SESSION_RESET } from "../../../src/protocol/session-open.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../../src/trunk/stream.ts";
import type { ByteStreamEvents, World } from "../../../src/world/world.ts";
import { size as shownSize } from "../format/size.ts";
import type { Store } from "../state/store.ts";
import type { Moving, PeersState } from "./peers-state.ts";
import type { TalkKeeper } from "./talk-keeper.ts";

export interface FileWaysOptions {
  world: Pick<World, "clock" | "timers" | "random">;
  store: Store<PeersState>;
  keeper: TalkKeeper;
  peer: Pick<Peer, "openHubStream">;
  ends: Omit<FileEnds, "peer" | "timers">;
  /** Of a paired device; undefined for any other key. */
  linkKeyOf(key: string): Promise<Uint8Array | undefined>;
  /** Whether this browser has room for so many bytes. */
  hasRoom(bytes: number): Promise<boolean>;
}

export interface FileWays {
  /** Resolves once it is told in the conversation; it goes from then on, and is tried again while it is cut. */
  send(to: string, file: File): Promise<void>;
  cancel(id: string): void;
  /** For a stream that the hub has opened. */
  opened(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents;
  close(): void;
}

/** A browser's space and memory are the person's; more goes from a machine. */
const ARRIVING_MAX_BYTES = 512 * 1024 * 1024;
const ARRIVING_MAX = 4;
const ID_BYTES = 16;
const AGAIN_MS = 3_000;
/** How often a moving file is drawn anew. */
const SHOWN_EVERY_MS = 200;
/** What the other side says of itself for now. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["too_many", "unavailable", "internal", "session_cut"]);

export function openFileWays(options: FileWaysOptions): FileWays {
  const { world, store, keeper, peer, linkKeyOf } = options;
  const { timers, clock } = world;
  const going = new Map<string, { cancel(): void }>();
  const channels = new Set<FileChannel>();
  let closed = false;

  const show = (moving: Moving): void => {
    store.set({ moving: new Map(store.get().moving).set(moving.id, moving) });
  };
  const unshow = (id: string): void => {
    const left = new Map(store.get().moving);
    if (left.delete(id)) store.set({ moving: left });
  };
  /** Draws it now and then. */
  const shower = (about: Omit<Moving, "moved">): ((moved: number) => void) => {
    let shownAt = -SHOWN_EVERY_MS;
    return (moved) => {
      if (clock.monotonic() - shownAt < SHOWN_EVERY_MS && moved < about.size) return;
      shownAt = clock.monotonic();
      show({ ...about, moved });
    };
  };
  const endsWith = (key: string, linkKey: Uint8Array): FileEnds => ({
    ...options.ends,
    timers,
    // The key of a pinned device has 32 bytes; one that had not would open nothing.
    peer: { identityKey: fromBase64Url(key) ?? new Uint8Array(32), linkKey },
  });
  const newChannel = (): FileChannel => {
    const channel = new FileChannel(timers);
    channels.add(channel);
    return channel;
  };

  /** One try. Says whether it is over for good. */
  const tryOnce = async (
    to: string,
    { offer, file, moved }: { offer: FileOffer; file: File; moved(bytes: number): void },
  ): Promise<{ over: boolean; problem?: MusterError }> => {
    const linkKey = await linkKeyOf(to);
    if (linkKey === undefined)
      return { over: true, problem: new MusterError("not_found", "the pairing is over") };
    const channel = newChannel();
    let isCancelled = false;
    going.set(offer.id, {
      cancel() {
        isCancelled = true;
        void channel.refuse(takenBack());
      },
    });
    try {
      dialFile(channel, endsWith(to, linkKey), (events) => peer.openHubStream(encodeFileWish(to), events));
      await sendFile(channel, { offer, source: sourceOf(file), startHash, moved });
      return { over: true };
    } catch (error) {
      const problem = isCancelled ? takenBack() : publicError(error);
      const isFinal = channel.refusedByPeer ? !PASSING.has(problem.code) : problem.code === "conflict";
      return { over: isFinal || isCancelled, problem };
    } finally {
      channels.delete(channel);
      channel.close();
    }
  };

  /** Until the next try; "cancelled" if it was taken back meanwhile. */
  const pause = (id: string): Promise<"over" | "cancelled"> =>
    new Promise((resolve) => {
      const timer = timers.after(AGAIN_MS, () => resolve("over"));
      going.set(id, {
        cancel() {
          timer.cancel();
          resolve("cancelled");
        },
      });
    });

  const sendUntilOver = async (to: string, file: File, offer: FileOffer): Promise<void> => {
    const moved = shower({ id: offer.id, peer: to, name: offer.name, size: offer.size, from: "me" });
    try {
      for (;;) {
        moved(0);
        const { over, problem } = await tryOnce(to, { offer, file, moved });
        if (closed) return;
        if (over) return await keeper.ended(offer.id, to, problem);
        if ((await pause(offer.id)) === "cancelled") return await keeper.ended(offer.id, to, takenBack());
      }
    } finally {
      going.delete(offer.id);
      unshow(offer.id);
    }
  };

  const take = async (from: string, offer: FileOffer): Promise<TakenOffer> => {
    const known = keeper.kept(offer.id, from);
    if (known !== undefined) return { kept: known };
    if (offer.size > ARRIVING_MAX_BYTES || !(await options.hasRoom(offer.size))) {
      throw new MusterError("too_large", `this browser has no room for ${shownSize(offer.size)}`, {
        hint: "send it to a machine with Muster",
      });
    }
    return { sink: sinkFor({ keeper, clock }, from, { ...offer, name: plainFileName(offer.name) }) };
  };

  const receive = async (from: string, channel: FileChannel): Promise<void> => {
    let id: string | undefined;
    let moved = (_bytes: number): void => {};
    try {
      await receiveFile(channel, {
        async take(offer) {
          const taken = await take(from, offer);
          ({ id } = offer);
          const name = plainFileName(offer.name);
          moved = shower({ id: offer.id, peer: from, name, size: offer.size, from: "peer" });
          return taken;
        },
        startHash,
        moved: (bytes) => moved(bytes),
      });
    } catch {
      // The sender has been told, and tries again if that may help.
    } finally {
      channels.delete(channel);
      channel.close();
      if (id !== undefined) unshow(id);
    }
  };

  return {
    async send(to, file) {
      const offer = { id: toBase64Url(world.random.bytes(ID_BYTES)), name: file.name, size: file.size };
      await keeper.sent(offer.id, to, {
        body: { kind: "file", name: offer.name, size: offer.size, kept: false, session: true },
      });
      // What the browser's store refuses is said by the next start: it was not delivered.
      sendUntilOver(to, file, offer).catch(() => {});
    },
    cancel: (id) => going.get(id)?.cancel(),
    opened(stream, payload) {
      const call = readSessionCall(payload);
      if (call?.purpose !== "file" || closed) return refuseStream(stream);
      if (channels.size >= ARRIVING_MAX) return refuseStream(stream, SESSION_RESET.tooMany);
      const from = toBase64Url(call.callerKey);
      const channel = newChannel();
      stream.pause();
      let reader: ByteStreamEvents | undefined;
      let isGone = false;
      const begin = async (): Promise<void> => {
        const linkKey = await linkKeyOf(from);
        if (linkKey === undefined || isGone || closed) {
          channels.delete(channel);
          channel.close();
          return isGone ? undefined : stream.reset(SESSION_RESET.unknownCaller);
        }
        reader = answerFile(channel, endsWith(from, linkKey), stream);
        stream.resume();
        await receive(from, channel);
      };
      begin().catch(() => void refuseStream(stream));
      return {
        data: (bytes) => reader?.data(bytes),
        drain: () => reader?.drain(),
        end: () => reader?.end(),
        close(error) {
          isGone = true;
          reader?.close(error);
        },
      };
    },
    close() {
      closed = true;
      for (const channel of channels) channel.close();
    },
  };
}

/** Bytes become blobs as they come: nothing but the piece at hand is in the page's own memory. */
function sinkFor(
  { keeper, clock }: { keeper: TalkKeeper; clock: World["clock"] },
  from: string,
  offer: FileOffer,
): FileSink {
  let blobs: Blob[] = [];
  return {
    held: 0,
    read: () => Promise.resolve(new Uint8Array(0)),
    restart: () => Promise.resolve(void (blobs = [])),
    write(pieces) {
      // Copies own their memory, which is what the type asks for.
      blobs.push(new Blob(pieces.map((piece) => piece.slice())));
      return Promise.resolve();
    },
    keep: (hash) =>
      keeper.receivedFile({ ...offer, from, at: clock.now(), sha256: hash, blob: new Blob(blobs) }),
    close: () => Promise.resolve(),
  };
}

function takenBack(): MusterError {
  return new MusterError("conflict", "taken back before it had gone");
}

function sourceOf(file: File): FileSource {
  return {
    async read(position, length) {
      try {
        return new Uint8Array(await file.slice(position, position + length).arrayBuffer());
      } catch (error) {
        // Browsers read no file that is another than was chosen.
        throw new MusterError("conflict", `"${file.name}" was changed or removed`, { cause: error });
      }
    },
    check: () => Promise.resolve(),
  };
}

const startHash: StartHash = () => {
  const hash = sha256.create();
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.clone().digest() };
};
