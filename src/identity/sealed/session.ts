// A sealed session between two devices that know each other's link keys, over any stream of bytes, which may
// pass through hands that nobody trusts.
//
//   initiator  Noise KK 1, no payload   ->
//                                       <-  Noise KK 2, no payload
//              start                    ->      until then the responder says nothing: a replayed 1 gets no answer
//   then, each way by itself:  part… last  ·  rekey  ·  end
//
// The rule it keeps: only a sealed `end` ends a direction. When the stream stops before both have said it, that
// is a cut, and is told as one.

import { concat, lv, utf8 } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { ByteStream, ByteStreamEvents, Timer, Timers } from "../../world/world.ts";
import { NoiseHandshake } from "./noise.ts";
import type { NoiseResult, NoiseRole } from "./noise.ts";
import { RECORD_MAX_BYTES, RecordReader } from "./record-reader.ts";
import { RecordSender } from "./record-sender.ts";
import { RECORD, REKEY_RECORDS } from "./records.ts";
import type { DhKey, SessionCrypto } from "./session-crypto.ts";

/** What one `message` may be made of: a command with its script, a piece of a file. */
export const SESSION_MESSAGE_MAX_BYTES = 1024 * 1024;
/** Both messages of the handshake; a device that is there answers in milliseconds. */
const HANDSHAKE_MS = 10_000;
/** Keys are replaced after this at the latest, when they were used. */
const REKEY_EVERY_MS = 60 * 60_000;
/** What may wait to be opened before the stream is told to stop. */
const UNREAD_MAX_BYTES = 4 * RECORD_MAX_BYTES;

export interface SealedSessionOptions {
  crypto: SessionCrypto;
  timers: Timers;
  role: NoiseRole;
  /** What the session is for; both sides must mean the same. */
  kind: string;
  own: { identityKey: Uint8Array; linkKey: DhKey };
  /** From the pin or the owner log, never from the hub. */
  peer: { identityKey: Uint8Array; linkKey: Uint8Array };
  /** Its events go to `streamEvents`. */
  stream: ByteStream;
  /** Records under one key; fewer in tests. */
  rekeyRecords?: number;
}

/** What a session tells its owner. After `close` nothing more is called. */
export interface SealedSessionEvents {
  /** The peer has proved its link key. `hash` names this session: signed commands are bound to it. */
  open(hash: Uint8Array): void;
  /** One whole message, as it was sent. The bytes are the receiver's own. */
  message(bytes: Uint8Array): void;
  /** After `send` returned false: there is room again. */
  drain(): void;
  /** The peer sends nothing more. */
  end(): void;
  /** Over. Without a problem both sides have said `end`, or this side called `close`. */
  close(problem?: MusterError): void;
}

type SessionState =
  | { at: "shaking"; handshake: NoiseHandshake }
  /** The responder, before the initiator has shown that it is there now. */
  | { at: "proving"; keys: NoiseResult }
  | { at: "open"; keys: NoiseResult }
  | { at: "over" };

export class SealedSession {
  readonly #options: SealedSessionOptions;
  readonly #events: SealedSessionEvents;
  readonly #reader = new RecordReader();
  readonly #sender: RecordSender;
  readonly #handshakeTimer: Timer;
  #rekeyTimer: Timer | undefined;
  #state: SessionState;
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #recordsOfKey = 0;
  #peerEnded = false;
  #ended = false;
  #paused = false;
  #streamPaused = false;
  #stream: "open" | "ended" | "closed" = "open";
  #reading = false;

