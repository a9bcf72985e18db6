// Moves what waits for each paired device to the hub, in order and a few at a time, and asks now and then
// whether the hub still has what the peer has not acknowledged. A message is sealed anew each time it goes,
// to the newest receive key that the peer has told.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { sealMessage } from "../../identity/sealed/message.ts";
import { formatSealed } from "../../identity/sealed/message-bytes.ts";
import { equalBytes, fromBase64Url, toBase64Url } from "../../protocol/bytes.ts";
import { publicError, type MusterError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { HubMessage } from "../../protocol/messages.ts";
import type { Clock, Timer, Timers } from "../../world/world.ts";
import { AtOnce } from "./at-once.ts";
import type { PeerHub } from "./peer-hub.ts";
import type { OutboxRow, PeerRow } from "./rows.ts";
import type { PeerStore } from "./store.ts";

export interface SenderOptions {
  store: PeerStore;
  clock: Clock;
  timers: Timers;
  crypto: Crypto;
  signer: Signer;
  hub: Pick<PeerHub, "request" | "isConnected">;
  log: Log;
  /** Some message is in another state now. */
  changed(): void;
  /** Messages to this peer wait for something else than the hub to be reached; without a problem, no more. */
  waits(peer: string, problem?: MusterError): void;
}

/** Under way to one peer at once: enough to share the hub's commits. */
const AT_ONCE = 16;
/** To all of them, so that what else is asked of the hub has room in the same session. */
const ALL_AT_ONCE = 32;
/** And no more bytes than a connection holds for a hub that is slow to read; one message, however large. */
const AT_ONCE_BYTES = 1024 * 1024;
/** A full box at the hub, a disk that is full: tried again after this. */
const PAUSE_MS = 10_000;
const LOOK_EVERY_MS = 5_000;
const FIRST_PROBE_MS = 15_000;
const LAST_PROBE_MS = 3_600_000;

/** The hub's answer; undefined for what was not to go any more. */
type Relayed = HubMessage<"relayed"> | undefined;

interface Line {
  busy: boolean;
  again: boolean;
  pause: Timer | undefined;
  /** Its sender was told that it waits. */
  isTold: boolean;
  probeAtMs: number;
  probeAfterMs: number;
}

export class Sender {
  readonly #options: SenderOptions;
  readonly #lines = new Map<string, Line>();
  readonly #underWay = new AtOnce({ count: ALL_AT_ONCE, bytes: AT_ONCE_BYTES });
  readonly #looks: Timer;
  #stopped = false;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#looks = options.timers.every(LOOK_EVERY_MS, () => this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#looks.cancel();
    for (const { pause } of this.#lines.values()) pause?.cancel();
  }

  /** A new session: what the former took may be lost. */
  async connected(): Promise<void> {
    for (const { key } of await this.#options.store.peers.list()) {
      const line = this.#line(key);
      line.probeAfterMs = FIRST_PROBE_MS;
      line.probeAtMs = 0;
      line.pause?.cancel();
      line.pause = undefined;
      this.kick(key);
    }
    this.#look();
  }

  /** There may be something to send to this peer. */
  kick(peer: string): void {
    const line = this.#line(peer);
    if (this.#stopped || line.pause !== undefined) return;
    line.again = true;
    if (!line.busy) this.#run(peer, line, () => this.#sendAll(peer, line));
  }

  forget(peer: string): void {
    this.#lines.get(peer)?.pause?.cancel();
    this.#lines.delete(peer);
  }

  #line(peer: string): Line {
    const known = this.#lines.get(peer);
    if (known !== undefined) return known;
    const line: Line = {
      busy: false,
      again: false,
      pause: undefined,
      isTold: false,
      probeAtMs: this.#options.clock.monotonic() + FIRST_PROBE_MS,
      probeAfterMs: FIRST_PROBE_MS,
    };
    this.#lines.set(peer, line);
    return line;
  }

  /** One at a time for each peer. */
  #run(peer: string, line: Line, work: () => Promise<void>): void {
    line.busy = true;
    work()
      .catch((error: unknown) => this.#failed(peer, line, error))
      .finally(() => {
        line.busy = false;
        if (line.again && this.#isConnected()) this.kick(peer);
      });
  }

  #failed(peer: string, line: Line, error: unknown): void {
    const problem = publicError(error);
    const { code, message } = problem;
    // Without a session there is nothing to do, but for the next one, which may have begun already and asked for this
    // line again; within one, the hub has only not answered. Without a pairing, it has said so by itself.
    const isLost = code === "hub_unreachable" && (line.again || !this.#isConnected());
    if (this.#stopped || isLost || code === "not_found") return;
    const { log, timers } = this.#options;
    log.warn("messages wait", {
      error_code: code,
      problem: message,
      ...(code === "internal" ? { error } : {}),
    });
    line.isTold = true;
    this.#options.waits(peer, problem);
    line.pause = timers.after(PAUSE_MS, () => {
      line.pause = undefined;
      this.kick(peer);
    });
  }

  async #sendAll(peer: string, line: Line): Promise<void> {
    const { store, changed } = this.#options;
    while (line.again) {
      line.again = false;
      for (let after = 0; this.#isConnected();) {
        const to = await store.peers.find(peer);
        if (to === undefined || (to.state !== "paired" && to.state !== "leaving")) return;
        const rows = atOnce(await store.outbox.queued(peer, { after, limit: AT_ONCE }));
        const last = rows.at(-1);
        if (last === undefined) break;
        after = last.sequence;
        const results = await Promise.allSettled(await this.#sealed(to, rows));
        const taken = rows.filter((_, at) => isTaken(results[at])).map(({ id }) => id);
        await store.outbox.markRelayed(taken);
        changed();
        const refused = results.find((result) => result.status === "rejected");
        if (refused !== undefined) throw refused.reason;
        if (line.isTold) this.#options.waits(peer);
        line.isTold = false;
      }
    }
  }

  /** Sealed one after the other, so that they go in their order; answers come together. */
  async #sealed(to: PeerRow, rows: readonly OutboxRow[]): Promise<Promise<Relayed>[]> {
    const asked: Promise<Relayed>[] = [];
    for (const row of rows) {
      const { answer } = await this.#send(to, row);
      answer.catch(() => {}); // looked at together with the others
      asked.push(answer);
    }
    return asked;
  }

  async #seal(to: PeerRow, row: OutboxRow): Promise<string> {
    const { crypto, signer } = this.#options;
    const { epoch: outboxEpoch, sequence, id: messageId, kind, body } = row;
    const target = { identityKey: fromBase64Url(to.key) ?? new Uint8Array(0), receiveKey: to.receive_key };
    const message = { outboxEpoch, sequence, messageId, kind, body };
    return toBase64Url(formatSealed(await sealMessage({ crypto, signer }, target, message)));
  }

  /** Resolves once it has gone, in its turn; the answer comes later. */
  async #send(to: PeerRow, row: OutboxRow): Promise<{ answer: Promise<Relayed> }> {
    const { length } = row.body;
    const room = this.#underWay.enter(length);
    await room;
    const leave = (): void => this.#underWay.leave(length);
    try {
      if (room !== undefined && !(await this.#isSame(row))) {
        leave();
        return { answer: Promise.resolve(undefined) };
      }
      const payload = await this.#seal(to, row);
      const asked = { type: "send", to: to.key, message: row.id, payload } as const;
      return { answer: this.#options.hub.request(asked, "relayed").finally(leave) };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** While it waited it may have been dropped, or have got another number. */
  async #isSame({ id, state, sequence, epoch }: OutboxRow): Promise<boolean> {
    const now = await this.#options.store.outbox.find(id);
    return now?.state === state && now.sequence === sequence && equalBytes(now.epoch, epoch);
  }

  #look(): void {
    if (!this.#isConnected()) return;
    const now = this.#options.clock.monotonic();
    for (const [peer, line] of this.#lines) {
      if (line.busy || line.pause !== undefined || now < line.probeAtMs) continue;
      line.probeAtMs = now + line.probeAfterMs;
      line.probeAfterMs = Math.min(2 * line.probeAfterMs, LAST_PROBE_MS);
      this.#run(peer, line, () => this.#probe(peer, line));
    }
  }

  /** The oldest that is not acknowledged goes again: if it was gone from the hub, so may others be. */
  async #probe(peer: string, line: Line): Promise<void> {
    const { store } = this.#options;
    const to = await store.peers.find(peer);
    const row = await store.outbox.oldestRelayed(peer);
    if (to === undefined || row === undefined || to.state === "pinned") return;
    const { answer } = await this.#send(to, row);
    if ((await answer)?.held !== false) return;
    const rest = { peer, epoch: row.epoch, from: row.sequence + 1, to: Number.MAX_SAFE_INTEGER };
    if ((await store.outbox.queueAgain(rest)).length > 0) line.again = true;
  }

  #isConnected(): boolean {
    return !this.#stopped && this.#options.hub.isConnected();
  }
}

function isTaken(result: PromiseSettledResult<Relayed> | undefined): boolean {
  return result?.status === "fulfilled" && result.value !== undefined;
}

/** The first of them, as many as may be under way together. */
function atOnce(rows: readonly OutboxRow[]): readonly OutboxRow[] {
  let bytes = 0;
  const end = rows.findIndex(({ body }, at) => (bytes += body.length) > AT_ONCE_BYTES && at > 0);
  return end === -1 ? rows : rows.slice(0, end);
}
