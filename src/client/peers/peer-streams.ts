// Live streams between two programs on paired devices: a sealed session over a stream that the hub joins. Both ends
// prove the link keys that they have pinned; of the hub nothing is believed.
import type { DhKey, SessionCrypto } from "../../identity/sealed/session-crypto.ts";
import { sealedStream } from "../../identity/sealed/session-stream.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { encodeStreamWish, readSessionCall, SESSION_RESET } from "../../protocol/session-open.ts";
import { RESET } from "../../trunk/frame.ts";
import { lateStream } from "../../trunk/late-stream.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { OpenRefusal } from "../../trunk/trunk.ts";
import type { ByteStream, ByteStreamEvents, Timers } from "../../world/world.ts";
import { openPromise } from "../open-promise.ts";
import type { PeerRow } from "./rows.ts";
import type { PeerStore } from "./store.ts";

/** In the prologue: a session of another kind does not open as one of these. */
const STREAM_KIND = "stream";
/** Of those that others open here, and of those that one does: it, or a hub in its name, leaves room for others. */
const TAKEN_MAX = 64;
const TAKEN_PER_PEER_MAX = 32;

type TakeStream = (from: PeerRow, stream: ByteStream) => ByteStreamEvents;

export interface PeerStreamsOptions {
  store: PeerStore;
  timers: Timers;
  crypto: SessionCrypto;
  own: { identityKey: Uint8Array; linkKey: DhKey };
  openStream(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal;
  /** Of the program, if it takes any now. */
  handler(): TakeStream | undefined;
}

export class PeerStreams {
  readonly #options: PeerStreamsOptions;
  #taken = 0;
  readonly #takenOf = new Map<string, number>();
  /** Cuts what is open, by the key of the other. */
  readonly #cuts = new Map<string, Set<() => void>>();

  constructor(options: PeerStreamsOptions) {
    this.#options = options;
  }

  /** Resolves when the peer has proved its key; `events` are told of nothing before. */
  open(peer: PeerRow, events: ByteStreamEvents): Promise<ByteStream> {
    const { promise, resolve, reject } = openPromise<ByteStream>();
    let near: TrunkStream | undefined;
    let isOpen = false;
    let refusal: MusterError | undefined;
    const late = lateStream(
      () => near,
      (code) => (refusal = refusedBy(code)),
    );
    const opened = this.#options.openStream(encodeStreamWish(peer.key), late.events);
    if (typeof opened === "string") {
      return Promise.reject(new MusterError("hub_unreachable", `no stream to another device: ${opened}`));
    }
    near = opened;
    const close = (error?: Error): void => {
      kept.release();
      const problem = error ?? kept.problem();
      if (isOpen) events.close(problem);
      else
        reject(refusal ?? problem ?? new MusterError("session_cut", "the stream was cut before it was open"));
    };
    const { stream, streamEvents } = sealedStream(
      { ...this.#ends(peer), role: "initiator", stream: opened },
      { ...bound(events), close },
      () => {
        isOpen = true;
        resolve(stream);
      },
    );
    const kept = this.#keep(peer.key, () => stream.close());
    late.hand(streamEvents);
    return promise;
  }

  /** Some pairing may be over: what is open between those two ends here, whatever the hub does. */
  async peersChanged(): Promise<void> {
    for (const [key, cuts] of this.#cuts) {
      if (isPaired(await this.#options.store.peers.find(key))) continue;
      for (const cut of cuts) cut();
    }
  }

  /** A stream that the hub opened; undefined for one of another kind. */
  opened(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents | undefined {
    const call = readSessionCall(payload);
    if (call?.purpose !== "stream") return undefined;
    stream.pause();
    const late = lateStream(
      () => stream,
      () => {},
    );
    const key = toBase64Url(call.callerKey);
    this.#take(stream, key, late.hand).catch(() => stream.reset(RESET.internal));
    return late.events;
  }

  async #take(near: TrunkStream, key: string, hand: (to: ByteStreamEvents) => void): Promise<void> {
    const peer = await this.#options.store.peers.find(key);
    const handle = this.#options.handler();
    if (!isPaired(peer)) return near.reset(SESSION_RESET.unknownCaller);
    if (handle === undefined) return near.reset(RESET.refused);
    if (!this.#takes(key)) return near.reset(SESSION_RESET.tooMany);
    let events: ByteStreamEvents | undefined;
    const close = (error?: Error): void => {
      this.#leave(key);
      kept.release();
      events?.close(error ?? kept.problem());
    };
    const { stream, streamEvents } = sealedStream(
      { ...this.#ends(peer), role: "responder", stream: near },
      {
        data: (bytes) => events?.data(bytes),
        drain: () => events?.drain(),
        end: () => events?.end(),
        close,
      },
      // Nobody is told of a caller that has not proved its key.
      () => (events = handle(peer, stream)),
    );
    const kept = this.#keep(key, () => stream.close());
    hand(streamEvents);
  }

  /** Until `release`, the end of the pairing closes it; `problem` tells whether that was why. */
  #keep(key: string, close: () => void): { release(): void; problem(): MusterError | undefined } {
    let problem: MusterError | undefined;
    const cut = (): void => {
      problem = new MusterError("not_found", "the pairing is over");
      close();
    };
    const cuts = this.#cuts.get(key) ?? new Set();
    this.#cuts.set(key, cuts.add(cut));
    return {
      release: () => {
        cuts.delete(cut);
        if (cuts.size === 0 && this.#cuts.get(key) === cuts) this.#cuts.delete(key);
      },
      problem: () => problem,
    };
  }

  /** False when as many as may be are open. */
  #takes(key: string): boolean {
    const ofPeer = this.#takenOf.get(key) ?? 0;
    if (this.#taken >= TAKEN_MAX || ofPeer >= TAKEN_PER_PEER_MAX) return false;
    this.#taken += 1;
    this.#takenOf.set(key, ofPeer + 1);
    return true;
  }

  #leave(key: string): void {
    this.#taken -= 1;
    const ofPeer = (this.#takenOf.get(key) ?? 1) - 1;
    if (ofPeer > 0) this.#takenOf.set(key, ofPeer);
    else this.#takenOf.delete(key);
  }

  #ends(peer: PeerRow) {
    const { crypto, timers, own } = this.#options;
    // A key that was pinned has 32 bytes; one that had not would open nothing.
    const identityKey = fromBase64Url(peer.key) ?? new Uint8Array(32);
    return { crypto, timers, kind: STREAM_KIND, own, peer: { identityKey, linkKey: peer.link_key } };
  }
}

function isPaired(peer: PeerRow | undefined): peer is PeerRow {
  return peer !== undefined && peer.state !== "leaving";
}

function bound(events: ByteStreamEvents): Omit<ByteStreamEvents, "close"> {
  return {
    data: (bytes) => events.data(bytes),
    drain: () => events.drain(),
    end: () => events.end(),
  };
}

/** By the code with which the hub, or the device itself, dropped the stream. */
function refusedBy(code: number): MusterError {
  switch (code) {
    case SESSION_RESET.offline:
      return new MusterError("device_offline", "the other device is not online");
    case SESSION_RESET.tooMany:
      return new MusterError("too_many", "the other device takes no more streams at once");
    case SESSION_RESET.unknownCaller:
      return new MusterError("unavailable", "the other device does not know this one: pair them again");
    default:
      return new MusterError("unavailable", "the other device takes no streams");
  }
}
