// Messages between this device and those it is paired with, from the person's wish to the peer's signed word
// that it has them, and back. The hub between is only a way: what it says changes who is tried, never what is
// believed, and never makes this device forget anything.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import type { ToldReceiveKey } from "../../identity/sealed/message.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { publicError, type MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { Log } from "../../protocol/log.ts";
import type { HubToClient } from "../../protocol/messages.ts";
import { encodeControl, RANGE_MAX, type Control, type MessageKind } from "../../protocol/peer-control.ts";
import type { Clock, Timer, Timers } from "../../world/world.ts";
import type { Outcome } from "./arrivals.ts";
import { Holes } from "./holes.ts";
import { beginEpoch, forgetOld, queueMessage } from "./outbox.ts";
import type { PeerHub } from "./peer-hub.ts";
import { queueing } from "./queueing.ts";
import { loadRing, type MakeReceiveKey } from "./receive-ring.ts";
import { Receiver } from "./receiver.ts";
import type { OutboxRow, PeerRow } from "./rows.ts";
import { Sender } from "./sender.ts";
import type { PeerRows, PeerStore } from "./store.ts";

export interface PostOptions {
  store: PeerStore;
  clock: Clock;
  timers: Timers;
  crypto: Crypto;
  subtle: SubtleCrypto;
  signer: Signer;
  makeReceiveKey: MakeReceiveKey;
  hub: PeerHub;
  /** What the person should know; each stands under a key, so that it is said once and can be taken back. */
  notices: { set(key: string, text: string): void; clear(key: string): void };
  log: Log;
}

const EPOCH_BYTES = 16;
const ID_BYTES = 16;
const TELL_KEY_EVERY_MS = 30_000;
/** A device restored from an older copy told keys that it does not have any more: it has to tell a newer one. */
const ASKED_KEY_MAX_MS = 10 * 60_000;
const ANEW_EVERY_MS = 3_600_000;
const RELAY_PATIENCE_MS = 3_000;
const DAILY_MS = 86_400_000;
const TIDY_EVERY_MS = 3_600_000;

export class Post {
  readonly #options: PostOptions;
  readonly #queue: ReturnType<typeof queueing>;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #holes: Holes;
  /** Peers that were told the newest key a moment ago. */
  readonly #told = new Set<string>();
  readonly #anew = new Set<string>();
  readonly #listeners = new Set<() => void>();
  readonly #tidy: Timer;
  #stopped = false;

