// The pairings that run on this device. A code lives here, in memory, and one guess at it is borne; the hub
// only names a mailbox and carries what the two sides say. The pin is stored before anything tells the other
// side that it stands.
import type { Crypto, Signer } from "../../identity/crypto.ts";
import { PairingJoiner, type JoinerSecret } from "../../identity/pairing/joiner.ts";
import { PairingMaker } from "../../identity/pairing/maker.ts";
import { pairingFailed, type PairedPeer, type PairingOptions } from "../../identity/pairing/pairing-run.ts";
import { MusterError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { PROTOCOL_VERSION, type HubMessage } from "../../protocol/messages.ts";
import {
  drawSecretLetters,
  formatPairingCode,
  formatPairingLink,
  isMailbox,
  LINK_SECRET_BYTES,
  PAIRING_LIFETIME_MS,
  parsePairingCode,
  parsePairingLink,
} from "../../protocol/pairing-code.ts";
import type { DeviceKind } from "../../protocol/views.ts";
import type { Clock, Timer, Timers } from "../../world/world.ts";
import { openPromise } from "../open-promise.ts";
import type { PeerHub } from "./peer-hub.ts";
import { pinPeer } from "./pins.ts";
import { loadRing, type MakeReceiveKey, type NewKey } from "./receive-ring.ts";
import type { PeerRow } from "./rows.ts";
import type { PeerStore } from "./store.ts";

export interface PairingDeskOptions {
  store: PeerStore;
  clock: Clock;
  timers: Timers;
  crypto: Crypto;
  signer: Signer;
  hub: PeerHub;
  /** Pinned; throws `hub_unreachable` before there is one. */
  hubKey(): Uint8Array;
  hubUrl(): string;
  linkKey: Uint8Array;
  makeReceiveKey: MakeReceiveKey;
  kind: DeviceKind;
  /** What this device calls itself. */
  nickname(): string;
  pinned(peer: string): void;
}

export interface PairingWish {
  petname: string | undefined;
  verified: boolean;
}

export interface MadeCode {
  /** Names this pairing for `wait` and `cancel`. */
  mailbox: string;
  code: string;
  link: string;
  expires_at: string;
}

interface Run {
  wish: PairingWish;
  receiveKey: NewKey;
  side: { role: "maker"; run: PairingMaker } | { role: "joiner"; run: PairingJoiner };
  /** What was heard last: the hub says it again to a side that comes back. */
  heard: string | undefined;
  end: Timer;
  /** Both have pinned the other, as far as this side knows. */
  isOver: boolean;
  /** Once, however often the last message comes. */
  pin: Promise<PeerRow> | undefined;
  outcome: Promise<PeerRow>;
  resolve(peer: PeerRow): void;
  reject(problem: unknown): void;
}

/** Under way at once: more codes than a hub gives to one device. */
const RUNS_MAX = 8;
/** Over, and here only to say their last message again. */
const OVER_MAX = 64;
const EPOCH_BYTES = 16;
/** For each answer of the maker, with a cut and a new session in between; shorter than the CLI waits. */
const ANSWER_MS = 8_000;

export class PairingDesk {
  readonly #options: PairingDeskOptions;
  readonly #runs = new Map<string, Run>();

  constructor(options: PairingDeskOptions) {
    this.#options = options;
  }

  stop(): void {
    for (const [mailbox, run] of this.#runs) this.#fail(mailbox, run, pairingFailed());
  }

  /** Draws a code, which lives five minutes. */
  async make(wish: PairingWish & { reach: "anyone" | "owner" }): Promise<MadeCode> {
    this.#demandRoom();
    const { crypto, hub, clock, hubUrl, signer } = this.#options;
    const given = await hub.request({ type: "create_pairing", reach: wish.reach }, "mailbox");
    // More letters from the hub would be fewer of the secret that people think they compare.
    if (!isMailbox(given.mailbox) || this.#runs.has(given.mailbox)) {
      throw new MusterError("protocol_error", "the hub named a mailbox that cannot be one");
    }
    const { mailbox } = given;
    const letters = drawSecretLetters((length) => crypto.randomBytes(length));
    const link = crypto.randomBytes(LINK_SECRET_BYTES);
    const receiveKey = await this.#options.makeReceiveKey();
    const run = new PairingMaker(this.#pairingOptions(mailbox, receiveKey), { letters, link });
    this.#begin(mailbox, { wish, receiveKey, side: { role: "maker", run } });
    return {
      mailbox,
      code: formatPairingCode({ mailbox, secret: letters }),
      link: formatPairingLink({
        hub: new URL(hubUrl()).origin,
        mailbox,
        secret: link,
        maker: deviceIdOf(crypto.sha256(signer.publicKey)),
      }),
      expires_at: new Date(clock.now() + PAIRING_LIFETIME_MS).toISOString(),
    };
  }

  /** How it ends: rejects with `pairing_failed`. Undefined for a pairing that is not under way. */
  outcome(mailbox: string): Promise<PeerRow> | undefined {
    return this.#runs.get(mailbox)?.outcome;
  }

  /** One whose pin is being stored has paired. */
  cancel(mailbox: string): void {
    const run = this.#runs.get(mailbox);
    if (run !== undefined) this.#giveUp(mailbox, run);
  }

  /** The letters of a code, or the link behind its QR form. Throws `invalid`, `pairing_failed`. */
  async join(typed: string, wish: PairingWish): Promise<PeerRow> {
    this.#demandRoom();
    const { hub, makeReceiveKey } = this.#options;
    const { mailbox, secret } = readCode(typed);
    const receiveKey = await makeReceiveKey();
    if (this.#runs.has(mailbox)) throw pairingFailed();
    const run = new PairingJoiner(this.#pairingOptions(mailbox, receiveKey), secret);
    const begun = this.#begin(mailbox, { wish, receiveKey, side: { role: "joiner", run } });
    this.#endSoon(mailbox, begun);
    try {
      await hub.request({ type: "join_pairing", mailbox }, "done");
      this.#say(mailbox, run.join());
    } catch (error) {
      this.#fail(mailbox, begun, error);
    }
    return begun.outcome;
  }

  heard({ mailbox, payload }: HubMessage<"pairing_message">): void {
    const run = this.#runs.get(mailbox);
    if (run === undefined) return;
    if (run.heard === payload) return this.#repeat(mailbox, run);
    run.heard = payload;
    this.#step(mailbox, run, parseJson(payload)).catch((error: unknown) => this.#fail(mailbox, run, error));
  }

  /** Only the maker's last message is ever said again. */
  #repeat(mailbox: string, { side }: Run): void {
    const again = side.role === "maker" ? side.run.confirmAgain() : undefined;
    if (again !== undefined) this.#say(mailbox, again);
  }

  async #step(mailbox: string, run: Run, message: unknown): Promise<void> {
    const { side } = run;
    if (side.role === "joiner") {
      if (stepOf(message) === 1) return this.#answer(mailbox, run, await side.run.answer(message));
      return this.#paired(mailbox, run, side.run.finish(message));
    }
    if (stepOf(message) === 0) return this.#offer(mailbox, side.run, message);
    // The first answer is being pinned, or stands: what else comes changes nothing of it.
    if (side.run.isProved) return;
    const { confirm, peer } = await side.run.finish(message);
    await this.#pin(run, peer);
    this.#say(mailbox, confirm);
    await this.#paired(mailbox, run, peer);
  }

  /** A join that is none spends nothing: whoever knows the code may still come. Too many of them are the end. */
  #offer(mailbox: string, maker: PairingMaker, join: unknown): void {
    let offer: object;
    try {
      offer = maker.offer(join);
    } catch (error) {
      if (maker.isSpent) throw error;
      return;
    }
    this.#say(mailbox, offer);
  }

  /** From here on the code is spent, and silence is a no. */
  #answer(mailbox: string, run: Run, answer: object): void {
    this.#endSoon(mailbox, run);
    this.#say(mailbox, answer);
  }

  #endSoon(mailbox: string, run: Run): void {
    run.end.cancel();
    run.end = this.#options.timers.after(ANSWER_MS, () => this.#giveUp(mailbox, run));
  }

  async #paired(mailbox: string, run: Run, peer: PairedPeer): Promise<void> {
    const row = await this.#pin(run, peer);
    run.isOver = true;
    run.resolve(row);
    this.#options.pinned(row.key);
    // The maker stays for five minutes, to say its last message again.
    if (run.side.role === "joiner" && this.#runs.get(mailbox) === run) this.#forget(mailbox);
  }

  /** Repeatable within a run: the same pin, the same keys. */
  #pin(run: Run, peer: PairedPeer): Promise<PeerRow> {
    const { store, clock, crypto } = this.#options;
    const { receiveKey, wish } = run;
    run.pin ??= store.change(async (rows) => {
      const nowMs = clock.now();
      const epoch = crypto.randomBytes(EPOCH_BYTES);
      const row = await pinPeer(rows, { ...wish, peer, epoch }, nowMs);
      const ring = await loadRing(rows, row.key);
      ring.add(receiveKey, nowMs);
      await rows.keys.save(row.key, ring, nowMs);
      const detail = { device: peer.deviceId, role: run.side.role, verified: wish.verified };
      await rows.record("peer.paired", `peer:${row.petname}`, detail);
      return row;
    });
    return run.pin;
  }

  #begin(mailbox: string, given: Pick<Run, "wish" | "receiveKey" | "side">): Run {
    const { promise, resolve, reject } = openPromise<PeerRow>();
    promise.catch(() => {}); // whoever waits for it hears it
    const end = this.#options.timers.after(PAIRING_LIFETIME_MS, () => this.#giveUp(mailbox, run));
    const unsaid = { heard: undefined, isOver: false, pin: undefined };
    const run: Run = { ...given, ...unsaid, end, outcome: promise, resolve, reject };
    this.#runs.set(mailbox, run);
    return run;
  }

  #giveUp(mailbox: string, run: Run): void {
    const isWritten = run.pin !== undefined && !run.isOver;
    // It stands in a moment, or its own failure ends it.
    if (!isWritten) this.#fail(mailbox, run, pairingFailed());
  }

  #fail(mailbox: string, run: Run, problem: unknown): void {
    // It is over, and there may be another by the same code.
    if (this.#runs.get(mailbox) !== run) return;
    // A joiner may try again before it has answered; a maker that refused a join has spent nothing.
    run.side.run.cancel();
    run.reject(problem);
    this.#forget(mailbox);
    // So that a joiner need not wait for what will not come; one that has paired has no use for it.
    if (run.side.role === "maker" && run.pin === undefined) {
      this.#options.hub.send({ type: "end_pairing", mailbox });
    }
  }

  #forget(mailbox: string): void {
    this.#runs.get(mailbox)?.end.cancel();
    this.#runs.delete(mailbox);
  }

  #say(mailbox: string, message: object): void {
    this.#options.hub.send({ type: "pairing_message", mailbox, payload: JSON.stringify(message) });
  }

  #demandRoom(): void {
    const over = [...this.#runs].filter(([, { isOver }]) => isOver);
    const [oldest] = over;
    if (oldest !== undefined && over.length >= OVER_MAX) this.#forget(oldest[0]);
    if (this.#runs.size - over.length < RUNS_MAX) return;
    throw new MusterError("too_many", `${RUNS_MAX} pairings are under way on this device`, {
      hint: "finish them, or wait five minutes",
    });
  }

  #pairingOptions(mailbox: string, receiveKey: NewKey): PairingOptions {
    const { crypto, clock, signer, hubKey, linkKey, kind, nickname } = this.#options;
    return {
      crypto,
      clock,
      signer,
      hubKey: hubKey(),
      mailbox,
      version: PROTOCOL_VERSION,
      own: { linkKey, receiveKey: receiveKey.publicKey, nickname: nickname(), kind },
    };
  }
}

function readCode(typed: string): { mailbox: string; secret: JoinerSecret } {
  if (/^https?:/i.test(typed)) {
    const { mailbox, secret, maker } = parsePairingLink(typed);
    return { mailbox, secret: { way: "qr", link: secret, maker } };
  }
  const { mailbox, secret } = parsePairingCode(typed);
  return { mailbox, secret: { way: "code", letters: secret } };
}

function stepOf(message: unknown): unknown {
  return typeof message === "object" && message !== null && "step" in message ? message.step : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which is no message, and spends the code like a wrong one
  }
}
