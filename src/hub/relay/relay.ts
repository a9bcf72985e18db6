// Sealed messages on their way between two paired keys: kept until the recipient has said that it has them,
// handed on as fast as it takes them, and no faster. The hub reads none of it and promises no more than that it
// has them; whether they have arrived is between the two devices.
//
// Everything here is bounded: what waits for one key on the disk, what is under way to one session, and what
// one session may ask before it is answered.
import type { Kysely } from "kysely";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { RELAY_KEPT_MS, RELAY_WAITING_MAX, RELAY_WAITING_MAX_BYTES } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import { groupCommit } from "../../store/group-commit.ts";
import type { HubDatabase, RelayedTable } from "../../store/hub-schema.ts";
import {
  dropBetween,
  dropOldRelayed,
  findRelayed,
  lastRelayId,
  nextRelayed,
  waitingByRecipient,
  waitingFor,
  writeRelayed,
  type Taken,
  type Waiting,
} from "../../store/relay-rows.ts";
import type { Recipient } from "./present.ts";

/** Under way to one session and not yet taken. A thousand that do not read must not cost the hub its memory. */
const UNDER_WAY_MAX_BYTES = 96 * 1024;
const UNDER_WAY_MAX = 64;
/**
 * Of messages larger than that, of which one session takes one at a time: for all strangers together, and for all
 * others. A session that does not take its one in this time makes room for the next, if one waits.
 */
const LARGE_UNDER_WAY_MAX_BYTES = 24 * 1024 * 1024;
const LARGE_TAKEN_WITHIN_MS = 60_000;
/** All that waits for keys which cost nothing to make, and so might be any number. */
const STRANGERS_MAX_BYTES = 1024 * 1024 * 1024;
/** Of a row beside its payload. */
const ROW_BYTES = 256;
/** Rows looked up at once. */
const LOOK_AHEAD = 64;
const NOTHING: Waiting = { count: 0, bytes: 0 };

/** In one commit: what comes together is kept and dropped together, since each commit waits for the disk. */
const WRITES_MAX = 128;

export interface RelayOptions {
  db: Kysely<HubDatabase>;
  log: Log;
  now(): number;
  /** Whether a recipient's key is enrolled nowhere. */
  isStranger(key: string): boolean;
  limits?: RelayLimits;
}

export interface RelayLimits {
  /** For one recipient. */
  waiting: number;
  waitingBytes: number;
  /** For all strangers together. */
  strangersBytes: number;
  /** Large ones under way to strangers, and as much to others. */
  largeBytes: number;
}

type Write = { keep: RelayedTable } | { drop: Taken };

interface Written {
  /** Of one that is kept: it was not here before. */
  isNew: boolean;
  /** By one that drops. */
  freed: Waiting;
  /** It is not kept. */
  problem?: unknown;
}

/** One session's share of what waits for its key. */
interface Line {
  session: Recipient;
  /** Highest id that was handed to it. */
  sent: number;
  /** Highest id that it has said it took. */
  taken: number;
  /** Sizes of what it has not taken yet, by id, in order. */
  underWay: Map<number, number>;
  bytes: number;
  /** Of a large one that is under way. */
  large: { id: number; bytes: number; atMs: number; to: "strangers" | "others" } | undefined;
  /** Everything there was has been handed on. */
  idle: boolean;
  pumping: boolean;
}

