// The receive keys that one device keeps for one peer: which to offer next, which opens a message, and when the
// private half of a replaced one is erased. What was sealed to an erased key is for nobody to read any more.
//
// A key is erased when the peer has used a newer one and nothing sent before that is missing; at the latest
// eight days after it was replaced. The newest is never erased.

import { toBase64Url } from "../../protocol/bytes.ts";

const DAY_MS = 24 * 60 * 60_000;
/** A new one is due when the newest is this old. */
const RENEW_AFTER_MS = DAY_MS;
/** The hub keeps a message for seven days; one more for clocks and reconnecting. */
export const RECEIVE_KEY_KEPT_MS = 8 * DAY_MS;
/** More come only from a peer that uses up keys faster than it sends what it owes: then the oldest goes. */
export const RECEIVE_KEYS_MAX = 64;
/** Ids of erased keys, so that "erased" and "never mine" can be told apart for some time. */
const ERASED_IDS_MAX = 256;

/** A place in the peer's outbox: epoch in base64url. */
export interface OutboxPlace {
  epoch: string;
  sequence: number;
}

/** One key, as it is stored. `Key` is whatever opens: a raw secret, a key pair of WebCrypto. */
export interface ReceiveKeyRow<Key> {
  /** SHA-256 of the public half. */
  readonly id: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly key: Key;
  readonly madeAtMs: number;
  readonly replacedAtMs: number | null;
  /** Whether the peer has ever sealed to it. */
  readonly used: boolean;
  /** The first message that the peer sealed to it; acknowledgements have no place in its order. */
  readonly firstMessage: OutboxPlace | null;
}

export class ReceiveKeys<Key> {
  /** Oldest first. */
  #rows: ReceiveKeyRow<Key>[];
  #erased: string[];

  /** `rows` as stored, oldest first. */
  constructor(rows: readonly ReceiveKeyRow<Key>[], erasedIds: readonly string[] = []) {
    this.#rows = [...rows];
    this.#erased = erasedIds.slice(-ERASED_IDS_MAX);
  }

  /** To store, together with `erasedIds`, in the statement that stores what the change came from. */
  get rows(): readonly ReceiveKeyRow<Key>[] {
    return this.#rows;
  }

  /** In base64url. */
  get erasedIds(): readonly string[] {
    return this.#erased;
  }

  /** The one to offer in an acknowledgement. */
  get newest(): ReceiveKeyRow<Key> | undefined {
    return this.#rows.at(-1);
  }

  /** Whether to `add` one before offering: the peer has used the newest, or it is a day old. */
  needsNew(nowMs: number): boolean {
    const { newest } = this;
    return newest === undefined || newest.used || nowMs - newest.madeAtMs >= RENEW_AFTER_MS;
  }

  add(made: { id: Uint8Array; publicKey: Uint8Array; key: Key }, nowMs: number): void {
    this.#rows = this.#rows.map((row) => (row.replacedAtMs === null ? { ...row, replacedAtMs: nowMs } : row));
    // Higher with each, whatever the clock does: that is how a peer knows which of two is the newer one.
    const madeAtMs = Math.max(nowMs, (this.newest?.madeAtMs ?? -1) + 1);
    this.#rows.push({ ...made, madeAtMs, replacedAtMs: null, used: false, firstMessage: null });
    if (this.#rows.length > RECEIVE_KEYS_MAX) this.#drop(this.#rows.slice(0, -RECEIVE_KEYS_MAX));
  }

  find(id: Uint8Array): ReceiveKeyRow<Key> | "erased" | "unknown" {
    const name = toBase64Url(id);
    const row = this.#rows.find((row) => toBase64Url(row.id) === name);
    return row ?? (this.#erased.includes(name) ? "erased" : "unknown");
  }

  /**
   * Something from the peer opened with this key: a message with its place, or an acknowledgement without. True where
   * that is news.
   */
  noteUse(id: Uint8Array, place: OutboxPlace | null): boolean {
    const row = this.find(id);
    if (typeof row === "string") return false;
    const firstMessage = earlier(row.firstMessage, place);
    if (row.used && firstMessage === row.firstMessage) return false;
    this.#rows = this.#rows.map((one) => (one === row ? { ...row, used: true, firstMessage } : one));
    return true;
  }

  /**
   * Erases what may go, and returns it: its private halves are the caller's to destroy. `complete` is the last
   * place of the peer's current epoch up to which no message is missing.
   */
  erase(nowMs: number, complete: OutboxPlace | null): ReceiveKeyRow<Key>[] {
    const going = this.#rows.filter((row, at) => this.#isDue(row, at, nowMs, complete));
    this.#drop(going);
    return going;
  }

  #isDue(row: ReceiveKeyRow<Key>, at: number, nowMs: number, complete: OutboxPlace | null): boolean {
    if (row.replacedAtMs === null) return false;
    if (nowMs - row.replacedAtMs >= RECEIVE_KEY_KEPT_MS) return true;
    return this.#rows.slice(at + 1).some((newer) => isReached(newer.firstMessage, complete));
  }

  #drop(going: readonly ReceiveKeyRow<Key>[]): void {
    this.#rows = this.#rows.filter((row) => !going.includes(row));
    this.#erased = [...this.#erased, ...going.map((row) => toBase64Url(row.id))].slice(-ERASED_IDS_MAX);
  }
}

/** Everything before this place has come. */
function isReached(place: OutboxPlace | null, complete: OutboxPlace | null): boolean {
  if (place === null || complete === null) return false;
  return place.epoch === complete.epoch && complete.sequence >= place.sequence - 1;
}

/** Of a new epoch, the new place: what came in the old one is no longer waited for by number. */
function earlier(known: OutboxPlace | null, place: OutboxPlace | null): OutboxPlace | null {
  if (known === null || place === null) return known ?? place;
  if (known.epoch !== place.epoch) return place;
  return place.sequence < known.sequence ? place : known;
}
