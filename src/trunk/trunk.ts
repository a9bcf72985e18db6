// A trunk: many byte streams and control messages over one connection, the same code at both ends.
//
// It is plugged under a connection by its `wire` events and knows nothing of sockets. What the far side may
// not do closes it with a code; nothing is thrown at the connection, and an owner that throws loses its
// stream, not the trunk. Way of a byte: wire.data → FrameDecoder → StreamEnd → owner, and back owner →
// StreamEnd → Outbox → connection, one write a loop turn.

import { MusterError } from "../protocol/errors.ts";
import {
  MESSAGE_MAX_BYTES,
  OPEN_MAX_BYTES,
  PROVEN_MESSAGE_MAX_BYTES,
  TRUNK_MAX_STREAMS,
} from "../protocol/limits.ts";
import type { ByteStreamEvents, Clock, Timer, Timers } from "../world/world.ts";
import { closedError, decodeGoaway, DRAIN, encodeGoaway } from "./closing.ts";
import type { CloseCode, TrunkClosed } from "./closing.ts";
import { FRAME, FrameDecoder, readU32, RESET } from "./frame.ts";
import type { FrameType } from "./frame.ts";
import { Liveness, PING_AFTER_MS, Pulse } from "./liveness.ts";
import { cutMessage, MessageAssembler } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import type { Wire } from "./outbox.ts";
import { RoundTrip } from "./round-trip.ts";
import { isIdOf, nextId, wasUsed } from "./stream-ids.ts";
import type { TrunkRole } from "./stream-ids.ts";
import { StreamTable } from "./stream-table.ts";
import { StreamEnd } from "./stream.ts";
import type { Carrier, TrunkStream, TrunkStreamEvents } from "./stream.ts";
import { Turns } from "./turns.ts";
import { CreditBudget } from "./window.ts";

export interface TrunkEvents {
  /** The far side opened a stream. Returns who is told of it. The payload is only valid during the call. */
  opened(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents;
  /** A control message. The bytes are only valid during the call. */
  message(bytes: Uint8Array): void;
  /** The far side takes no more streams; those in flight go on. */
  goaway(reason: string): void;
  /**
   * The trunk is over, and nothing more of it is called. Its streams have had their `close`, but for those
   * whose bytes had all come and still wait for a paused reader.
   */
  closed(closed: TrunkClosed): void;
  /** The last stream has gone. A trunk that drains may be closed now. */
  emptied?(): void;
  /** An owner's callback threw: a fault of this program, for its log. */
  failed?(error: unknown): void;
}

export interface TrunkOptions {
  role: TrunkRole;
  /** The connection. Plug `trunk.wire` in as its events. */
  stream: Wire;
  timers: Timers;
  clock: Clock;
  events: TrunkEvents;
  /** One for all trunks of a process; without it the trunk keeps an interval of its own. */
  pulse?: Pulse;
}

/** Why no stream was opened; nothing was sent. */
export type OpenRefusal = "too_many" | "going_away" | "blocked" | "closed";

export interface TrunkCounters {
  bytesIn: number;
  bytesOut: number;
  framesIn: number;
  framesOut: number;
}

/** While this much waits for a slow far side, no further stream is opened to it. */
const OPEN_HOLD_BYTES = 1024 * 1024;
/** How long a closing trunk waits for its last word to leave. */
const LINGER_MS = 1_000;
/** A far side that says it is there and takes nothing. Long, because a debugger is no attack. */
const STALLED_AFTER_MS = 300_000;
/** Windows follow a round trip no older than this. */
const ROUND_TRIP_MAX_AGE_MS = 1_000;

export class Trunk {
  /** To be told of everything that happens to the connection. */
  readonly wire: ByteStreamEvents = {
    data: (bytes) => this.#data(bytes),
    drain: () => this.#drain(),
    end: () => this.#lost("the far side ended the connection"),
    close: (error) => this.#gone(error),
  };

  readonly #role: TrunkRole;
  readonly #stream: Wire;
  readonly #timers: Timers;
  readonly #clock: Clock;
  readonly #events: TrunkEvents;
  readonly #pulse: Pulse;

