// Pairing and relay as the messages of a session ask for them: the permission first, then limits, then the
// deed. What the two sides of a mailbox say, and what is sealed, is carried and never looked at.
import { MusterError } from "../../protocol/errors.ts";
import { OPEN_JOINS_PER_ADDRESS_AND_MINUTE, OPEN_JOINS_PER_KEY_AND_MINUTE } from "../../protocol/limits.ts";
import type { Log } from "../../protocol/log.ts";
import type { ClientMessage, HubToClient } from "../../protocol/messages.ts";
import { PAIRING_LIFETIME_MS } from "../../protocol/pairing-code.ts";
import { rootsOf } from "../../protocol/actors.ts";
import { demand } from "../../protocol/permissions.ts";
import type { Clock } from "../../world/world.ts";
import type { Audit } from "../audit.ts";
import { Mailboxes, type Delivery } from "../pairing/mailboxes.ts";
import { RateLimiter, sourceOf } from "../rate-limit.ts";
import type { Session } from "../sessions/session.ts";
import type { Pairs } from "./pairs.ts";
import { Present } from "./present.ts";
import type { Relay } from "./relay.ts";

export interface RelayDeskOptions {
  clock: Clock;
  log: Log;
  audit: Pick<Audit, "record">;
  mailboxes: Mailboxes;
  pairs: Pairs;
  relay: Relay;
  homeRoots(): readonly string[];
}

export type RelayMessage = ClientMessage<
  | "create_pairing"
  | "join_pairing"
  | "end_pairing"
  | "pairing_message"
  | "paired"
  | "unpair"
  | "send"
  | "relay_ack"
>;

const MINUTE_MS = 60_000;
/** Codes that one stranger, or one device, makes in a minute. */
const CODES_PER_MINUTE = 20;
/** Pins that a stranger's address reports in a minute: each is a row for a week. */
const PINS_PER_MINUTE = 20;
/** With so many keys paired, strangers pair no more: pairings have no end of their own. */
const PAIRED_KEYS_MAX = 100_000;
/** Messages of one session that the hub has not answered yet. */
const UNANSWERED_MAX = 64;

export class RelayDesk {
  readonly #options: RelayDeskOptions;
  readonly #present = new Present<Session>();
  readonly #joinsOfAddress: RateLimiter;
  readonly #joinsOfKey: RateLimiter;
  readonly #codes: RateLimiter;
  readonly #pins: RateLimiter;
  readonly #unanswered = new WeakMap<Session, number>();
  /** Told of each pair that is over. */
  #parted: (one: string, other: string) => void = () => {};

  constructor(options: RelayDeskOptions) {
    this.#options = options;
    const perMinute = (burst: number): RateLimiter =>
      new RateLimiter(options.clock, { burst, refillMs: MINUTE_MS });
    this.#joinsOfAddress = perMinute(OPEN_JOINS_PER_ADDRESS_AND_MINUTE);
    this.#joinsOfKey = perMinute(OPEN_JOINS_PER_KEY_AND_MINUTE);
    this.#codes = perMinute(CODES_PER_MINUTE);
    this.#pins = perMinute(PINS_PER_MINUTE);
  }

  joined(session: Session): void {
    if (session.facts.kind === "attach") return;
    const { mailboxes, pairs, relay } = this.#options;
    this.#present.joined(session);
    for (const peer of pairs.peersOf(session.key)) session.send({ type: "paired", peer });
    for (const missed of mailboxes.missedBy(session.key)) this.#deliver(missed);
    relay.joined(session);
  }