  /** The initiator writes at once. */
  constructor(options: SealedSessionOptions, events: SealedSessionEvents) {
    this.#options = options;
    this.#events = events;
    this.#sender = new RecordSender(options.stream, {
      rekeyRecords: options.rekeyRecords ?? REKEY_RECORDS,
      drain: () => this.#events.drain(),
      sent: () => this.#finishIfEnded(),
      failed: (problem) => this.#fail(problem),
    });
    this.#state = { at: "shaking", handshake: newHandshake(options) };
    this.#handshakeTimer = options.timers.after(HANDSHAKE_MS, () =>
      this.#fail(
        new MusterError("unavailable", `no sealed session: no answer within ${HANDSHAKE_MS / 1000} s`),
      ),
    );
    if (options.role === "initiator") this.#step(this.#greet(this.#state.handshake));
  }

  /** For the owner of the stream. */
  readonly streamEvents: ByteStreamEvents = {
    data: (bytes) => {
      if (this.#state.at === "over") return;
      this.#reader.push(bytes);
      this.#balance();
      this.#read();
    },
    drain: () => this.#sender.flush(),
    end: () => this.#stopReading("ended"),
    close: () => this.#stopReading("closed"),
  };

  /** How much `send` takes before it says false. */
  get roomBytes(): number {
    return this.#sender.roomBytes;
  }

  /**
   * Seals and sends one message, which may come in parts; before the session is open it waits. False: taken, but
   * wait for `drain`.
   * Throws `too_large`, `too_many` when `drain` was not waited for, `session_cut` when the session is over.
   */
  send(...parts: readonly Uint8Array[]): boolean {
    if (this.#ended || this.#state.at === "over") {
      throw new MusterError("session_cut", "cannot send: this end of the session is closed");
    }
    let length = 0;
    for (const part of parts) length += part.length;
    if (length > SESSION_MESSAGE_MAX_BYTES) {
      throw new MusterError("too_large", `a message of ${length} bytes is too large for a session`);
    }
    return this.#sender.queueMessage(parts);
  }

  /** Half-close: the peer is told that nothing more comes, once all that was sent before has gone. */
  end(): void {
    if (this.#ended || this.#state.at === "over") return;
    this.#ended = true;
    this.#sender.queue(RECORD.end);
  }

  /** Drops everything at once. To the peer this is a cut. */
  close(): void {
    this.#over(undefined);
  }

  /** Stops `message` after the one at hand; what has arrived stays, and the stream is told to stop. */
  pause(): void {
    this.#paused = true;
    this.#balance();
  }

  resume(): void {
    this.#paused = false;
    this.#balance();
    this.#read();
  }

  async #greet(handshake: NoiseHandshake): Promise<void> {
    this.#sender.writeHandshake(await handshake.write(new Uint8Array(0)));
  }

  #stopReading(how: "ended" | "closed"): void {
    this.#stream = how;
    this.#read();
  }

  /** One reader at a time: records are opened in the order in which they came. */
  #read(): void {
    if (this.#reading || this.#state.at === "over") return;
    this.#reading = true;
    this.#step(this.#readAll());
  }

  async #readAll(): Promise<void> {
    try {
      while (!this.#paused) {
        const record = this.#reader.next();
        if (record === undefined) break;
        await this.#take(record);
        if (this.#isOver()) return;
        this.#balance();
      }
    } finally {
      // In the same turn as the last look at what has arrived: nothing can arrive unseen in between.
      this.#reading = false;
    }
    if (!this.#paused && this.#isCut()) this.#fail(cut());
  }

  /** A peer that has said `end` may stop its stream and still listen. */
  #isCut(): boolean {
    return this.#stream === "closed" || (this.#stream === "ended" && !this.#peerEnded);
  }

  #balance(): void {
    const full = this.#paused || this.#reader.heldBytes > UNREAD_MAX_BYTES;
    if (full === this.#streamPaused || this.#state.at === "over") return;
    this.#streamPaused = full;
    if (full) this.#options.stream.pause();
    else this.#options.stream.resume();
  }

  async #take(record: Uint8Array): Promise<void> {
    const state = this.#state;
    if (state.at === "over") return;
    if (state.at === "shaking") return this.#shake(state.handshake, record);
    const opened = await state.keys.receive.open(record);
    if (this.#isOver()) return;
    if (++this.#recordsOfKey > (this.#options.rekeyRecords ?? REKEY_RECORDS) + 1) {
      throw new MusterError("protocol_error", "the peer kept one key for too many records");
    }
    await this.#handle(state, opened[0] ?? -1, opened.subarray(1));
  }

  async #shake(handshake: NoiseHandshake, record: Uint8Array): Promise<void> {
    const payload = await handshake.read(record);
    if (payload.length > 0) throw new MusterError("protocol_error", "a handshake carried a payload");
    if (this.#options.role === "responder") {
      const answer = await handshake.write(new Uint8Array(0));
      const keys = await handshake.finish();
      if (this.#isOver()) return;
      this.#sender.writeHandshake(answer);
      this.#state = { at: "proving", keys };
      return;
    }
    const keys = await handshake.finish();
    if (this.#isOver()) return;
    this.#sender.start(keys.send, RECORD.start);
    this.#open(keys);
  }

  #open(keys: NoiseResult): void {
    this.#state = { at: "open", keys };
    this.#handshakeTimer.cancel();
    this.#rekeyTimer = this.#options.timers.every(REKEY_EVERY_MS, () => {
      if (!this.#ended) this.#sender.rekeySoon();
    });
    this.#events.open(keys.hash);
  }

  async #handle(state: SessionState & { keys: NoiseResult }, type: number, bytes: Uint8Array): Promise<void> {
    if (state.at === "proving") {
      if (type !== RECORD.start || bytes.length > 0) throw unexpected();
      this.#sender.start(state.keys.send);
      return this.#open(state.keys);
    }
    if (this.#peerEnded) throw unexpected();
    if (type === RECORD.part || type === RECORD.last) return this.#collect(bytes, type === RECORD.last);
    if (bytes.length > 0) throw unexpected();
    if (type === RECORD.rekey) {
      this.#recordsOfKey = 0;
      return state.keys.receive.rekey();
    }
    if (type !== RECORD.end || this.#parts.length > 0) throw unexpected();
    this.#peerEnded = true;
    this.#events.end();
    this.#finishIfEnded();
  }

  #collect(bytes: Uint8Array, isLast: boolean): void {
    this.#partsBytes += bytes.length;
    if (this.#partsBytes > SESSION_MESSAGE_MAX_BYTES) {
      throw new MusterError("too_large", "the peer sent a message that is too large for a session");
    }
    // Without bytes a part would cost the sender nothing and be counted nowhere.
    if (!isLast && bytes.length === 0) throw unexpected();
    this.#parts.push(bytes);
    if (!isLast) return;
    const message = this.#parts.length === 1 ? bytes : concat(...this.#parts);
    this.#parts = [];
    this.#partsBytes = 0;
    this.#events.message(message);
  }

  /** Both have said `end`, and everything of ours has gone to the stream. */
  #finishIfEnded(): void {
    if (this.#state.at !== "open" || !this.#ended || !this.#peerEnded || !this.#sender.isEmpty) return;
    this.#leave();
    this.#options.stream.shutdown();
    this.#events.close();
  }

  #step(work: Promise<void>): void {
    work.catch((thrown: unknown) => this.#fail(publicError(thrown)));
  }

  #fail(problem: MusterError): void {
    this.#over(problem);
  }

  #over(problem: MusterError | undefined): void {
    if (this.#state.at === "over") return;
    this.#leave();
    this.#options.stream.close();
    this.#events.close(problem);
  }

  #leave(): void {
    this.#state = { at: "over" };
    this.#parts = [];
    this.#handshakeTimer.cancel();
    this.#rekeyTimer?.cancel();
    this.#sender.stop();
  }

  #isOver(): boolean {
    return this.#state.at === "over";
  }
}

/** A session is bound to both identities, to who opened it, and to what it is for. */
function newHandshake(options: SealedSessionOptions): NoiseHandshake {
  const { role, own, peer, kind } = options;
  const [first, second] =
    role === "initiator" ? [own.identityKey, peer.identityKey] : [peer.identityKey, own.identityKey];
  return new NoiseHandshake({
    crypto: options.crypto,
    pattern: "KK",
    role,
    prologue: concat(...[utf8("muster/v1/session"), first, second, utf8(kind)].map(lv)),
    ownKey: own.linkKey,
    theirKey: peer.linkKey,
  });
}

function cut(): MusterError {
  return new MusterError("session_cut", "the sealed session was cut before its end");
}

function unexpected(): MusterError {
  return new MusterError("protocol_error", "the peer sent a record that has no place here");
}
