// One end of a sealed session that carries a file: what comes is taken in order, one wait at a time, and what goes
// waits for room. Nothing piles up here: beyond a bound the session is paused, and so the sender's disk.
//
// A side that works on its own disk says `busy` now and then; one that says nothing for a minute is gone.
import { fromUtf8 } from "../../protocol/bytes.ts";
import { errorOf } from "../../protocol/command-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import {
  encodeFileMessage,
  PIECE,
  readFileMessage,
  type FileMessage,
  type FileMessageOf,
} from "../../protocol/file-messages.ts";
import type { SealedSession, SealedSessionEvents } from "../../identity/sealed/session.ts";
import type { Timer, Timers } from "../../world/world.ts";

/** What a channel needs of its session. */
export type FileLine = Pick<SealedSession, "send" | "pause" | "resume" | "end" | "close">;

/** What has come and is not yet written: enough that a disk and a network work at the same time. */
const HELD_MAX_BYTES = 4 * 1024 * 1024;
const TICK_MS = 15_000;
/** Ticks without a sign of the other side. */
const SILENT_TICKS = 4;
/** An hour of nothing but `busy`: no disk takes as long. */
const BUSY_MAX = 240;
/** For the last word to arrive. */
const PARTING_MS = 10_000;

const PIECE_MARK = Uint8Array.of(PIECE);

type Waiting = { resolve(): void; reject(problem: MusterError): void };

export class FileChannel {
  readonly #timers: Timers;
  readonly #ticks: Timer;
  #line: FileLine | undefined;
  #isOpen = false;
  #came: (FileMessage | Uint8Array)[] = [];
  #cameBytes = 0;
  #paused = false;
  #hasRoom = true;
  #waiting: Waiting | undefined;
  #silentTicks = 0;
  #busies = 0;
  #problem: MusterError | undefined;
  #byPeer = false;
  #peerGone = false;
  readonly #over = Promise.withResolvers<void>();

  constructor(timers: Timers) {
    this.#timers = timers;
    this.#ticks = timers.every(TICK_MS, () => this.#tick());
  }

  /** For the session below. */
  readonly events: SealedSessionEvents = {
    open: () => this.#moved(() => (this.#isOpen = true)),
    message: (bytes) => this.#receive(bytes),
    drain: () => this.#moved(() => (this.#hasRoom = true)),
    end: () => this.#peerEnded(),
    close: (problem) => this.#closed(problem ?? cut()),
  };

