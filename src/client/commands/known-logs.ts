// The owner logs that a hub has shown to a page, and the one of them by which this key commands. What was seen is never
// gone back on: by the head that was remembered, across visits as well.
import type { Crypto } from "../../identity/crypto.ts";
import { extendLog, longestValid, type OwnerLog } from "../../identity/owner-log.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import type { OwnerLogBook } from "./owner-log-book.ts";

/** Where a log ended when it was last seen. */
export interface RememberedHead {
  /** Id of the log, base64url. */
  root: string;
  number: number;
  /** base64url */
  hash: string;
}

export interface KnownLogsOptions {
  crypto: Crypto;
  ownKey: Uint8Array;
  /** Of the log that let this key in; undefined when none has yet. */
  remembered: RememberedHead | undefined;
  /** The log by which this key commands has another end. */
  remember(head: RememberedHead): void;
  changed(): void;
}

/** Of owners who share one account: far more than there are. */
const LOGS_MAX = 16;

export class KnownLogs implements OwnerLogBook {
  readonly #options: KnownLogsOptions;
  readonly #logs = new Map<string, OwnerLog>();
  readonly #forked = new Set<string>();
  #remembered: RememberedHead | undefined;

  constructor(options: KnownLogsOptions) {
    this.#options = options;
    this.#remembered = options.remembered;
  }

  /** The one that lets this key command; where none does, the one that knows it, or the first. */
  get log(): OwnerLog | undefined {
    const { ownKey } = this.#options;
    const all = [...this.#logs.values()];
    return (
      this.#logs.get(this.#remembered?.root ?? "") ??
      all.find((log) => log.participant(ownKey)?.controller !== undefined) ??
      all[0]
    );
  }

  problem(): MusterError | undefined {
    const { log } = this;
    if (log === undefined) return new MusterError("unavailable", "the hub has shown no owner log yet");
    const root = toBase64Url(log.id);
    if (this.#forked.has(root)) {
      return new MusterError(
        "owner_log_forked",
        "the owner log has two histories, so nothing is ordered by it",
        {
          hint: "see who wrote it: muster device owners",
        },
      );
    }
    return this.#remembered === undefined ? undefined : gapOf(log, root, this.#remembered);
  }

  /** What the hub shows: what fits is taken, and what does not is not believed. */
  hear(root: string, entries: readonly OwnerLogEntry[]): void {
    const known = this.#logs.get(root);
    if (known === undefined && this.#logs.size >= LOGS_MAX) return;
    const { log, refused } = longestValid(this.#options.crypto, known, entries);
    if (refused?.code === "owner_log_forked") this.#forked.add(root);
    if (log !== undefined && toBase64Url(log.id) === root) this.#keep(root, log);
    this.#options.changed();
  }

  // oxlint-disable-next-line typescript/require-await -- what throws here is to be a rejection
  async take(entries: readonly OwnerLogEntry[]): Promise<void> {
    const { log } = this;
    if (log === undefined) return;
    const root = toBase64Url(log.id);
    try {
      this.#keep(root, extendLog(this.#options.crypto, log, entries));
    } catch (error) {
      if (error instanceof MusterError && error.code === "owner_log_forked") this.#forked.add(root);
      throw error;
    } finally {
      this.#options.changed();
    }
  }

  #keep(root: string, log: OwnerLog): void {
    const { ownKey, remember } = this.#options;
    this.#logs.set(root, log);
    const isMine = this.#remembered?.root === root;
    const letsIn = this.#remembered === undefined && log.participant(ownKey)?.controller !== undefined;
    if (!letsIn && !(isMine && this.problem() === undefined)) return;
    const { number, hash } = log.head;
    const head = { root, number, hash: toBase64Url(hash) };
    if (this.#remembered?.hash === head.hash) return;
    this.#remembered = head;
    remember(head);
  }
}

function gapOf(log: OwnerLog, root: string, seen: RememberedHead): MusterError | undefined {
  if (seen.root !== root) {
    return new MusterError(
      "owner_log_invalid",
      "the hub shows another owner's log than the one that let this browser in",
      {
        hint: "if you have set the hub up anew, open a new sign-in link: muster hub login-link",
      },
    );
  }
  if (log.length <= seen.number) {
    return new MusterError(
      "owner_log_invalid",
      "the hub shows an older owner log than this browser has seen",
      {
        hint: "it may have been restored from an older copy: look at it with `muster device owners`",
      },
    );
  }
  const isSame = toBase64Url(log.hashAt(seen.number) ?? new Uint8Array(0)) === seen.hash;
  // Words that take the log back may have taken the place of what was seen.
  const isRecovered = log.entries.slice(0, seen.number + 1).some(({ kind }) => kind === "recover");
  if (isSame || isRecovered) return undefined;
  return new MusterError(
    "owner_log_forked",
    "the hub shows another history of the owner log than this browser has seen",
  );
}