  left(session: Session): void {
    if (this.#present.left(session)) this.#options.relay.left(session);
  }

  /** For whoever keeps something open between two that are paired. */
  onParted(listener: (one: string, other: string) => void): void {
    this.#parted = listener;
  }

  /** Who speaks now for a key that this session is paired with. Throws `not_found` for any other key. */
  reach(session: Session, peer: string): Session | undefined {
    const keys = this.#options.pairs.has(session.key, peer) ? [session.key, peer] : undefined;
    demand(session.actor, "pair.reach", keys === undefined ? undefined : { kind: "pair", keys });
    return this.#present.of(peer);
  }

  /** Undefined for what asks for no answer. Throws what it is refused with. */
  async handle(session: Session, message: RelayMessage): Promise<HubToClient | undefined> {
    switch (message.type) {
      case "create_pairing":
        this.#demandPairing(session);
        return this.#create(session, message);
      case "join_pairing":
        this.#demandPairing(session);
        this.#join(session, message.mailbox);
        return { type: "done", id: message.id };
      case "end_pairing": {
        this.#demandPairing(session);
        const told = this.#options.mailboxes.end(session.key, message.mailbox);
        if (told !== undefined) this.#deliver(told);
        return undefined;
      }
      case "pairing_message": {
        this.#demandPairing(session);
        const delivery = this.#options.mailboxes.say(session.key, message.mailbox, message.payload);
        if (delivery !== undefined) this.#deliver(delivery);
        return undefined;
      }
      case "paired":
        this.#demandPairing(session);
        await this.#paired(session, message.peer);
        return { type: "done", id: message.id };
      case "unpair":
        if (this.#isToEnd(session, message.peer)) await this.#unpair(session, message.peer);
        // What is not there any more is what was asked for.
        return { type: "done", id: message.id };
      case "send":
        return this.#send(session, message);
      case "relay_ack":
        demand(session.actor, "relay.take", this.#hub());
        this.#options.relay.taken(session, message.relay_id);
        return undefined;
    }
  }

  #create(session: Session, message: ClientMessage<"create_pairing">): HubToClient {
    if (this.#codes.take(limitName(session)) > 0) {
      throw new MusterError("too_many", "too many pairing codes in a minute", { hint: "wait a minute" });
    }
    const { mailboxes, clock, log, audit } = this.#options;
    const party = { key: session.key, ownerRoots: rootsOf(session.actor) };
    const mailbox = mailboxes.create(party, message.reach);
    log.info("pairing created", { mailbox: mailbox.name, device: session.facts.deviceId });
    for (const ownerRoot of party.ownerRoots) {
      void audit.record({
        actor: `device:${session.facts.deviceId}`,
        action: "pairing.created",
        target: `mailbox:${mailbox.name}`,
        ownerRoot,
      });
    }
    return {
      type: "mailbox",
      id: message.id,
      mailbox: mailbox.name,
      expires_at: new Date(clock.now() + PAIRING_LIFETIME_MS).toISOString(),
      reach: mailbox.reach,
    };
  }

  #join(session: Session, name: string): void {
    const { mailboxes } = this.#options;
    const party = { key: session.key, ownerRoots: rootsOf(session.actor) };
    // Asked before the name is looked up, so that being held back tells nothing of it.
    if (!mailboxes.isOwn(party, name)) {
      const limiter = isStranger(session) ? this.#joinsOfAddress : this.#joinsOfKey;
      if (limiter.take(limitName(session)) > 0) {
        throw new MusterError("too_many", "too many pairing codes were tried from here", {
          hint: "wait a minute and make a new code",
        });
      }
    }
    mailboxes.join(party, name);
  }

  async #paired(session: Session, peer: string): Promise<void> {
    if (peer === session.key) throw new MusterError("pairing_failed", "a key can't be paired with itself");
    const { pairs, log } = this.#options;
    const known = pairs.has(session.key, peer);
    if (!known && isStranger(session)) {
      if (pairs.keyCount >= PAIRED_KEYS_MAX) {
        throw new MusterError("too_many", "this hub relays between too many keys already");
      }
      if (this.#pins.take(limitName(session)) > 0) {
        throw new MusterError("too_many", "too many pairings are reported from here", {
          hint: "wait a minute",
        });
      }
    }
    const outcome = await pairs.report(session.key, peer);
    if (outcome === "too_many")
      throw new MusterError("too_many", "this device is paired with too many others");
    if (outcome === "half") return;
    const other = this.#present.of(peer);
    session.send({ type: "paired", peer });
    if (known) return;
    other?.send({ type: "paired", peer: session.key });
    log.info(`devices paired ${session.facts.deviceId} <-> ${other?.facts.deviceId ?? peer}`);
    this.#record("devices.paired", session, other);
  }

  async #unpair(session: Session, peer: string): Promise<void> {
    const { pairs, relay } = this.#options;
    const removed = pairs.remove(session.key, peer);
    // From here on nobody is led to the other, whatever becomes of the row.
    this.#parted(session.key, peer);
    await removed;
    await relay.dropBetween(session.key, peer);
    const other = this.#present.of(peer);
    other?.send({ type: "not_paired", peer: session.key });
    this.#record("devices.unpaired", session, other);
  }

  async #send(session: Session, message: ClientMessage<"send">): Promise<HubToClient> {
    const { id, to, message: name, payload } = message;
    if (!this.#isPaired(session, to)) {
      session.send({ type: "not_paired", peer: to });
      throw new MusterError("not_found", "there is no such thing here");
    }
    const unanswered = (this.#unanswered.get(session) ?? 0) + 1;
    if (unanswered > UNANSWERED_MAX) {
      throw new MusterError("too_many", "too many messages at once; wait for the answers");
    }
    this.#unanswered.set(session, unanswered);
    try {
      const { held } = await this.#options.relay.send({ from: session.key, to, message: name, payload });
      return { type: "relayed", id, held };
    } finally {
      this.#unanswered.set(session, (this.#unanswered.get(session) ?? 1) - 1);
    }
  }

  #isPaired(session: Session, peer: string): boolean {
    const { key, actor } = session;
    const keys = this.#options.pairs.has(key, peer) ? [key, peer] : undefined;
    if (keys === undefined) return false;
    demand(actor, "relay.use", { kind: "pair", keys });
    return true;
  }

  /** Also a pair whose end was asked for before and could not be written down. */
  #isToEnd(session: Session, peer: string): boolean {
    if (this.#isPaired(session, peer)) return true;
    const { key, actor } = session;
    if (!this.#options.pairs.isLeftover(key, peer)) return false;
    demand(actor, "relay.use", { kind: "pair", keys: [key, peer] });
    return true;
  }

  #deliver({ to, mailbox, payload }: Delivery): void {
    this.#present.of(to)?.send({ type: "pairing_message", mailbox, payload });
  }

  #demandPairing(session: Session): void {
    demand(session.actor, "pairing.run", this.#hub());
  }

  #hub(): { kind: "hub"; ownerRoots: readonly string[] } {
    return { kind: "hub", ownerRoots: this.#options.homeRoots() };
  }

  #record(action: "devices.paired" | "devices.unpaired", session: Session, other: Session | undefined): void {
    const { audit } = this.#options;
    const roots = new Set([...rootsOf(session.actor), ...(other === undefined ? [] : rootsOf(other.actor))]);
    for (const ownerRoot of roots) {
      void audit.record({
        actor: `device:${session.facts.deviceId}`,
        action,
        target: `device:${other?.facts.deviceId ?? "away"}`,
        ownerRoot,
      });
    }
  }
}

/** Its key costs nothing to make, so its address is counted. */
function isStranger(session: Session): boolean {
  return session.facts.kind !== "register";
}

function limitName(session: Session): string {
  return isStranger(session) ? sourceOf(session.facts.address) : session.key;
}
