// One stream of a trunk. It keeps the contract of every ByteStream, and these rules:
//  - it sends no more than the far side has granted, and grants only what its own reader is done with;
//  - a reader that is paused when `data` returns is not done: credit goes back when it resumes;
//  - it is gone when both sides have finished and the reader has seen the end, or at a reset;
//  - after `close` its owner hears nothing more.

import { MusterError } from "../protocol/errors.ts";
import { FIN_MAX_BYTES, FIRST_CREDIT_BYTES } from "../protocol/limits.ts";
import type { ByteStream, ByteStreamEvents } from "../world/world.ts";
import { ByteQueue } from "./byte-queue.ts";
import { FLAG_MAX_BYTES, FRAME, NO_BYTES, RESET, writeU32 } from "./frame.ts";
import type { Outbox } from "./outbox.ts";
import type { TurnTaker, Turns } from "./turns.ts";
import { ReceiveWindow } from "./window.ts";
import type { CreditBudget } from "./window.ts";

export interface TrunkStream extends ByteStream {
  readonly id: number;
  /** Half-close with a last word (at most FIN_MAX_BYTES) that the far side gets with its `end`. */
  finish(payload: Uint8Array): void;
  /** Drops both directions and tells the far side why. */
  reset(code: number): void;
  /** Sends a mark that overtakes bytes waiting for a paused reader (at most FLAG_MAX_BYTES). */
  flag(payload: Uint8Array): void;
}

/** Any ByteStreamEvents will do. Payloads are only valid during the call. */
export interface TrunkStreamEvents extends Omit<ByteStreamEvents, "end"> {
  end(payload: Uint8Array): void;
  flag?(payload: Uint8Array): void;
  /** The far side dropped the stream; `close` follows. */
  reset?(code: number): void;
}

/** What a stream needs of its trunk. */
export interface Carrier {
  readonly outbox: Outbox;
  readonly turns: Turns;
  readonly budget: CreditBudget;
  /** Credit to send now for a window that is due. */
  grant(window: ReceiveWindow): number;
  /** The stream is gone. */
  forget(stream: StreamEnd): void;
  /** The far side broke the rules. */
  breach(message: string): void;
  /** The owner of a stream threw. */
  failed(error: unknown): void;
}

/** Credit far above any window: a far side that grants more is counting wrong. */
const CREDIT_MAX_BYTES = 0x7fff_ffff;

export class StreamEnd implements TrunkStream, TurnTaker {
  readonly id: number;
  readonly #carrier: Carrier;
  readonly #window: ReceiveWindow;
  #events: TrunkStreamEvents | undefined;
  #gone = false;

  // Sending.
  #credit = FIRST_CREDIT_BYTES;
  /** A write was short: the owner is owed a `drain`. */
  #short = false;
  #finished = false;

  // Receiving.
  #paused = false;
  #queue: ByteQueue | undefined;
  /** Bytes handed to a reader that was paused when `data` returned. */
  #heldBytes = 0;
  #lastWord: Uint8Array | undefined;
  #ended = false;
  /** The trunk is gone but the reader has yet to take what came in full before. */
  #orphanedBy: MusterError | undefined;

  constructor(id: number, carrier: Carrier, events?: TrunkStreamEvents) {
    this.id = id;
    this.#carrier = carrier;
    this.#window = new ReceiveWindow(carrier.budget);
    this.#events = events;
  }

  /** Bytes that wait here for a paused reader: never more than the window. */
  get waitingBytes(): number {
    return this.#queue?.length ?? 0;
  }

  // What the owner calls.