  readonly #outbox: Outbox;
  readonly #turns: Turns;
  readonly #decoder: FrameDecoder;
  readonly #carrier: Carrier;
  readonly #liveness: Liveness;
  readonly #member = { beat: (timeMs: number) => this.#beat(timeMs) };
  readonly #roundTrip = new RoundTrip();
  readonly #messages = new MessageAssembler(MESSAGE_MAX_BYTES);
  readonly #streams = new StreamTable<StreamEnd>();
  #lastOwnId = 0;
  #lastFarId = 0;
  #bytesIn = 0;
  /** This side told the far side to open no more. */
  #draining = false;
  /** The far side told this side so. */
  #farDraining = false;
  #state: "open" | "lingering" | "closed" = "open";
  #lingerTimer: Timer | undefined;
  #closeCode: CloseCode = "done";
  /** How much was sent when the connection last took something, and when that was. */
  #takenBytes = 0;
  #takenAtMs: number;

  constructor(options: TrunkOptions) {
    this.#role = options.role;
    this.#stream = options.stream;
    this.#timers = options.timers;
    this.#clock = options.clock;
    this.#events = options.events;
    this.#pulse = options.pulse ?? new Pulse(options.timers, options.clock);
    this.#outbox = new Outbox(options.stream);
    this.#turns = new Turns(this.#outbox, options.timers, () => this.#flushed());
    this.#decoder = new FrameDecoder({
      data: (id, bytes) => this.#receiveData(id, bytes),
      control: (type, id, payload) => this.#receiveControl(type, id, payload),
      broken: (message) => this.#breach(message),
    });
    this.#carrier = {
      outbox: this.#outbox,
      turns: this.#turns,
      budget: new CreditBudget(),
      grant: (window) => window.grant(this.#freshRoundTrip(), this.#roundTrip.shortestMs),
      forget: (stream) => this.#forget(stream),
      breach: (message) => this.#breach(message),
      failed: (error) => this.#events.failed?.(error),
    };
    this.#pulse.add(this.#member);
    this.#takenAtMs = this.#pulse.timeMs;
    this.#liveness = new Liveness(this.#pulse.timeMs, PING_AFTER_MS[options.role]);
    this.ping();
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Smoothed; undefined before the first answer. */
  get roundTripMs(): number | undefined {
    return this.#roundTrip.smoothMs;
  }

  /** Bytes that wait for a slow far side. Control messages are best held back while this is large. */
  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  /** Whether memory is held for sending; false for an idle trunk. */
  get holdsBuffer(): boolean {
    return this.#outbox.holdsBuffer;
  }

  get counters(): TrunkCounters {
    return {
      bytesIn: this.#bytesIn,
      bytesOut: this.#outbox.sentBytes,
      framesIn: this.#decoder.frames,
      framesOut: this.#outbox.frames,
    };
  }

