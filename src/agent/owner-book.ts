// The device's own copy of its owner's log. Who may command is decided by this copy and never by the hub:
// it begins with the entry whose hash was pinned when the device joined, it only grows, and what it has once
// seen it does not forget, unless the owner's written words take the log back. Two entries with one number are a
// fork: from then on no command is taken.
import type { Kysely } from "kysely";
import type { Crypto } from "../identity/crypto.ts";
import { longestValid, verifyLog, type OwnerLog } from "../identity/owner-log.ts";
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { OWNER_LOG_MAX_ENTRIES } from "../protocol/limits.ts";
import type { Log } from "../protocol/log.ts";
import type { HubMessage } from "../protocol/messages.ts";
import { ownerLogEntry, type OwnerLogEntry } from "../protocol/owner-log.ts";
import type { CommonDatabase } from "../store/common-schema.ts";
import { inTransaction } from "../store/in-transaction.ts";
import { appendLogEntry, dropLogTail, listLogEntries } from "../store/owner-log-rows.ts";
import { getSetting, removeSetting, setSetting } from "../store/settings.ts";
import type { HubPort } from "./hub-port.ts";
import type { Notices } from "./notices.ts";

export interface OwnerBookOptions {
  db: Kysely<CommonDatabase>;
  crypto: Crypto;
  hub: HubPort;
  /** Id of the log, base64url, pinned when this home joined. */
  ownerRoot: string;
  notices: Pick<Notices, "set" | "clear">;
  log: Log;
  /** The copy has grown, durably. */
  grown?(log: OwnerLog): void;
}

const FORKED_NOTICE =
  "the owner log has two entries with one number: this device takes no commands until its owner settles it " +
  "(`muster device owners reset`)";
const DAMAGED_NOTICE =
  "this device's copy of the owner log is damaged: it takes no commands (set state.db aside to fetch it anew)";

type Soundness = "sound" | "forked" | "damaged";

export class OwnerBook {
  readonly #options: OwnerBookOptions;
  #log: OwnerLog | undefined;
  #soundness: Soundness = "sound";
  /** Entries are taken one batch after another, so that each is checked against what really came before. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: OwnerBookOptions) {
    this.#options = options;
  }

  /** The log as far as it is known; undefined when none is, or when it is not to be believed. */
  get log(): OwnerLog | undefined {
    return this.#soundness === "sound" ? this.#log : undefined;
  }

  /** As it was before it was found to be forked: whose keys these are, not what they may. */
  get seen(): OwnerLog | undefined {
    return this.#log;
  }