  constructor(options: PostOptions) {
    this.#options = options;
    const changed = (): void => this.#tellListeners();
    this.#queue = queueing(options.store, () => options.clock.now());
    this.#sender = new Sender({
      ...options,
      changed,
      waits: (peer, problem) => this.#background("a full box", this.#tellWaiting(peer, problem)),
    });
    this.#receiver = new Receiver({
      ...options,
      makeId: () => this.#makeId(),
      outcome: (outcome) => this.#settle(outcome),
      refused: (from, problem) => this.#refused(from, problem),
    });
    this.#holes = new Holes({
      ...options,
      ask: (peer, what) => this.#ask(peer, what),
      background: (what, work) => this.#background(what, work),
    });
    this.#tidy = options.timers.every(TIDY_EVERY_MS, () => this.#background("tidying", this.#tidyUp()));
  }

  stop(): void {
    this.#stopped = true;
    this.#tidy.cancel();
    this.#sender.stop();
    this.#receiver.stop();
    this.#holes.stop();
  }

  connected(): void {
    this.#receiver.connected();
    this.#background("messages", this.#resume());
  }

  heard(message: HubToClient): void {
    if (message.type === "relay") this.#receiver.relayed(message);
    else if (message.type === "paired") this.#background("pairing", this.#relays(message.peer));
    else if (message.type === "not_paired") this.#background("pairing", this.#unrelayed(message.peer));
  }

  /** A pin was stored: the hub is told, now or as soon as there is a session. */
  pinned(peer: string): void {
    this.#background("pairing", this.#report(peer));
  }

  /** Durable when it resolves. Throws `too_many`, `not_found`, `storage_full`. */
  async send(peer: string, kind: MessageKind, body: Uint8Array): Promise<OutboxRow> {
    const row = await this.#queue({ id: this.#makeId(), peer, kind, body });
    this.#sender.kick(peer);
    return row;
  }

  messageState(id: string): Promise<OutboxRow | undefined> {
    return this.#options.store.outbox.find(id);
  }

  /** Forgets the peer once it has been told, or at once where it was never reached. */
  async unpair(asked: PeerRow): Promise<void> {
    const { store, clock } = this.#options;
    const peer = asked.state === "pinned" ? await this.#onceRelayed(asked) : asked;
    const isTold = peer.state === "paired";
    const body = encodeControl({ do: "unpair" });
    await store.change(async (rows) => {
      await rows.outbox.drop(peer.key);
      await rows.peers.change(peer.key, { state: "leaving" });
      const word = { id: this.#makeId(), peer: peer.key, kind: "control", body };
      if (isTold) await queueMessage(rows, word, clock.now());
    });
    await this.#record("peer.unpair", peer, {});
    if (!isTold) return this.#forget(peer.key);
    this.#sender.kick(peer.key);
  }

  /** Right after a pairing the hub is about to relay: a moment's patience, and the other side is told of its end too. */
  async #onceRelayed(pinned: PeerRow): Promise<PeerRow> {
    const { store, timers } = this.#options;
    let isLate = false;
    let wake = (): void => {};
    const limit = timers.after(RELAY_PATIENCE_MS, () => {
      isLate = true;
      wake();
    });
    const stop = this.listen(() => wake());
    try {
      for (;;) {
        const changed = new Promise<void>((resolve) => (wake = resolve));
        const peer = (await store.peers.find(pinned.key)) ?? pinned;
        if (peer.state !== "pinned" || isLate) return peer;
        await changed;
      }
    } finally {
      stop();
      limit.cancel();
    }
  }

  /** Told after any change of what has come or gone. Returns how to stop listening. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #resume(): Promise<void> {
    for (const { key, state } of await this.#options.store.peers.list()) {
      if (state === "pinned" || state === "unrelayed") await this.#report(key);
    }
    await this.#sender.connected();
    await this.#eraseOld();
    await this.#renewKeys();
  }

  async #report(peer: string): Promise<void> {
    const { hub } = this.#options;
    // Said again with the next session.
    if (hub.isConnected()) await hub.request({ type: "paired", peer }, "done");
  }

  async #relays(key: string): Promise<void> {
    const { store, notices } = this.#options;
    const before = await store.change((rows) => becomes(rows, key, "paired"));
    if (before === undefined) return;
    notices.clear(`unrelayed ${key}`);
    if (before.state !== "leaving") this.#tellListeners();
    this.#sender.kick(key);
  }

  /** The hub's bare word: pin and outbox stay. */
  async #unrelayed(key: string): Promise<void> {
    const { store, notices } = this.#options;
    const before = await store.change((rows) => becomes(rows, key, "unrelayed"));
    if (before?.state === "leaving") return this.#forget(key);
    if (before?.state !== "paired") return;
    notices.set(`unrelayed ${key}`, `the hub no longer relays to ${before.petname}`);
    // A hub that lost its tables learns of the pair again when both say so.
    await this.#report(key);
  }

  async #settle(outcome: Outcome): Promise<void> {
    const { store } = this.#options;
    switch (outcome.type) {
      case "message":
        if (outcome.isRepeated) this.#repeated(outcome);
        if (outcome.lost > 0) await this.#lost(outcome.peer, outcome.lost);
        if (outcome.formerNickname !== undefined) await this.#renamed(outcome.peer, outcome.formerNickname);
        this.#sender.kick(outcome.peer);
        this.#holes.watch(outcome);
        break;
      case "missed":
        if (outcome.isOfAnotherLife === true) await this.#beginAnew(outcome.peer);
        this.#holes.watch(outcome, outcome.sequence);
        break;
      case "unopened":
        if (outcome.isOfAnotherLife) await this.#beginAnew(outcome.peer);
        else await this.#tellKey(outcome.peer);
        break;
      case "delivered": {
        const peer = await store.peers.find(outcome.peer);
        if (peer?.state === "leaving") await this.#forget(outcome.peer);
        break;
      }
      case "restored":
        await this.#newEpoch(outcome.peer);
        break;
      case "unpaired":
        await this.#leftBy(outcome);
        break;
      case "full":
        this.#refusedBy(await store.peers.find(outcome.peer), "the inbox has no room for what it sent");
        break;
    }
    this.#tellListeners();
  }

  /** The peer has forgotten this device, and said so itself. */
  async #leftBy(outcome: Extract<Outcome, { type: "unpaired" }>): Promise<void> {
    const { store, notices } = this.#options;
    const peer = await store.peers.find(outcome.peer);
    if (peer === undefined) return;
    await this.#receiver.acknowledge(peer, outcome.epoch, outcome).catch(() => {}); // it asks again if it must
    const dropped = await store.change(async (rows) => {
      await rows.peers.remove(peer.key);
      return rows.outbox.drop(peer.key);
    });
    this.#sender.forget(peer.key);
    const lost = dropped === 0 ? "" : `; ${dropped} messages to it were dropped`;
    notices.set(`left ${peer.key}`, `${peer.petname} has ended the pairing${lost}`);
    await this.#record("peer.unpaired_by_peer", peer, { dropped });
  }

  async #forget(key: string): Promise<void> {
    const { store, hub, notices } = this.#options;
    const isForgotten = await store.change(async (rows) => {
      // The two may have paired anew, or another word of its end was faster.
      if ((await rows.peers.find(key))?.state !== "leaving") return false;
      await rows.outbox.drop(key);
      await rows.peers.remove(key);
      return true;
    });
    if (!isForgotten) return;
    this.#sender.forget(key);
    for (const what of ["unrelayed", "nickname", "lost"]) notices.clear(`${what} ${key}`);
    this.#tellListeners();
    if (hub.isConnected()) await hub.request({ type: "unpair", peer: key }, "done");
  }

  async #ask(peer: string, what: { epoch: string; from: number; to: number }): Promise<void> {
    const told = controlOf(await this.#receiver.newestKey(peer, ASKED_KEY_MAX_MS));
    const to = Math.min(what.to, what.from + RANGE_MAX - 1);
    await this.#say(peer, { do: "resend", ...what, to, ...told });
  }

  async #say(peer: string, control: Control): Promise<void> {
    await this.send(peer, "control", encodeControl(control));
  }

  /**
   * This device was put back from an older copy: what it says under its old numbers counts as said before, even which
   * key to seal to. Once an hour at most, for a hub can play what is old.
   */
  async #beginAnew(peer: string): Promise<void> {
    if (this.#anew.has(peer)) return;
    this.#anew.add(peer);
    this.#options.timers.after(ANEW_EVERY_MS, () => this.#anew.delete(peer));
    await this.#newEpoch(peer).catch((error: unknown) => {
      this.#anew.delete(peer);
      throw error;
    });
    // A key of now: the peer knows one that is younger than any in this copy.
    const told = controlOf(await this.#receiver.newestKey(peer, 0));
    await this.#say(peer, { do: "receive_key", ...told });
  }

  async #newEpoch(peer: string): Promise<void> {
    const { store, crypto } = this.#options;
    await store.change((rows) => beginEpoch(rows, peer, crypto.randomBytes(EPOCH_BYTES)));
    this.#sender.kick(peer);
  }

  /** At intervals, and only where its acknowledgement is waited for: an old one may just be played again. */
  async #tellKey(peer: string): Promise<void> {
    const { store, timers } = this.#options;
    if (this.#told.has(peer) || (await store.outbox.oldestRelayed(peer)) === undefined) return;
    this.#told.add(peer);
    timers.after(TELL_KEY_EVERY_MS, () => this.#told.delete(peer));
    const told = controlOf(await this.#receiver.newestKey(peer, ASKED_KEY_MAX_MS));
    await this.#say(peer, { do: "receive_key", ...told });
  }

  /** A peer that never acknowledges anything would seal to one key for ever. */
  async #renewKeys(): Promise<void> {
    const { store, clock } = this.#options;
    for (const { key, state } of await store.peers.list()) {
      const { newest } = await loadRing(store, key);
      if (state !== "paired" || newest === undefined) continue;
      if (clock.now() - newest.madeAtMs < DAILY_MS) continue;
      await this.#say(key, { do: "receive_key", ...controlOf(await this.#receiver.newestKey(key)) });
    }
  }

  async #tidyUp(): Promise<void> {
    const { store, clock, hub } = this.#options;
    await store.change((rows) => forgetOld(rows, clock.now()));
    await this.#eraseOld();
    if (hub.isConnected()) await this.#renewKeys();
  }

  /** What nothing that comes has ended ends by its time. */
  async #eraseOld(): Promise<void> {
    const { store, clock } = this.#options;
    for (const { key } of await store.peers.list()) {
      await store.change(async (rows) => {
        const nowMs = clock.now();
        const ring = await loadRing(rows, key);
        if (ring.erase(nowMs, null).length > 0) await rows.keys.save(key, ring, nowMs);
      });
    }
  }

  /** Usual after a cut; at other times somebody plays recorded messages. */
  #repeated({ peer, sequence }: { peer: string; sequence: number }): void {
    const { crypto, log } = this.#options;
    const device = deviceIdOf(crypto.sha256(fromBase64Url(peer) ?? new Uint8Array(0)));
    log.info("a sealed message came again, and is not shown again", { device, sequence });
  }

  async #lost(key: string, count: number): Promise<void> {
    const peer = await this.#options.store.peers.find(key);
    if (peer === undefined) return;
    this.#options.notices.set(
      `lost ${key}`,
      `${count} messages of ${peer.petname} are lost: it has them no more`,
    );
    await this.#record("peer.messages_lost", peer, { count });
  }

  /** News for the person here: what it is called here still means the same key. */
  async #renamed(key: string, former: string): Promise<void> {
    const peer = await this.#options.store.peers.find(key);
    if (peer === undefined) return;
    const { petname, nickname } = peer;
    const { notices } = this.#options;
    if (petname === nickname) notices.clear(`nickname ${key}`);
    else {
      const news = `calls itself "${nickname}" now, before "${former}"; here it is still ${petname}`;
      notices.set(`nickname ${key}`, `${petname} ${news}`);
    }
    await this.#record("peer.nickname", peer, { nickname, former });
  }

  async #tellWaiting(key: string, problem: MusterError | undefined): Promise<void> {
    const { store, notices } = this.#options;
    if (problem === undefined) return notices.clear(`waits ${key}`);
    const peer = await store.peers.find(key);
    if (peer === undefined) return;
    notices.set(`waits ${key}`, `messages to ${peer.petname} wait: ${problem.message}`);
  }

  #refused(from: string, problem: MusterError): void {
    this.#options.log.warn("a sealed message was refused", {
      error_code: problem.code,
      problem: problem.message,
    });
    if (from === "" || problem.code === "not_found") return;
    this.#background(
      "a refused message",
      this.#options.store.peers.find(from).then((peer) => this.#refusedBy(peer, problem.message)),
    );
  }

  #refusedBy(peer: PeerRow | undefined, why: string): void {
    if (peer === undefined) return;
    this.#options.notices.set(`refused ${peer.key}`, `something from ${peer.petname} was refused: ${why}`);
  }

  async #record(action: string, peer: PeerRow, detail: Record<string, unknown>): Promise<void> {
    // What went on matters more than its record.
    await this.#options.store.record(action, `peer:${peer.petname}`, detail).catch(() => {});
  }

  #makeId(): string {
    return toBase64Url(this.#options.crypto.randomBytes(ID_BYTES));
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  #background(what: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      const { code, message } = publicError(error);
      if (this.#stopped || code === "hub_unreachable") return;
      this.#options.log.warn("background work failed", {
        what,
        error_code: code,
        problem: message,
        ...(code === "internal" ? { error } : {}),
      });
    });
  }
}

/** What the hub says of a pair changes no other state: who leaves goes on leaving. */
const BECOMES = { paired: ["pinned", "unrelayed"], unrelayed: ["paired"] } as const;

/** Returns it as it was. */
async function becomes(
  rows: PeerRows,
  key: string,
  state: keyof typeof BECOMES,
): Promise<PeerRow | undefined> {
  const before = await rows.peers.find(key);
  if (BECOMES[state].some((from) => from === before?.state)) await rows.peers.change(key, { state });
  return before;
}

function controlOf({ receiveKey, madeAt }: ToldReceiveKey): { receive_key: string; made_at: number } {
  return { receive_key: toBase64Url(receiveKey), made_at: madeAt };
}