  write(bytes: Uint8Array): number {
    if (this.#gone || this.#finished) return -1;
    const { outbox, turns } = this.#carrier;
    const wanted = Math.min(bytes.length, this.#credit);
    const taken = wanted === 0 ? 0 : outbox.data(this.id, bytes, turns.share(wanted));
    this.#credit -= taken;
    if (taken < bytes.length) {
      this.#short = true;
      if (this.#credit > 0) turns.wakeLater(this);
    }
    if (taken > 0) turns.schedule();
    return taken;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused || this.#gone) return;
    this.#paused = false;
    const held = this.#heldBytes;
    this.#heldBytes = 0;
    if (held > 0) this.#used(held);
    if (this.#queue !== undefined || this.#endIsDue()) this.#carrier.turns.deliverLater(this);
  }

  shutdown(): void {
    this.finish(NO_BYTES);
  }

  finish(payload: Uint8Array): void {
    checkSize("last word", payload, FIN_MAX_BYTES);
    if (this.#gone || this.#finished) return;
    this.#finished = true;
    this.#short = false;
    this.#carrier.turns.forget(this);
    this.#send(FRAME.finish, payload);
    if (this.#ended) this.#vanish();
  }

  flag(payload: Uint8Array): void {
    checkSize("flag", payload, FLAG_MAX_BYTES);
    if (!this.#gone && !this.#finished) this.#send(FRAME.flag, payload);
  }

  reset(code: number): void {
    if (this.#gone) return;
    if (this.#orphanedBy === undefined) this.#send(FRAME.reset, new Uint8Array([code >>> 8, code]));
    this.#vanish();
  }

  close(): void {
    this.reset(RESET.cancelled);
  }

  // What the trunk calls.

  /** Who is told. Called once, for a stream that the far side opened. */
  adopt(events: TrunkStreamEvents): void {
    this.#events = events;
    if (this.#gone) this.#tell((to) => to.close());
  }

  wake(): void {
    if (!this.#short) return;
    this.#short = false;
    this.#tell((to) => to.drain());
  }

  deliver(): void {
    while (!this.#paused && !this.#gone) {
      const bytes = this.#queue?.shift();
      if (bytes === undefined) break;
      this.#hand(bytes);
    }
    if (this.#queue?.length === 0) this.#queue = undefined;
    if (!this.#gone && this.#endIsDue()) this.#end();
  }

  receiveData(bytes: Uint8Array): void {
    if (this.#lastWord !== undefined) return this.#breach("data after its end");
    if (!this.#window.receive(bytes.length)) return this.#breach("more data than its credit");
    if (!this.#paused && this.#queue === undefined) return this.#hand(bytes);
    this.#window.block();
    this.#queue ??= new ByteQueue();
    this.#queue.push(bytes);
  }

  receiveCredit(bytes: number): void {
    if (bytes === 0 || this.#credit + bytes > CREDIT_MAX_BYTES) return this.#breach(`credit of ${bytes}`);
    this.#credit += bytes;
    if (this.#short) this.#carrier.turns.wakeLater(this);
  }

  receiveFlag(payload: Uint8Array): void {
    if (this.#lastWord !== undefined) return this.#breach("a flag after its end");
    this.#tell((to) => to.flag?.(payload));
  }

  receiveFinish(payload: Uint8Array): void {
    if (this.#lastWord !== undefined) return this.#breach("a second end");
    this.#lastWord = payload.length === 0 ? NO_BYTES : new Uint8Array(payload);
    if (this.#endIsDue()) this.#end();
  }

  receiveReset(code: number): void {
    this.#tell((to) => to.reset?.(code));
    this.#vanish(new MusterError("unavailable", `the far side reset the stream with code ${code}`));
  }

  /** The trunk is gone. A reader whose stream had come in full still gets the rest of it. */
  lose(error: MusterError): void {
    if (this.#gone) return;
    if (this.#lastWord === undefined || this.#ended) return this.#vanish(error);
    if (!this.#finished) this.#orphanedBy = error;
    this.#finished = true;
    this.#short = false;
  }

  #hand(bytes: Uint8Array): void {
    const events = this.#events;
    try {
      events?.data(bytes);
    } catch (error) {
      this.#ownerFailed(error);
    }
    if (this.#gone) return;
    if (this.#paused) {
      this.#heldBytes += bytes.length;
      this.#window.block();
    } else {
      this.#used(bytes.length);
    }
  }

  #used(bytes: number): void {
    if (!this.#window.use(bytes) || this.#lastWord !== undefined) return;
    const credit = this.#carrier.grant(this.#window);
    if (credit === 0) return;
    const payload = new Uint8Array(4);
    writeU32(payload, 0, credit);
    this.#send(FRAME.window, payload);
  }

  #endIsDue(): boolean {
    return this.#lastWord !== undefined && !this.#ended && !this.#paused && this.#queue === undefined;
  }

  #end(): void {
    const lastWord = this.#lastWord ?? NO_BYTES;
    this.#ended = true;
    this.#tell((to) => to.end(lastWord));
    if (this.#finished) this.#vanish(this.#orphanedBy);
  }

  #vanish(error?: MusterError): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#queue = undefined;
    this.#window.release();
    this.#carrier.turns.forget(this);
    this.#carrier.forget(this);
    this.#tell((to) => to.close(error));
    this.#events = undefined;
  }

  #tell(say: (to: TrunkStreamEvents) => void): void {
    if (this.#events === undefined) return;
    try {
      say(this.#events);
    } catch (error) {
      this.#ownerFailed(error);
    }
  }

  #ownerFailed(error: unknown): void {
    this.#carrier.failed(error);
    this.reset(RESET.internal);
  }

  #send(type: number, payload: Uint8Array): void {
    this.#carrier.outbox.control(type, this.id, payload);
    this.#carrier.turns.schedule();
  }

  #breach(what: string): void {
    this.#carrier.breach(`stream ${this.id} sent ${what}`);
  }
}

function checkSize(what: string, payload: Uint8Array, maxBytes: number): void {
  if (payload.length <= maxBytes) return;
  throw new MusterError("too_large", `a ${what} of ${payload.length} bytes; the most is ${maxBytes}`);
}
