// Where a maker and a joiner of a pairing meet: a name of two or three letters, for five minutes, in memory.
// The hub carries what they say and can read none of it. Who guesses at names learns nothing: an unknown name,
// a used one, one's own and one that is over are refused alike, by the same look-up.
//
// Each owner has names of its own; only its devices find those. Strangers meet in the open room.

import { MusterError } from "../../protocol/errors.ts";
import { OPEN_MAILBOXES_MAX, OPEN_MAILBOXES_OF_TWO, OWNER_MAILBOXES_MAX } from "../../protocol/limits.ts";
import { PAIRING_LETTERS, PAIRING_LIFETIME_MS } from "../../protocol/pairing-code.ts";
import type { Clock, Random } from "../../world/world.ts";

/** Codes that one key may have out at once. */
const MAILBOXES_PER_KEY = 4;
/** What the maker may say in one mailbox: an offer to each of the joins it bears, and the confirmation. */
const MAKER_SAYS_MAX = 20;
/** Joins that one mailbox bears in all; makers give up earlier. */
const JOINS_MAX = 64;
/** Its join, and its answer. */
const JOINER_SAYS_MAX = 2;
const DRAWS_MAX = 200;

export type Reach = "anyone" | "owner";

/** Whoever speaks, as proved by its session. */
export interface Party {
  key: string;
  ownerRoots: readonly string[];
}

export interface Mailbox {
  readonly name: string;
  readonly reach: Reach;
  readonly expiresAtMs: number;
}

/** What is to be said to whom. */
export interface Delivery {
  to: string;
  mailbox: string;
  payload: string;
}

interface Open extends Mailbox {
  readonly maker: string;
  /** Where it stands in the tables. */
  readonly places: readonly { table: Map<string, Open>; name: string }[];
  makerSaid: number;
  joins: number;
  joiner: { key: string; said: number } | undefined;
  /** The last that each side was told. */
  toMaker: string | undefined;
  toJoiner: string | undefined;
}

export class Mailboxes {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #random: Pick<Random, "bytes">;
  readonly #open = new Map<string, Open>();
  /** All of one name: each owner may have one. */
  readonly #named = new Map<string, Set<Open>>();
  readonly #owned = new Map<string, Map<string, Open>>();
  /** Oldest first: all live equally long. */
  readonly #all = new Set<Open>();

  constructor(world: { clock: Pick<Clock, "monotonic">; random: Pick<Random, "bytes"> }) {
    this.#clock = world.clock;
    this.#random = world.random;
  }

