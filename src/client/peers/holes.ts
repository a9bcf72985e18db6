// Numbers of a peer's messages that are waited for: asked for after a moment, again and again while they do not
// come, and named to the person once the first answer failed to fill the hole. Asked at intervals, whatever comes:
// a hub that plays recorded messages makes this device ask no more often than one that is honest.
import type { Timer, Timers } from "../../world/world.ts";
import { holeOf } from "./inbox.ts";
import type { EpochOf } from "./rows.ts";
import type { PeerStore } from "./store.ts";

export interface HolesOptions {
  store: PeerStore;
  timers: Timers;
  notices: { set(key: string, text: string): void; clear(key: string): void };
  /** Sends the question, with the newest receive key: what was sealed to an older one may never open. */
  ask(peer: string, what: { epoch: string; from: number; to: number }): Promise<void>;
  background(what: string, work: Promise<void>): void;
}

interface Hole extends EpochOf {
  /** Known to have been sent, though it was not kept. */
  sentUpTo: number;
  timer: Timer;
  asked: number;
  /** Counts what came. */
  came: number;
}

/** The next message may just be on its way. */
const PATIENCE_MS = 1_000;
const AGAIN_MS = 30_000;
/** Without an answer that fills anything. The next message that comes begins anew. */
const ASKS_MAX = 20;

export class Holes {
  readonly #options: HolesOptions;
  readonly #holes = new Map<string, Hole>();
  #stopped = false;

  constructor(options: HolesOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped = true;
    for (const { timer } of this.#holes.values()) timer.cancel();
  }

  /** There may be one in this epoch. `sentUpTo`: a number that is known to have been sent. */
  watch({ peer, epoch }: EpochOf, sentUpTo = 0): void {
    const name = `${peer} ${epoch}`;
    const known = this.#holes.get(name);
    if (this.#stopped) return;
    if (known === undefined) {
      const timer = this.#lookAfter(PATIENCE_MS, name);
      this.#holes.set(name, { peer, epoch, sentUpTo, timer, asked: 0, came: 0 });
      return;
    }
    known.sentUpTo = Math.max(known.sentUpTo, sentUpTo);
    known.came += 1;
  }

  #lookAfter(delayMs: number, name: string): Timer {
    const { timers, background } = this.#options;
    return timers.after(delayMs, () => {
      const hole = this.#holes.get(name);
      if (hole !== undefined) background("a hole", this.#look(name, hole));
    });
  }

  async #look(name: string, hole: Hole): Promise<void> {
    const { store, notices, ask } = this.#options;
    const { came } = hole;
    // Also where this look fails half-way, or where something came while it looked.
    hole.timer = this.#lookAfter(AGAIN_MS, name);
    const peer = await store.peers.find(hole.peer);
    const missing = peer === undefined ? undefined : await holeOf(store, hole, hole.sentUpTo);
    if (this.#stopped) return;
    if (missing === undefined || peer === undefined) {
      notices.clear(noticeOf(hole));
      if (hole.came === came) this.#forget(name, hole);
      return;
    }
    if (hole.asked >= ASKS_MAX) return this.#forget(name, hole);
    if (hole.asked > 0) {
      const numbers = missing.from === missing.to ? `${missing.from}` : `${missing.from} to ${missing.to}`;
      notices.set(noticeOf(hole), `messages of ${peer.petname} are missing (${numbers}); asked for again`);
    }
    hole.asked += 1;
    await ask(hole.peer, { epoch: hole.epoch, ...missing });
  }

  #forget(name: string, { timer }: Hole): void {
    timer.cancel();
    this.#holes.delete(name);
  }
}

function noticeOf({ peer, epoch }: EpochOf): string {
  return `missing ${peer} ${epoch}`;
}