  attach(line: FileLine): void {
    this.#line = line;
    if (this.#problem !== undefined) line.close();
  }

  /** The peer's own refusal, as against a cut or a fault here. */
  get refusedByPeer(): boolean {
    return this.#byPeer;
  }

  /** Resolves once the peer has proved its key. */
  async opened(): Promise<void> {
    while (!this.#isOpen) await this.#wait();
  }

  say(message: FileMessage): void {
    this.#send(encodeFileMessage(message));
  }

  /** Undefined: taken, and there is room for more. Else when there is. */
  sendPiece(piece: Uint8Array): Promise<void> | undefined {
    this.#send(PIECE_MARK, piece);
    return this.#hasRoom ? undefined : this.#room();
  }

  /** The next message, or all pieces that have come before it. */
  async next(): Promise<FileMessage | Uint8Array[]> {
    for (;;) {
      const first = this.#came[0];
      if (first === undefined) await this.#wait();
      else if (first instanceof Uint8Array) return this.#takePieces();
      else {
        this.#came.shift();
        return first;
      }
    }
  }

  /** Throws `protocol_error` for anything else. */
  async expect<Type extends FileMessage["type"]>(...types: Type[]): Promise<FileMessageOf<Type>> {
    const message = await this.next();
    if (!Array.isArray(message) && types.some((type) => type === message.type)) {
      return message as FileMessageOf<Type>; // compared on the line above
    }
    throw new MusterError("protocol_error", "the other device said something out of turn");
  }

  /** Nothing more comes from here. Resolves once the session is over. */
  async finish(): Promise<void> {
    this.#ticks.cancel();
    this.#line?.end();
    const late = this.#timers.after(PARTING_MS, () => this.close());
    await this.#over.promise;
    late.cancel();
  }

  /** Tells the peer why this ends, where it is still there to hear it. */
  async refuse(problem: MusterError): Promise<void> {
    if (this.#problem !== undefined) return;
    this.#problem = problem;
    if (!this.#isOpen) return this.close();
    try {
      this.#line?.send(encodeFileMessage({ type: "refused", error: problem.toJSON() }));
    } catch {
      return this.close(); // it does not listen, so there is nobody to tell
    }
    this.#settle();
    // What it still sends is let run out.
    this.#line?.resume();
    await this.finish();
  }

  close(): void {
    this.fail(cut());
  }

  /** At once, for this reason; to the peer it is a cut. */
  fail(problem: MusterError): void {
    this.#problem ??= problem;
    this.#line?.close();
    this.#closed(problem);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#problem !== undefined) return;
    this.#silentTicks = 0;
    if (bytes[0] === PIECE && bytes.length > 1) return this.#hold(bytes.subarray(1));
    const message = readFileMessage(bytes);
    if (message === undefined) {
      const shown = JSON.stringify((fromUtf8(bytes.subarray(0, 40)) ?? "").slice(0, 20));
      return this.fail(
        new MusterError("protocol_error", `the other device said what is no message: ${shown}`),
      );
    }
    if (message.type === "refused") return this.#refused(errorOf(message.error));
    if (message.type !== "busy") return this.#hold(message);
    this.#busies += 1;
    if (this.#busies > BUSY_MAX) this.fail(silent());
  }

  #hold(item: FileMessage | Uint8Array): void {
    this.#busies = 0;
    this.#came.push(item);
    this.#cameBytes += item instanceof Uint8Array ? item.length : 1024;
    if (this.#cameBytes > HELD_MAX_BYTES && !this.#paused) {
      this.#paused = true;
      this.#line?.pause();
    }
    this.#settle();
  }

  #takePieces(): Uint8Array[] {
    const end = this.#came.findIndex((item) => !(item instanceof Uint8Array));
    const pieces = this.#came.splice(0, end === -1 ? this.#came.length : end) as Uint8Array[]; // by findIndex
    this.#cameBytes = this.#came.length * 1024;
    if (this.#paused) {
      this.#paused = false;
      this.#line?.resume();
    }
    return pieces;
  }

  #send(...parts: readonly Uint8Array[]): void {
    if (this.#problem !== undefined) throw this.#problem;
    if (this.#line?.send(...parts) === false) this.#hasRoom = false;
  }

  async #room(): Promise<void> {
    while (!this.#hasRoom) await this.#wait();
  }

  /** Until something has changed. Rejects when it is over. */
  #wait(): Promise<void> {
    const problem = this.#problem ?? (this.#peerGone ? cut() : undefined);
    if (problem !== undefined) return Promise.reject(problem);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #moved(change: () => void): void {
    this.#silentTicks = 0;
    this.#busies = 0;
    change();
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (this.#problem === undefined) waiting?.resolve();
    else waiting?.reject(this.#problem);
  }

  #tick(): void {
    // Nobody waits for the peer here: it is this side that works, and the peer may wonder.
    if (this.#waiting === undefined && this.#isOpen) {
      this.#silentTicks = 0;
      try {
        if (this.#hasRoom && this.#problem === undefined) this.say({ type: "busy" });
      } catch (error) {
        this.fail(publicError(error));
      }
      return;
    }
    this.#silentTicks += 1;
    if (this.#silentTicks >= SILENT_TICKS) this.fail(silent());
  }

  #refused(problem: MusterError): void {
    this.#byPeer = true;
    this.#problem = problem;
    this.#settle();
    void this.finish();
  }

  #peerEnded(): void {
    // Too early, where somebody still waits for a word of it.
    this.#peerGone = true;
    this.#settle();
  }

  #closed(problem: MusterError): void {
    this.#problem ??= problem;
    this.#ticks.cancel();
    this.#settle();
    this.#over.resolve();
  }
}

function cut(): MusterError {
  return new MusterError("session_cut", "the connection to the other device was cut");
}

function silent(): MusterError {
  return new MusterError("session_cut", "the other device has said nothing for a minute");
}
