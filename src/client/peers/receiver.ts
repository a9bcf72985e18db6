// Takes what the hub relays, one after the other in the order of its coming; tells the hub once it is durable
// here, and the sender, by a sealed and signed acknowledgement, how far everything of theirs has come.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { sealAck, type ToldReceiveKey } from "../../identity/sealed/message.ts";
import { formatSealed } from "../../identity/sealed/message-bytes.ts";
import { fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { publicError, type MusterError } from "../../protocol/errors.ts";
import type { HubMessage } from "../../protocol/messages.ts";
import type { Clock, Timer, Timers } from "../../world/world.ts";
import { takeArrival, type ArrivalsOptions, type Outcome } from "./arrivals.ts";
import { isOfStorage, takeTogether } from "./arrivals-together.ts";
import { inboundOf } from "./inbox.ts";
import type { PeerHub } from "./peer-hub.ts";
import { freshen, loadRing, type MakeReceiveKey } from "./receive-ring.ts";
import type { PeerRow } from "./rows.ts";
import type { PeerStore } from "./store.ts";

export interface ReceiverOptions {
  store: PeerStore;
  clock: Clock;
  timers: Timers;
  crypto: Crypto;
  subtle: SubtleCrypto;
  signer: Signer;
  makeReceiveKey: MakeReceiveKey;
  hub: Pick<PeerHub, "request" | "send">;
  makeId(): string;
  /** After the transaction of what came. */
  outcome(outcome: Outcome): Promise<void>;
  /** Something came that is not what it should be: changed, from another, for another. */
  refused(from: string, problem: MusterError): void;
}

/** A hub hands on less than this without an answer; more is not believed to be one. */
const WAITING_MAX = 128;
const WAITING_MAX_CHARACTERS = 4 * 1024 * 1024;
/** Told to hub and sender at the latest after so many. */
const TELL_AFTER = 16;
const DISK_PAUSE_MS = 5_000;

export class Receiver {
  readonly #options: ReceiverOptions;
  #waiting: HubMessage<"relay">[] = [];
  /** Counts sessions: an id of an earlier one means nothing to the hub of this one. */
  #session = 0;
  #busy = false;
  #pause: Timer | undefined;
  #stopped = false;
  readonly #acksDue = new Map<string, { peer: string; epoch: string }>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** The hub relays anew what was not told to be taken. */
  connected(): void {
    this.#session += 1;
    this.#waiting = [];
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    this.#pause?.cancel();
  }

  relayed(message: HubMessage<"relay">): void {
    // What is not taken is relayed again to the next session.
    if (this.#stopped || this.#waiting.length >= WAITING_MAX) return;
    const waiting = this.#waiting.reduce((sum, { payload }) => sum + payload.length, message.payload.length);
    if (waiting > WAITING_MAX_CHARACTERS) return;
    this.#waiting.push(message);
    this.#run();
  }

  /** By a signature over the last of what is complete, which stands for all before it. */
  async acknowledge(peer: PeerRow, epoch: string, named?: { sequence: number; id: string }): Promise<void> {
    const { store, crypto, signer, hub } = this.#options;
    const { complete, last_id } = await inboundOf(store, { peer: peer.key, epoch });
    const sequence = named?.sequence ?? complete;
    if (sequence === 0) return;
    const told = await this.newestKey(peer.key);
    const ack = {
      outboxEpoch: fromBase64Url(epoch) ?? new Uint8Array(0),
      sequence,
      messageId: named?.id ?? last_id,
      ...told,
    };
    const target = {
      identityKey: fromBase64Url(peer.key) ?? new Uint8Array(0),
      receiveKey: peer.receive_key,
    };
    const payload = toBase64Url(formatSealed(await sealAck({ crypto, signer }, target, ack)));
    const message = `ack-${epoch}-${sequence}`;
    await hub.request({ type: "send", to: peer.key, message, payload }, "relayed");
  }

  /** The public half to tell, stored before it is told, and no older than `mostMs`. */
  newestKey(peer: string, mostMs?: number): Promise<ToldReceiveKey> {
    const { store, makeReceiveKey, clock } = this.#options;
    return store.change(async (rows) => {
      const nowMs = clock.now();
      const ring = await loadRing(rows, peer);
      const age = { nowMs, ...(mostMs === undefined ? {} : { mostMs }) };
      if (await freshen(makeReceiveKey, ring, age)) await rows.keys.save(peer, ring, nowMs);
      const { newest } = ring;
      // One was made now if there was none.
      return { receiveKey: newest?.publicKey ?? new Uint8Array(0), madeAt: newest?.madeAtMs ?? 0 };
    });
  }

  #run(): void {
    if (this.#busy || this.#pause !== undefined) return;
    this.#busy = true;
    this.#takeAll()
      .catch((error: unknown) => this.#wait(publicError(error)))
      .finally(() => {
        this.#busy = false;
        if (this.#waiting.length > 0) this.#run();
      });
  }

  /** The disk refuses: nothing is taken until it does not. */
  #wait(problem: MusterError): void {
    if (this.#stopped) return;
    this.#options.refused("", problem);
    this.#pause = this.#options.timers.after(DISK_PAUSE_MS, () => {
      this.#pause = undefined;
      this.#run();
    });
  }

  async #takeAll(): Promise<void> {
    let untold = 0;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const session = this.#session;
      const group = this.#waiting.slice(0, TELL_AFTER - untold);
      const taken = await this.#takeFirst(group);
      const last = group[taken - 1];
      if (this.#waiting[0] === first) this.#waiting.splice(0, taken);
      if (session !== this.#session || last === undefined) continue;
      untold += taken;
      if (untold >= TELL_AFTER || this.#waiting.length === 0) {
        untold = 0;
        this.#options.hub.send({ type: "relay_ack", relay_id: last.relay_id });
        this.#tellSenders();
      }
    }
    this.#tellSenders();
  }

  /** One at least, and as many as can share a commit. Returns how many. Throws only where they could not be stored. */
  async #takeFirst(group: readonly HubMessage<"relay">[]): Promise<number> {
    const [first] = group;
    const results = group.length > 1 ? await takeTogether(this.#arrivals(), group) : [];
    for (const [at, result] of results.entries()) {
      const from = group[at]?.from ?? "";
      if ("problem" in result) this.#options.refused(from, result.problem);
      else await this.#settle(from, () => Promise.resolve(result.outcome));
    }
    if (results.length === 0 && first !== undefined) {
      await this.#settle(first.from, () => takeArrival(this.#arrivals(), first));
    }
    return Math.max(1, results.length);
  }

  async #settle(from: string, take: () => Promise<Outcome>): Promise<void> {
    try {
      const outcome = await take();
      if (outcome.type === "message") {
        const { peer, epoch } = outcome;
        this.#acksDue.set(`${peer} ${epoch}`, { peer, epoch });
      }
      await this.#options.outcome(outcome);
    } catch (error) {
      const problem = publicError(error);
      if (isOfStorage(problem)) throw error;
      this.#options.refused(from, problem);
    }
  }

  #arrivals(): ArrivalsOptions {
    const { signer, clock } = this.#options;
    return { ...this.#options, ownKey: signer.publicKey, now: () => clock.now() };
  }

  /** Nothing waits for it: one that is lost is made again when its sender asks again. */
  #tellSenders(): void {
    for (const [name, { peer, epoch }] of this.#acksDue) {
      this.#acksDue.delete(name);
      this.#tell(peer, epoch).catch(() => {});
    }
  }

  async #tell(peer: string, epoch: string): Promise<void> {
    const row = await this.#options.store.peers.find(peer);
    if (row !== undefined && !this.#stopped) await this.acknowledge(row, epoch);
  }
}