  /** Why no command is taken, for whoever sent one. */
  problem(): MusterError | undefined {
    if (this.#soundness === "forked") return new MusterError("owner_log_forked", FORKED_NOTICE);
    if (this.#soundness === "damaged") return new MusterError("owner_log_invalid", DAMAGED_NOTICE);
    if (this.#log !== undefined) return undefined;
    return new MusterError("unavailable", "this device has not seen its owner log yet", {
      hint: "it fetches it when the hub is reached",
    });
  }

  /** Reads and checks the copy on the disk. */
  async load(): Promise<void> {
    const { db, crypto, ownerRoot } = this.#options;
    if ((await getSetting(db, forkKey(ownerRoot))) !== undefined) this.#become("forked");
    const rows = await listLogEntries(db, ownerRoot);
    if (rows.length === 0) return;
    try {
      const log = verifyLog(
        crypto,
        rows.map((row) => ownerLogEntry.parse(JSON.parse(row.json))),
      );
      if (toBase64Url(log.id) !== ownerRoot) throw new Error("it is another owner's");
      this.#log = log;
    } catch (error) {
      this.#options.log.error("the copy of the owner log is damaged", { error });
      this.#become("damaged");
    }
  }

  /**
   * Asks the hub for what came after the last known entry. That entry is asked for too, and must be the same.
   * `heads`, as the hub told them: a copy that ends where the hub's ends lacks nothing.
   */
  async fetch(heads: HubMessage<"registered">["owner_heads"] = []): Promise<void> {
    const { hub, ownerRoot } = this.#options;
    const told = heads.find(({ owner_root }) => owner_root === ownerRoot);
    const head = this.#log?.head;
    if (head !== undefined && told?.number === head.number && told.hash === toBase64Url(head.hash)) return;
    for (let page = 0; page < OWNER_LOG_MAX_ENTRIES; page++) {
      const length = this.#log?.length ?? 0;
      const asked = { type: "log_get", owner_root: ownerRoot, from: Math.max(0, length - 1) } as const;
      const answer = await hub.request(asked, "log_entries");
      if (answer.owner_root !== ownerRoot) throw otherLog();
      await this.take(answer.entries);
      if ((this.#log?.length ?? 0) === length) return;
    }
  }

  /** Takes what fits, durably. Rejects with the reason when something did not; what came before it is kept. */
  async take(entries: readonly OwnerLogEntry[]): Promise<void> {
    const turn = this.#turn.then(() => this.#take(entries));
    this.#turn = turn.catch(() => {});
    await turn;
  }

  /**
   * By its own user's will: forgets the copy, fork and all, for the list that the hub has, whose beginning must still
   * be the pinned one. Without `head`, or where the list ends elsewhere, nothing is done but looking.
   */
  async reset(head: string | null): Promise<{ log: OwnerLog; done: boolean }> {
    const { crypto, hub, ownerRoot } = this.#options;
    const asked = { type: "log_get", owner_root: ownerRoot, from: 0 } as const;
    const log = verifyLog(crypto, (await hub.request(asked, "log_entries")).entries);
    if (toBase64Url(log.id) !== ownerRoot) throw otherLog();
    if (head !== toBase64Url(log.head.hash)) return { log, done: false };
    await this.#store(log, 0);
    this.#log = log;
    await this.#becomeSound();
    this.#options.grown?.(log);
    return { log, done: true };
  }

  async #take(entries: readonly OwnerLogEntry[]): Promise<void> {
    const { crypto, ownerRoot } = this.#options;
    if (this.#soundness === "damaged") return;
    const known = this.#log;
    const { log, refused } = longestValid(crypto, known, entries);
    if (refused?.code === "owner_log_forked") {
      await this.#fork(refused);
      throw refused;
    }
    if (log !== undefined && log !== known) {
      if (toBase64Url(log.id) !== ownerRoot) throw otherLog();
      await this.#store(log, commonLength(known, log));
      this.#log = log;
      await this.#settled(known, log);
      this.#options.grown?.(log);
    }
    if (refused !== undefined) throw refused;
  }

  async #store(log: OwnerLog, from: number): Promise<void> {
    const { db, ownerRoot } = this.#options;
    await inTransaction(db, async (transaction) => {
      await dropLogTail(transaction, ownerRoot, from);
      for (const entry of log.entries.slice(from)) {
        const { outcome } = await appendLogEntry(transaction, {
          owner_root: ownerRoot,
          number: entry.number,
          hash: log.hashAt(entry.number) ?? new Uint8Array(0),
          json: JSON.stringify(entry),
          previous: entry.number === 0 ? undefined : fromBase64Url(entry.previous),
        });
        if (outcome === "conflict" || outcome === "full") {
          throw new MusterError(
            "state_corrupt",
            `entry ${entry.number} of the owner log can't be kept (${outcome})`,
          );
        }
      }
    });
  }

  /** Words that take the log back beat both branches of a fork. */
  async #settled(known: OwnerLog | undefined, log: OwnerLog): Promise<void> {
    const recovered = log.entries.slice(commonLength(known, log)).some(({ kind }) => kind === "recover");
    if (this.#soundness === "forked" && recovered) await this.#becomeSound();
  }

  async #becomeSound(): Promise<void> {
    const { db, notices, ownerRoot } = this.#options;
    await removeSetting(db, forkKey(ownerRoot));
    this.#soundness = "sound";
    notices.clear("owner_log");
  }

  /** Kept on the disk: a restart is no way to make the device forget what it saw. */
  async #fork(refused: MusterError): Promise<void> {
    this.#become("forked");
    this.#options.log.error("the owner log is forked", { reason: refused.message });
    await setSetting(this.#options.db, forkKey(this.#options.ownerRoot), refused.message);
  }

  #become(soundness: "forked" | "damaged"): void {
    this.#soundness = soundness;
    this.#options.notices.set("owner_log", soundness === "forked" ? FORKED_NOTICE : DAMAGED_NOTICE);
  }
}

/** How many entries both have. */
function commonLength(known: OwnerLog | undefined, log: OwnerLog): number {
  let length = Math.min(known?.length ?? 0, log.length);
  const same = (number: number): boolean =>
    toBase64Url(known?.hashAt(number) ?? new Uint8Array(0)) ===
    toBase64Url(log.hashAt(number) ?? new Uint8Array(0));
  // Chained by their hashes: where one is the same, all before it are.
  while (length > 0 && !same(length - 1)) length -= 1;
  return length;
}

function forkKey(ownerRoot: string): string {
  return `owner_log.forked.${ownerRoot}`;
}

function otherLog(): MusterError {
  return new MusterError("owner_log_invalid", "the hub sent the log of another owner");
}
