// One end of a sealed session between a controller and a device, up to the point where both hold the same owner
// log: after the handshake each says where its own copy ends, and the one that is behind is brought up to date by
// the other. Then messages and bytes.
import type { DhKey, SessionCrypto } from "../../identity/sealed/session-crypto.ts";
import { SealedSession } from "../../identity/sealed/session.ts";
import type { OwnerLog } from "../../identity/owner-log.ts";
import { fromUtf8, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { errorOf, levelMessage, refusedMessage, type LevelMessage } from "../../protocol/command-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { ByteStream, ByteStreamEvents, Timer, Timers } from "../../world/world.ts";
import type { OwnerLogBook } from "./owner-log-book.ts";

/** Its own keys for live sessions: the link key never leaves the program. */
export interface LinkIdentity {
  crypto: SessionCrypto;
  identityKey: Uint8Array;
  linkKey: DhKey;
}

export interface CommandLinkOptions {
  own: LinkIdentity;
  timers: Timers;
  role: "initiator" | "responder";
  /** From this device's own copy of the owner log. */
  peer: { identityKey: Uint8Array; linkKey: Uint8Array };
  stream: ByteStream;
  book: OwnerLogBook;
}

export interface CommandLinkEvents {
  /** The handshake is done and both hold the same owner log. `hash` names the session. */
  level(hash: Uint8Array): void;
  /** A JSON message, not looked at yet. */
  message(message: unknown): void;
  /** The bytes are the receiver's own. */
  bytes(channel: number, bytes: Uint8Array): void;
  drain(): void;
  /** The peer sends nothing more. */
  end(): void;
  /** Over. Without a problem it ended by plan. */
  close(problem?: MusterError): void;
}

/** What the session is for, in its prologue. */
const KIND = "command";
const BRACE = "{".charCodeAt(0);
/** Of entries in one message: well under what a session takes at once. */
const PAGE_MAX_BYTES = 512 * 1024;
const PAGE_MAX_ENTRIES = 64;
/** Both heads and the entries between: thousands take well under a second. */
const LEVEL_TIMEOUT_MS = 20_000;
/** For the last word of a side that refuses. */
const PARTING_MS = 2000;

export class CommandLink {
  readonly #options: CommandLinkOptions;
  readonly #events: CommandLinkEvents;
  readonly #session: SealedSession;
  readonly #limit: Timer;
  #hash: Uint8Array | undefined;
  #level = false;
  #over = false;
  /** What the peer sends is looked at in order, though taking entries takes time. */
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(options: CommandLinkOptions, events: CommandLinkEvents) {
    const { own, peer, timers, role, stream } = options;
    this.#options = options;
    this.#events = events;
    this.#limit = timers.after(LEVEL_TIMEOUT_MS, () =>
      this.fail(new MusterError("unavailable", "the other side did not say where its owner log ends")),
    );
    this.#session = new SealedSession(
      {
        crypto: own.crypto,
        timers,
        role,
        kind: KIND,
        own: { identityKey: own.identityKey, linkKey: own.linkKey },
        peer,
        stream,
      },
      {
        open: (hash) => this.#opened(hash),
        message: (bytes) => this.#receive(bytes),
        drain: () => this.#events.drain(),
        end: () => this.#inTurn(() => this.#events.end()),
        close: (problem) => this.#inTurn(() => this.#closed(problem)),
      },
    );
  }

  get streamEvents(): ByteStreamEvents {
    return this.#session.streamEvents;
  }

  /** How many bytes `sendBytes` takes now. */
  get roomBytes(): number {
    return Math.max(0, this.#session.roomBytes - 1);
  }

  send(message: object): void {
    if (this.#over) return;
    try {
      this.#session.send(utf8(JSON.stringify(message)));
    } catch (error) {
      this.fail(publicError(error));
    }
  }

  /** False: taken, but wait for `drain`. */
  sendBytes(channel: number, bytes: Uint8Array): boolean {
    if (this.#over) return true;
    try {
      return this.#session.send(Uint8Array.of(channel), bytes);
    } catch (error) {
      this.fail(publicError(error));
      return true;
    }
  }

  pause(): void {
    this.#session.pause();
  }

  resume(): void {
    this.#session.resume();
  }

  /** Says that nothing more comes from here. */
  end(): void {
    this.#session.end();
  }

  /** At once; to the peer it is a cut. */
  close(): void {
    this.#limit.cancel();
    this.#over = true;
    this.#session.close();
  }

  fail(problem: MusterError): void {
    if (this.#over) return;
    this.close();
    this.#events.close(problem);
  }

  /** Tells the peer why before it ends. */
  refuse(problem: MusterError): void {
    if (this.#over) return;
    this.send({ type: "refused", error: problem.toJSON() });
    if (this.#over) return;
    this.#over = true;
    this.#limit.cancel();
    this.#session.end();
    // A peer that listens ends it first.
    this.#options.timers.after(PARTING_MS, () => this.#session.close());
    this.#events.close(problem);
  }

  #closed(problem: MusterError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#limit.cancel();
    this.#events.close(problem);
  }

  #opened(hash: Uint8Array): void {
    this.#hash = hash;
    const log = this.#log();
    if (log === undefined) return;
    this.#say(headOf(log));
  }

  #receive(bytes: Uint8Array): void {
    if (this.#level && this.#waiting === 0) return this.#hand(bytes);
    this.#waiting += 1;
    this.#turn = this.#turn
      .then(() => (this.#over ? undefined : this.#levelling(bytes)))
      .catch((error: unknown) => this.refuse(publicError(error)))
      .finally(() => (this.#waiting -= 1));
  }

  /** Behind what has come before and is still being looked at: the reason for an end may be among it. */
  #inTurn(tell: () => void): void {
    if (this.#waiting === 0) return tell();
    this.#turn = this.#turn.then(tell);
  }

  async #levelling(bytes: Uint8Array): Promise<void> {
    // What came behind the last entry waited for its turn here.
    if (this.#level) return this.#hand(bytes);
    const message = parse(bytes);
    const refusal = refusedMessage.safeParse(message);
    if (refusal.success) return this.fail(errorOf(refusal.data.error));
    const read = levelMessage.safeParse(message);
    if (!read.success) {
      throw new MusterError("protocol_error", "the other side did not begin with its owner log");
    }
    if (read.data.type === "head") return this.#compare(read.data);
    await this.#options.book.take(read.data.entries);
    if (!read.data.more) this.#becomeLevel();
  }

  #compare(head: LevelMessage & { type: "head" }): void {
    const log = this.#log();
    if (log === undefined) return;
    if (head.log !== toBase64Url(log.id)) {
      throw new MusterError("forbidden", "the other side belongs to another owner");
    }
    const same = toBase64Url(log.hashAt(head.number) ?? new Uint8Array(0)) === head.hash;
    // Each shows the other what it has where they differ: two valid entries of one number are a fork.
    const forked = head.number < log.length && !same;
    if (head.number < log.length - 1 || forked) this.#showEntries(log, forked ? 1 : head.number + 1);
    if (head.number < log.length && !forked) this.#becomeLevel();
  }

  #showEntries(log: OwnerLog, from: number): void {
    for (let at = from; at < log.length;) {
      const page = log.entries.slice(at, at + PAGE_MAX_ENTRIES);
      while (page.length > 1 && JSON.stringify(page).length > PAGE_MAX_BYTES) page.pop();
      at += page.length;
      this.#say({ type: "entries", entries: page, more: at < log.length });
    }
  }

  #becomeLevel(): void {
    if (this.#hash === undefined || this.#log() === undefined) return;
    this.#level = true;
    this.#limit.cancel();
    this.#events.level(this.#hash);
  }

  #hand(bytes: Uint8Array): void {
    const [first = -1] = bytes;
    if (first !== BRACE) return this.#events.bytes(first, bytes.subarray(1));
    this.#events.message(parse(bytes));
  }

  #say(message: LevelMessage): void {
    this.send(message);
  }

  /** This end's own copy, or the end of the session. */
  #log(): OwnerLog | undefined {
    const { book } = this.#options;
    const problem = book.problem();
    if (book.log !== undefined && problem === undefined) return book.log;
    this.refuse(problem ?? new MusterError("unavailable", "no owner log is known here"));
    return undefined;
  }
}

function headOf(log: OwnerLog): LevelMessage {
  const { number, hash } = log.head;
  return { type: "head", log: toBase64Url(log.id), number, hash: toBase64Url(hash) };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes) ?? "");
  } catch {
    return undefined; // which no shape accepts
  }
}
