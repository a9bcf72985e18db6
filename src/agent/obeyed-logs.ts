// The owner logs that this device obeys: its own owner's, pinned when it joined, and those of co-owners, each pinned
// by an entry of the former. A co-owner's log counts only while both logs say that this device is shared, and
// decides about nothing but its own keys. Beside them it follows those of owners who were let use something here:
// pinned in the same way, they say whose a key is, and nobody of them is obeyed.
import type { OwnerLog } from "../identity/owner-log.ts";
import { ownersLetOn } from "../identity/grant-covers.ts";
import { isShared } from "../identity/owner-log-shares.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import type { HubMessage } from "../protocol/messages.ts";
import type { OwnerLogEntry } from "../protocol/owner-log.ts";
import type { OwnerBook } from "./owner-book.ts";
import { linkKeyOf } from "./sessions/link-keys.ts";

/** One log, as whoever checks a key of it sees it. */
export interface ObeyedLog extends Pick<OwnerBook, "log" | "seen" | "problem" | "take" | "fetch"> {
  readonly ownerRoot: string;
  /** Why nobody of this owner is obeyed now; `problem` is why its log can't be read. */
  refusal(): MusterError | undefined;
}

type Own = Pick<OwnerBook, "log" | "seen" | "problem" | "take" | "fetch">;

export interface ObeyedLogsOptions {
  ownerRoot: string;
  /** This device's own. */
  publicKey: Uint8Array;
  own: Own;
  /** The copy of another owner's log, not loaded yet. */
  open(ownerRoot: string): Own & Pick<OwnerBook, "load">;
}

export class ObeyedLogs {
  readonly #options: ObeyedLogsOptions;
  readonly #own: ObeyedLog;
  /** Of other owners, for whichever reason. */
  readonly #others = new Map<string, ObeyedLog>();
  #coOwners: ReadonlySet<string> = new Set();
  #granted: ReadonlySet<string> = new Set();
  readonly #opening = new Map<string, Promise<void>>();

  constructor(options: ObeyedLogsOptions) {
    this.#options = options;
    const { own, ownerRoot } = options;
    this.#own = viewOf(ownerRoot, own, () => own.problem());
  }

  of(ownerRoot: string): ObeyedLog | undefined {
    if (ownerRoot === this.#own.ownerRoot) return this.#own;
    return this.#coOwners.has(ownerRoot) ? this.#others.get(ownerRoot) : undefined;
  }

  /** The log of an owner who was let use something here; none while it is not to be believed. */
  granted(ownerRoot: string): OwnerLog | undefined {
    return this.#granted.has(ownerRoot) ? this.#others.get(ownerRoot)?.log : undefined;
  }

  /** One that is kept here, for whichever reason: entries of it are news. */
  followed(ownerRoot: string): Pick<ObeyedLog, "take"> | undefined {
    return ownerRoot === this.#own.ownerRoot ? this.#own : this.#others.get(ownerRoot);
  }

  /** The log that has this key, its own owner's before any other, and the link key that it has there. */
  knowing(publicKey: Uint8Array): { log: ObeyedLog; linkKey: Uint8Array } | undefined {
    const all = [this.#own, ...[...this.#coOwners].flatMap((root) => this.#others.get(root) ?? [])];
    const log =
      all.find(({ seen }) => seen?.participant(publicKey) !== undefined) ??
      all.find(({ seen }) => seen?.wasRemoved(publicKey) === true);
    const linkKey = log?.seen === undefined ? undefined : linkKeyOf(log.seen, publicKey);
    return log === undefined || linkKey === undefined ? undefined : { log, linkKey };
  }

  /** At this moment: by the log that the key is of, its own owner's before any other. */
  mayCommand(publicKey: Uint8Array, nowMs: number): boolean {
    const log = this.knowing(publicKey)?.log;
    return log?.refusal() === undefined && log?.log?.mayCommand(publicKey, nowMs) === true;
  }

  /** The same, after a look at the hub for a key that no copy here has; if it has none either, a caller can bring it. */
  async find(publicKey: Uint8Array): Promise<ReturnType<ObeyedLogs["knowing"]>> {
    const known = this.knowing(publicKey);
    if (known !== undefined) return known;
    await this.fetch().catch(() => {}); // it is out of reach, or has nothing to be believed
    return this.knowing(publicKey);
  }

  /** Its own owner's log has grown, or was read: others come and go by it. Resolves once those new are open. */
  async look(): Promise<void> {
    const { own, publicKey } = this.#options;
    const device = toBase64Url(publicKey);
    const coOwners = own.log?.coOwners().filter((one) => one.device === device) ?? [];
    this.#coOwners = new Set(coOwners.map(({ owner }) => owner));
    this.#granted = new Set(ownersLetOn(own.log, device));
    for (const root of this.#others.keys()) if (!this.#isFollowed(root)) this.#others.delete(root);
    const roots = new Set([...this.#coOwners, ...this.#granted]);
    await Promise.all([...roots].map((root) => this.#open(root)));
  }

  /** Whatever the hub has that is not here yet. */
  async fetch(heads?: HubMessage<"registered">["owner_heads"]): Promise<void> {
    const { own } = this.#options;
    await own.fetch(heads);
    await this.look();
    await Promise.all([...this.#others.values()].map((log) => log.fetch(heads)));
  }

  /** Entries that somebody carried here; those of a log that counts for nothing are refused. */
  async take(entries: readonly OwnerLogEntry[]): Promise<void> {
    // Entry 0 does not name its log; whoever carries a log carries more of it.
    const root = entries.find(({ number }) => number > 0)?.log;
    const log = root === undefined ? this.#own : this.of(root);
    if (log === undefined) throw new MusterError("forbidden", "these entries are of no owner of this device");
    await log.take(entries);
  }

  #isFollowed(root: string): boolean {
    return this.#coOwners.has(root) || this.#granted.has(root);
  }

  #open(root: string): Promise<void> {
    const { open, own, publicKey } = this.#options;
    if (this.#others.has(root)) return Promise.resolve();
    const before = this.#opening.get(root);
    if (before !== undefined) return before;
    const book = open(root);
    const opening = book.load().then(() => {
      this.#opening.delete(root);
      if (!this.#isFollowed(root)) return;
      const log = viewOf(root, book, () => sharingProblem({ own, other: book, publicKey }));
      this.#others.set(root, log);
      // Where that fails it is asked for again, with the next session and for each caller that nobody knows.
      log.fetch().catch(() => {});
    });
    this.#opening.set(root, opening);
    opening.catch(() => this.#opening.delete(root));
    return opening;
  }
}

function viewOf(ownerRoot: string, book: Own, refusal: () => MusterError | undefined): ObeyedLog {
  return {
    ownerRoot,
    refusal,
    get log() {
      return book.log;
    },
    get seen() {
      return book.seen;
    },
    problem: () => book.problem(),
    take: (entries) => book.take(entries),
    fetch: (heads) => book.fetch(heads),
  };
}

/** Its own owner decides for how long, and a log of its own that is not to be believed shares nothing. */
function sharingProblem(given: { own: Own; other: Own; publicKey: Uint8Array }): MusterError | undefined {
  const problem = given.own.problem() ?? given.other.problem();
  if (problem !== undefined) return problem;
  // problem() names their absence
  const own = given.own.log as OwnerLog;
  const other = given.other.log as OwnerLog;
  if (isShared(own, other, given.publicKey)) return undefined;
  const words = other.isBegunInBrowser ? " --browser" : "";
  return new MusterError("forbidden", "this device is not shared with you, or not any more", {
    hint: `ask its owner for a new token: muster device token --share DEVICE${words}`,
  });
}