  /** Opens a stream. Bytes may be written at once. The payload is at most OPEN_MAX_BYTES. */
  open(payload: Uint8Array, events: TrunkStreamEvents): TrunkStream | OpenRefusal {
    if (payload.length > OPEN_MAX_BYTES) {
      throw new MusterError("too_large", `an open of ${payload.length} bytes; the most is ${OPEN_MAX_BYTES}`);
    }
    if (this.#state !== "open") return "closed";
    if (this.#farDraining) return "going_away";
    if (this.#streams.size >= TRUNK_MAX_STREAMS) return "too_many";
    if (this.#outbox.queuedBytes > OPEN_HOLD_BYTES) return "blocked";
    const id = nextId(this.#role, this.#lastOwnId, (id) => this.#streams.has(id));
    this.#lastOwnId = id;
    const stream = new StreamEnd(id, this.#carrier, events);
    this.#streams.add(stream);
    this.#send(FRAME.open, id, payload);
    return stream;
  }

  /** Sends a control message. False when the trunk is closed or its far side does not read. */
  message(bytes: Uint8Array): boolean {
    if (bytes.length > PROVEN_MESSAGE_MAX_BYTES) {
      const most = PROVEN_MESSAGE_MAX_BYTES;
      throw new MusterError("too_large", `a message of ${bytes.length} bytes; the most is ${most}`);
    }
    if (this.#state !== "open") return false;
    cutMessage(bytes, (more, piece) => this.#outbox.control(FRAME.message, more ? 1 : 0, piece));
    this.#turns.schedule();
    return this.#outbox.failure === undefined;
  }

  /** The largest message to take from the far side: MESSAGE_MAX_BYTES until it has proved who it is. */
  allowMessages(maxBytes: number): void {
    this.#messages.maxBytes = maxBytes;
  }

  /** Tells the far side to open no more streams here. This side still may; what is in flight finishes. */
  goaway(reason: string): void {
    if (this.#state !== "open" || this.#draining) return;
    this.#draining = true;
    this.#send(FRAME.goaway, 0, encodeGoaway(DRAIN, reason));
  }

  /** Measures the round trip. */
  ping(): void {
    if (this.#state === "open") this.#send(FRAME.ping, 0, this.#roundTrip.ping(this.#clock.monotonic()));
  }

  /** Ends the trunk and, as far as the connection still takes it, tells the far side why. */
  close(code: CloseCode, reason: string): void {
    if (this.#state === "open") this.#end({ code, reason, remote: false });
  }

  // The connection.

  #data(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#liveness.heard = true;
    this.#bytesIn += bytes.length;
    this.#decoder.push(bytes);
  }

  #drain(): void {
    if (this.#state === "open") this.#turns.drained();
    else if (this.#state === "lingering") this.#sayLastWord();
  }

  #lost(reason: string): void {
    if (this.#state === "open") this.#end({ code: "lost", reason, remote: true });
    this.#drop();
  }

  #gone(error: Error | undefined): void {
    const reason = error === undefined ? "the connection closed" : `the connection broke: ${error.message}`;
    this.#lost(reason);
  }

  /** After each flush. */
  #flushed(): void {
    const failure = this.#outbox.failure;
    if (failure === undefined || this.#state !== "open") return;
    this.#end({ code: "lost", reason: failure, remote: false });
    this.#drop();
  }

  // Frames.

  #receiveData(id: number, bytes: Uint8Array): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) this.#stray(id);
    else stream.receiveData(bytes);
  }

  #receiveControl(type: FrameType, id: number, payload: Uint8Array): void {
    switch (type) {
      case FRAME.open:
        return this.#receiveOpen(id, payload);
      case FRAME.ping:
        return this.#send(FRAME.pong, 0, payload);
      case FRAME.pong:
        return this.#roundTrip.pong(payload, this.#clock.monotonic());
      case FRAME.message:
        return this.#receiveMessage(id === 1, payload);
      case FRAME.goaway:
        return this.#receiveGoaway(payload);
      case FRAME.data:
      case FRAME.window:
      case FRAME.flag:
      case FRAME.finish:
      case FRAME.reset:
        return this.#receiveOnStream(type, id, payload);
    }
  }

  #receiveOnStream(type: FrameType, id: number, payload: Uint8Array): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#stray(id);
    if (type === FRAME.window) stream.receiveCredit(readU32(payload, 0));
    else if (type === FRAME.flag) stream.receiveFlag(payload);
    else if (type === FRAME.finish) stream.receiveFinish(payload);
    else stream.receiveReset(((payload[0] ?? 0) << 8) | (payload[1] ?? 0));
  }

  #receiveOpen(id: number, payload: Uint8Array): void {
    if (isIdOf(this.#role, id) || wasUsed(id, this.#lastFarId) || this.#streams.has(id)) {
      return this.#breach(`stream ${id} cannot be opened`);
    }
    this.#lastFarId = id;
    if (this.#draining || this.#streams.size >= TRUNK_MAX_STREAMS) {
      return this.#send(FRAME.reset, id, new Uint8Array([0, RESET.refused]));
    }
    const stream = new StreamEnd(id, this.#carrier);
    this.#streams.add(stream);
    try {
      stream.adopt(this.#events.opened(stream, payload));
    } catch (error) {
      this.#events.failed?.(error);
      stream.reset(RESET.internal);
    }
  }

  /** A frame for no open stream: late for one that is gone, or a breach. */
  #stray(id: number): void {
    const last = isIdOf(this.#role, id) ? this.#lastOwnId : this.#lastFarId;
    if (!wasUsed(id, last)) this.#breach(`stream ${id} was never opened`);
  }

  #receiveMessage(more: boolean, bytes: Uint8Array): void {
    const result = this.#messages.piece(more, bytes);
    if (result.state === "whole") this.#tell(() => this.#events.message(result.message));
    else if (result.state === "short_piece") this.#breach("a short piece of a message");
    else if (result.state === "too_large") {
      this.close("too_large", `a message of more than ${this.#messages.maxBytes} bytes`);
    }
  }

  #receiveGoaway(payload: Uint8Array): void {
    const { code, reason } = decodeGoaway(payload);
    if (code !== DRAIN) return this.#end({ code, reason, remote: true });
    if (this.#farDraining) return;
    this.#farDraining = true;
    this.#tell(() => this.#events.goaway(reason));
  }

  // Upkeep.

  #send(type: FrameType, id: number, payload: Uint8Array): void {
    this.#outbox.control(type, id, payload);
    this.#turns.schedule();
  }

  #beat(timeMs: number): void {
    const verdict = this.#liveness.check(timeMs);
    if (this.#isStalled(timeMs)) {
      this.#end({ code: "dead", reason: "the far side takes nothing", remote: false });
      return this.#drop();
    }
    if (verdict === "alive") return;
    if (verdict === "ping") {
      this.ping();
      // Sent now: thousands of trunks beat in one loop turn, and each would hold a buffer until its end.
      if (!this.#outbox.blocked) this.#outbox.flush();
      return this.#flushed();
    }
    this.#end({ code: "dead", reason: "nothing came from the far side", remote: false });
    this.#drop();
  }

  #isStalled(timeMs: number): boolean {
    if (this.#outbox.blocked && this.#takenBytes === this.#outbox.sentBytes) {
      return timeMs - this.#takenAtMs >= STALLED_AFTER_MS;
    }
    this.#takenBytes = this.#outbox.sentBytes;
    this.#takenAtMs = timeMs;
    return false;
  }

  /** The time now; asks for a new round trip when the last is old. */
  #freshRoundTrip(): number {
    const nowMs = this.#clock.monotonic();
    if (this.#roundTrip.isStale(nowMs, ROUND_TRIP_MAX_AGE_MS)) this.ping();
    return nowMs;
  }

  #forget(stream: StreamEnd): void {
    this.#streams.delete(stream.id);
    if (this.#streams.size === 0 && this.#state === "open") this.#tell(() => this.#events.emptied?.());
  }

  #breach(message: string): void {
    this.close("protocol_error", message);
  }

  #tell(say: () => void): void {
    try {
      say();
    } catch (error) {
      this.#events.failed?.(error);
    }
  }

  // The end.

  #end(closed: TrunkClosed): void {
    if (this.#state !== "open") return;
    this.#state = "lingering";
    this.#closeCode = closed.code;
    this.#decoder.stop();
    this.#pulse.remove(this.#member);
    this.#turns.stop();
    if (!closed.remote) this.#outbox.control(FRAME.goaway, 0, encodeGoaway(closed.code, closed.reason));
    const error = closedError(closed);
    this.#lingerTimer = this.#timers.after(LINGER_MS, () => this.#drop());
    for (const stream of this.#streams.all()) stream.lose(error);
    this.#streams.clear();
    this.#sayLastWord();
    this.#tell(() => this.#events.closed(closed));
  }

  #sayLastWord(): void {
    this.#outbox.flush();
    if (this.#outbox.failure !== undefined) this.#drop();
    else if (!this.#outbox.blocked) this.#stream.shutdown(this.#closeCode);
  }

  #drop(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#lingerTimer?.cancel();
    this.#outbox.discard();
    this.#stream.close();
  }
}
