// What the rules of pairing and messages ask of whoever keeps their rows: a SQL database, a browser's, memory.
// A store knows rows and nothing of what they mean. The rules count on two things: what `change` was given is
// kept whole or not at all, and it is durable when `change` resolves.
import type {
  Amount,
  EpochOf,
  InboundRow,
  InboxRow,
  OutboxRow,
  OwnRange,
  PeerRow,
  Place,
  RingRows,
} from "./rows.ts";

export interface PeerStore extends PeerRows {
  /** Runs work on rows that nobody else changes meanwhile. What it throws undoes it. */
  change<Result>(work: (rows: PeerRows) => Promise<Result>): Promise<Result>;
}

export interface PeerRows {
  readonly peers: PinRows;
  readonly keys: RingKeeper;
  readonly outbox: OutboxRows;
  readonly inbox: InboxRows;
  /** What it has room for, of one peer. */
  readonly room: { inboxBytes: number; outboxBytes: number };
  /** A line for the device's own record of what happened; a store may have none. */
  record(action: string, target: string, detail: Readonly<Record<string, unknown>>): Promise<void>;
}

interface PinRows {
  find(key: string): Promise<PeerRow | undefined>;
  /** By petname. */
  list(): Promise<PeerRow[]>;
  /** In place of a row with the same key. */
  put(row: PeerRow): Promise<void>;
  change(key: string, change: Partial<Omit<PeerRow, "key">>): Promise<void>;
  /** Its receive keys and inbound rows go with it; its messages stay. */
  remove(key: string): Promise<void>;
}

interface RingKeeper {
  load(peer: string): Promise<RingRows>;
  /** In place of all there were. Private halves that are not in it any more are destroyed. */
  save(peer: string, ring: RingRows, nowMs: number): Promise<void>;
}

interface OutboxRows {
  add(row: OutboxRow): Promise<void>;
  find(id: string): Promise<OutboxRow | undefined>;
  at(place: { peer: string; epoch: Uint8Array; sequence: number }): Promise<OutboxRow | undefined>;
  /** `queued` ones in their order, after a number. */
  queued(peer: string, page: { after: number; limit: number }): Promise<OutboxRow[]>;
  oldestRelayed(peer: string): Promise<OutboxRow | undefined>;
  /** From `queued` alone. */
  markRelayed(ids: readonly string[]): Promise<void>;
  /** Up to this number, whatever is neither delivered nor dropped; their bodies are emptied. */
  markDelivered(place: { peer: string; epoch: Uint8Array; sequence: number }): Promise<void>;
  /** Back to `queued`, what is neither delivered nor dropped. Returns their numbers. */
  queueAgain(range: OwnRange): Promise<number[]>;
  /** All that is neither delivered nor dropped: `queued`, from number 1 of another epoch. Returns how many. */
  renumber(peer: string, epoch: Uint8Array): Promise<number>;
  /** To `dropped`, what was not delivered; their bodies are emptied. Returns how many. */
  drop(peer: string): Promise<number>;
  /** What was delivered or dropped and is older than this goes. */
  forgetBefore(atMs: number): Promise<void>;
  /** What is neither delivered nor dropped. */
  waiting(peer: string): Promise<Amount>;
}

interface InboxRows {
  inbound(epoch: EpochOf): Promise<InboundRow | undefined>;
  countEpochs(peer: string): Promise<number>;
  putInbound(row: InboundRow): Promise<void>;
  /** False when there is one at that place already, which stays. */
  add(row: InboxRow): Promise<boolean>;
  /** By number, those above it. */
  after(place: Place, limit: number): Promise<Pick<InboxRow, "sequence" | "id" | "kind">[]>;
  /** Gives it the next position in the reader's list. */
  show(place: Place): Promise<void>;
  /** Rows of this kind up to this number go. */
  dropUpTo(place: Place, kind: string): Promise<void>;
  /** Whether a message of this id came in another epoch. */
  cameInAnother(epoch: EpochOf, id: string): Promise<boolean>;
  unread(peer: string): Promise<Amount>;
  /** Those that have a position, by position. */
  list(page: { after: number; limit: number; unread: boolean }): Promise<InboxRow[]>;
  /** This position and all before it. */
  markRead(upTo: number): Promise<void>;
}