export interface Sent {
  from: string;
  to: string;
  message: string;
  payload: string;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #limits: RelayLimits;
  readonly #lines = new Map<string, Line>();
  /** By recipient; what the database has, plus what is on its way into it. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #write: (write: Write) => Promise<Written>;
  #lastId = 0;
  #strangersBytes = 0;
  readonly #largeBytes = { strangers: 0, others: 0 };
  /** Keys whose next one is large and finds no room now. */
  readonly #held = new Set<string>();
  /** Keys for which what waits could not be read. */
  readonly #unread = new Set<string>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#limits = options.limits ?? {
      waiting: RELAY_WAITING_MAX,
      waitingBytes: RELAY_WAITING_MAX_BYTES,
      strangersBytes: STRANGERS_MAX_BYTES,
      largeBytes: LARGE_UNDER_WAY_MAX_BYTES,
    };
    const { db } = options;
    this.#write = groupCommit({ commit: (writes) => writeAll(db, writes), groupMax: WRITES_MAX });
  }

  async load(): Promise<void> {
    this.#lastId = await lastRelayId(this.#options.db);
    await this.#countStrangers();
  }

  joined(session: Recipient): void {
    const { key } = session;
    const older = this.#lines.get(key);
    if (older !== undefined) this.#endLarge(older);
    this.#lines.set(key, {
      session,
      sent: 0,
      taken: 0,
      underWay: new Map(),
      bytes: 0,
      large: undefined,
      idle: false,
      pumping: false,
    });
    this.#pump(key);
  }

  left(session: Recipient): void {
    const line = this.#lines.get(session.key);
    if (line?.session !== session) return;
    this.#lines.delete(session.key);
    this.#endLarge(line);
  }

  /**
   * To be called now and then: what could not be read is looked at again, and sessions that do not take what is under
   * way to them end, if others wait for it.
   */
  relieve(): void {
    const unread = [...this.#unread];
    this.#unread.clear();
    for (const key of unread) this.#pump(key);
    if (this.#held.size === 0) return;
    const before = this.#options.now() - LARGE_TAKEN_WITHIN_MS;
    for (const { session, large } of this.#lines.values()) {
      if (large === undefined || large.atMs > before) continue;
      session.close?.("unavailable", "what was relayed to this session was not taken in time");
    }
  }

  /**
   * Durable when it resolves. `held`: it waits here already, under the same name. Throws `too_many` at the
   * bounds, `protocol_error`.
   */
  async send({ from, to, message, payload }: Sent): Promise<{ held: boolean }> {
    const bytes = fromBase64Url(payload);
    if (bytes === undefined) throw new MusterError("protocol_error", "a payload is not base64url");
    const waiting = await this.#waitingFor(to);
    const { waiting: most, waitingBytes, strangersBytes } = this.#limits;
    const isStranger = this.#options.isStranger(to);
    if (
      waiting.count >= most ||
      waiting.bytes + bytes.length > waitingBytes ||
      (isStranger && this.#strangersBytes + bytes.length + ROW_BYTES > strangersBytes)
    ) {
      throw new MusterError("too_many", "too much waits at the hub for that device", {
        hint: "it is sent by itself once that device has been online",
      });
    }
    waiting.count += 1;
    waiting.bytes += bytes.length;
    if (isStranger) this.#strangersBytes += bytes.length + ROW_BYTES;
    const row = {
      id: ++this.#lastId,
      recipient: to,
      sender: from,
      message,
      payload: bytes,
      at: this.#options.now(),
    };
    let isNew = false;
    try {
      const written = await this.#write({ keep: row });
      if (written.problem !== undefined) throw written.problem;
      ({ isNew } = written);
    } finally {
      if (!isNew) this.#free(to, { count: 1, bytes: bytes.length });
    }
    if (isNew) this.#handOn(row.id, { from, to, payload, bytes: bytes.length });
    return { held: !isNew };
  }

  /** The session has this one and all before it. What it was never given is passed over. */
  taken(session: Recipient, upTo: number): void {
    const line = this.#lines.get(session.key);
    // Said again, it is no reason to ask the database again.
    if (line?.session !== session || upTo > line.sent || upTo <= line.taken) return;
    line.taken = upTo;
    for (const [id, bytes] of line.underWay) {
      if (id > upTo) break;
      line.underWay.delete(id);
      line.bytes -= bytes;
    }
    if (line.large !== undefined && line.large.id <= upTo) this.#endLarge(line);
    this.#write({ drop: { recipient: session.key, upTo } }).then(
      ({ freed }) => this.#free(session.key, freed),
      (error: unknown) => this.#failed("taken messages could not be dropped", error),
    );
    this.#pump(session.key);
  }

  async dropBetween(one: string, other: string): Promise<void> {
    await dropBetween(this.#options.db, one, other);
    this.#waiting.delete(one);
    this.#waiting.delete(other);
    if (this.#options.isStranger(one) || this.#options.isStranger(other)) await this.#countStrangers();
  }

  async dropOld(): Promise<void> {
    // Counted anew at the next message: nobody knows whose they were.
    if (await dropOldRelayed(this.#options.db, this.#options.now() - RELAY_KEPT_MS)) this.#waiting.clear();
    await this.#countStrangers();
  }

  async #countStrangers(): Promise<void> {
    const waiting = await waitingByRecipient(this.#options.db);
    this.#strangersBytes = 0;
    for (const { recipient, count, bytes } of waiting) {
      if (this.#options.isStranger(recipient)) this.#strangersBytes += bytes + count * ROW_BYTES;
    }
  }

  /** At once, where it is the next one and there is room; else the line finds it in the database. */
  #handOn(id: number, what: { from: string; to: string; payload: string; bytes: number }): void {
    const line = this.#lines.get(what.to);
    if (line === undefined) return;
    if (line.idle && !line.pumping && hasRoom(line, what.bytes) && id > line.sent) {
      if (this.#take(line, id, what.bytes)) return give(line, { id, ...what });
    }
    line.idle = false;
    this.#pump(what.to);
  }

  #pump(key: string): void {
    const line = this.#lines.get(key);
    if (line === undefined || line.pumping || line.idle) return;
    line.pumping = true;
    this.#pumpAll(key, line).catch((error: unknown) =>
      this.#failed("waiting messages could not be read", error),
    );
  }

  async #pumpAll(key: string, line: Line): Promise<void> {
    const { db } = this.#options;
    try {
      while (this.#lines.get(key) === line && hasRoom(line, 0)) {
        line.idle = true; // until something comes while this looks
        const next = await nextRelayed(db, key, { after: line.sent, limit: LOOK_AHEAD });
        if (next.length === 0) {
          if (line.idle) return;
          continue;
        }
        line.idle = false;
        for (const { id, bytes } of next) {
          if (!hasRoom(line, bytes) || this.#lines.get(key) !== line || !this.#take(line, id, bytes)) return;
          const row = await findRelayed(db, id);
          if (this.#lines.get(key) !== line) return;
          if (row === undefined) {
            line.sent = id;
            this.#endLarge(line);
          } else give(line, { id, from: row.sender, payload: toBase64Url(row.payload), bytes });
        }
      }
    } catch (error) {
      line.idle = false; // nobody knows what is there
      if (this.#lines.get(key) === line) this.#unread.add(key);
      // It has room for one that it was not given.
      this.#endLarge(line);
      throw error;
    } finally {
      // In the same turn as the last look: nothing can come unseen in between.
      line.pumping = false;
    }
  }

  /** Whether there is room for one of this size under way to all of its kind; if so it is counted. */
  #take(line: Line, id: number, bytes: number): boolean {
    if (bytes <= UNDER_WAY_MAX_BYTES) return true;
    const { key } = line.session;
    const to = this.#options.isStranger(key) ? "strangers" : "others";
    if (this.#largeBytes[to] + bytes > this.#limits.largeBytes) {
      this.#held.add(key);
      return false;
    }
    this.#largeBytes[to] += bytes;
    line.large = { id, bytes, atMs: this.#options.now(), to };
    return true;
  }

  #endLarge(line: Line): void {
    const { large } = line;
    if (large === undefined) return;
    line.large = undefined;
    this.#largeBytes[large.to] -= large.bytes;
    const held = [...this.#held];
    this.#held.clear();
    // Whoever finds no room now is held again.
    for (const key of held) this.#pump(key);
  }

  async #waitingFor(key: string): Promise<Waiting> {
    const known = this.#waiting.get(key);
    if (known !== undefined) return known;
    const counted = await waitingFor(this.#options.db, key);
    // Another one may have been counted meanwhile; there is one count for each.
    const waiting = this.#waiting.get(key) ?? { ...counted };
    this.#waiting.set(key, waiting);
    return waiting;
  }

  #free(key: string, freed: Waiting): void {
    if (this.#options.isStranger(key)) {
      const left = this.#strangersBytes - freed.bytes - freed.count * ROW_BYTES;
      this.#strangersBytes = Math.max(0, left);
    }
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    waiting.count = Math.max(0, waiting.count - freed.count);
    waiting.bytes = Math.max(0, waiting.bytes - freed.bytes);
    if (waiting.count === 0) this.#waiting.delete(key);
  }

  #failed(what: string, error: unknown): void {
    this.#options.log.error(what, { error });
  }
}

async function writeAll(db: Kysely<HubDatabase>, writes: readonly Write[]): Promise<Written[]> {
  const keep = writes.flatMap((write) => ("keep" in write ? [write.keep] : []));
  const drop = writes.flatMap((write) => ("drop" in write ? [write.drop] : []));
  let problem: unknown;
  const { kept, freed } = await writeRelayed(db, { keep, drop }).catch((error: unknown) => {
    if (keep.length === 0 || drop.length === 0) throw error;
    problem = error;
    // A disk that is full must not hold what would make room on it.
    return writeRelayed(db, { keep: [], drop });
  });
  const [nextKept, nextFreed] = [kept.values(), freed.values()];
  return writes.map((write) =>
    "keep" in write
      ? { isNew: nextKept.next().value ?? false, freed: NOTHING, problem }
      : { isNew: false, freed: nextFreed.next().value ?? NOTHING },
  );
}

/** One at least, however large. */
function hasRoom(line: Line, bytes: number): boolean {
  if (line.underWay.size === 0) return true;
  return line.underWay.size < UNDER_WAY_MAX && line.bytes + bytes <= UNDER_WAY_MAX_BYTES;
}

function give(line: Line, what: { id: number; from: string; payload: string; bytes: number }): void {
  line.sent = what.id;
  line.underWay.set(what.id, what.bytes);
  line.bytes += what.bytes;
  line.session.send({ type: "relay", relay_id: what.id, from: what.from, payload: what.payload });
}