  /** Those that strangers can reach. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Throws `too_many`. */
  create(maker: Party, wish: Reach): Mailbox {
    this.#expire();
    // Those that were used, or given up, are no longer out: who mistypes a few times need not wait.
    const live = [...this.#all].filter((one) => one.maker === maker.key && !isSpent(one));
    if (live.length >= MAILBOXES_PER_KEY) {
      throw new MusterError("too_many", `this device has ${MAILBOXES_PER_KEY} pairing codes out already`, {
        hint: "use one of them, or wait until it is over: five minutes",
      });
    }
    const own = maker.ownerRoots.map((root) => this.#namesOf(root));
    const isOpen = wish === "anyone" && this.#open.size < OPEN_MAILBOXES_MAX;
    if (own.some((names) => names.size >= OWNER_MAILBOXES_MAX) || (!isOpen && own.length === 0)) {
      throw new MusterError("too_many", "too many pairing codes are out", { hint: "try again in a minute" });
    }
    const tables = isOpen ? [...own, this.#open] : own;
    const name = this.#freeName(tables, isOpen && this.#open.size >= OPEN_MAILBOXES_OF_TWO ? 3 : 2);
    const mailbox: Open = {
      name,
      reach: isOpen ? "anyone" : "owner",
      expiresAtMs: this.#clock.monotonic() + PAIRING_LIFETIME_MS,
      maker: maker.key,
      places: tables.map((table) => ({ table, name })),
      makerSaid: 0,
      joins: 0,
      joiner: undefined,
      toMaker: undefined,
      toJoiner: undefined,
    };
    for (const { table } of mailbox.places) table.set(name, mailbox);
    this.#named.set(name, (this.#named.get(name) ?? new Set()).add(mailbox));
    this.#all.add(mailbox);
    return mailbox;
  }

  /** Whether a live code of the joiner's own owner has this name: then no stranger's limit applies. */
  isOwn(joiner: Party, name: string): boolean {
    this.#expire();
    return joiner.ownerRoots.some((root) => isJoinable(this.#owned.get(root)?.get(name), joiner));
  }

  /** A joiner that has not answered makes room for the next one. Throws `pairing_failed`. */
  join(joiner: Party, name: string): void {
    this.#expire();
    const mailbox = this.#find(joiner, name);
    if (mailbox === undefined || !isJoinable(mailbox, joiner)) throw unreachableMailbox();
    mailbox.joins += 1;
    mailbox.joiner = { key: joiner.key, said: 0 };
    mailbox.toJoiner = undefined;
  }

  /** Undefined when there is nobody to say it to, or more was said than a pairing has. */
  say(by: string, name: string, payload: string): Delivery | undefined {
    this.#expire();
    for (const mailbox of this.#named.get(name) ?? []) {
      const { joiner, maker } = mailbox;
      if (joiner?.key === by) {
        if (mailbox.toMaker === payload) return { to: maker, mailbox: name, payload };
        if (joiner.said >= JOINER_SAYS_MAX) return undefined;
        joiner.said += 1;
        mailbox.toMaker = payload;
        return { to: maker, mailbox: name, payload };
      }
      if (maker === by && joiner !== undefined) {
        if (mailbox.makerSaid >= MAKER_SAYS_MAX) return undefined;
        mailbox.makerSaid += 1;
        mailbox.toJoiner = payload;
        return { to: joiner.key, mailbox: name, payload };
      }
    }
    return undefined;
  }

  /** The maker gives it up. The name stays taken until its time is over, so that it is not met again soon. */
  end(by: string, name: string): Delivery | undefined {
    for (const mailbox of this.#named.get(name) ?? []) {
      if (mailbox.maker !== by) continue;
      const { joiner } = mailbox;
      mailbox.joiner = { key: "", said: JOINER_SAYS_MAX };
      mailbox.toJoiner = undefined;
      // Nothing that could be a message of a pairing: the joiner need not wait for one.
      return joiner === undefined ? undefined : { to: joiner.key, mailbox: name, payload: "{}" };
    }
    return undefined;
  }

  /** What a side that comes back may have missed. */
  missedBy(key: string): Delivery[] {
    this.#expire();
    const missed: Delivery[] = [];
    for (const { name, maker, joiner, toMaker, toJoiner } of this.#all) {
      if (maker === key && toMaker !== undefined) missed.push({ to: key, mailbox: name, payload: toMaker });
      if (joiner?.key === key && toJoiner !== undefined)
        missed.push({ to: key, mailbox: name, payload: toJoiner });
    }
    return missed;
  }

  #find(joiner: Party, name: string): Open | undefined {
    for (const root of joiner.ownerRoots) {
      const found = this.#owned.get(root)?.get(name);
      if (found !== undefined) return found;
    }
    return this.#open.get(name);
  }

  #namesOf(root: string): Map<string, Open> {
    const known = this.#owned.get(root);
    if (known !== undefined) return known;
    const names = new Map<string, Open>();
    this.#owned.set(root, names);
    return names;
  }

  /** Each free name as likely as any other. */
  #freeName(tables: readonly Map<string, Open>[], letters: 2 | 3): string {
    const isFree = (name: string): boolean => tables.every((table) => !table.has(name));
    if (letters === 3) {
      for (let draw = 0; draw < DRAWS_MAX; draw++) {
        const name = this.#draw(3);
        if (isFree(name)) return name;
      }
      throw new MusterError("too_many", "too many pairing codes are out", { hint: "try again in a minute" });
    }
    const free = TWO_LETTERS.filter(isFree);
    const name = free[this.#below(free.length)];
    return name ?? this.#freeName(tables, 3);
  }

  #draw(letters: number): string {
    let name = "";
    while (name.length < letters) name += PAIRING_LETTERS.charAt(this.#below(PAIRING_LETTERS.length));
    return name;
  }

  #below(count: number): number {
    if (count === 0) return 0;
    // What lies above the largest multiple of `count` would favour the first ones.
    const limit = 65_536 - (65_536 % count);
    for (;;) {
      const [high = 0, low = 0] = this.#random.bytes(2);
      const value = high * 256 + low;
      if (value < limit) return value % count;
    }
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const mailbox of this.#all) {
      if (mailbox.expiresAtMs > now) return;
      this.#all.delete(mailbox);
      const named = this.#named.get(mailbox.name);
      if (named?.delete(mailbox) === true && named.size === 0) this.#named.delete(mailbox.name);
      for (const { table, name } of mailbox.places) if (table.get(name) === mailbox) table.delete(name);
    }
  }
}

function isJoinable(mailbox: Open | undefined, joiner: Party): boolean {
  if (mailbox === undefined || mailbox.maker === joiner.key) return false;
  return !isSpent(mailbox) && mailbox.joins < JOINS_MAX;
}

function isSpent({ joiner }: Open): boolean {
  return (joiner?.said ?? 0) >= JOINER_SAYS_MAX;
}

/** The same as what a device says of a pairing that did not finish. */
export function unreachableMailbox(): MusterError {
  return new MusterError("pairing_failed", "That did not finish. Make a new code.", {
    hint: "run `muster pair` again on the other device; each code works for one try",
  });
}

const LETTERS = PAIRING_LETTERS.split("");
const TWO_LETTERS: readonly string[] = LETTERS.flatMap((first) => LETTERS.map((second) => first + second));
