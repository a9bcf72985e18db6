// The owner logs of this hub: checked once when they come, kept checked in memory, written by compare-and-set.
// The hub is not believed about them by anyone; it checks so that nonsense never gets in.
import type { Kysely } from "kysely";
import type { Crypto } from "../identity/crypto.ts";
import {
  extendLog,
  readCheckedLog,
  verifyLog,
  type CheckedEntry,
  type OwnerLog,
} from "../identity/owner-log.ts";
import { pinOf } from "../identity/setup-token.ts";
import { fromBase64Url, toBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import { ownerLogEntry, type OwnerLogEntry } from "../protocol/owner-log.ts";
import type { Role } from "../protocol/actors.ts";
import type { OwnerLogTable } from "../store/common-schema.ts";
import type { HubDatabase } from "../store/hub-schema.ts";
import { addInvite } from "../store/invites.ts";
import { inTransaction } from "../store/in-transaction.ts";
import {
  appendLogEntry,
  dropLogTail,
  listLogEntries,
  listOwnerRoots,
  type NewLogEntry,
} from "../store/owner-log-rows.ts";
import { addOwner } from "../store/owners.ts";
import { demandOwnKey } from "./foreign-keys.ts";
import { LogIndex } from "./log-index.ts";
import type { VouchedLogs } from "./vouched-logs.ts";

export interface OwnerLogsOptions {
  db: Kysely<HubDatabase>;
  crypto: Crypto;
  hubKey: Uint8Array;
  now(): number;
}

export class OwnerLogs {
  readonly #options: OwnerLogsOptions;
  readonly #logs = new Map<string, OwnerLog>();
  /** Keys that stand in a log, base64url. */
  readonly #belonging = new LogIndex();
  /** Keys that were let use something, and the ids of other owners' logs. */
  readonly #granted = new LogIndex();
  readonly #listeners: ((root: string, entries: OwnerLogEntry[]) => void)[] = [];
  #appending: Promise<void> = Promise.resolve();

  constructor(options: OwnerLogsOptions) {
    this.#options = options;
  }

  /**
   * Reads every log, and checks what was not checked by this hub before. Throws `owner_log_invalid` when the
   * database was tampered with.
   */
  async load(vouched: VouchedLogs): Promise<void> {
    const { db, crypto } = this.#options;
    const grown = new Map<string, OwnerLogTable[]>();
    for (const root of await listOwnerRoots(db)) {
      const rows = await listLogEntries(db, root);
      const known = await vouched.knownOf(root, rows);
      const rest = rows.slice(known).map((row) => readEntry(row.json));
      if (known === 0) this.#keep(root, verifyLog(crypto, rest));
      else
        this.#keep(
          root,
          extendLog(crypto, readCheckedLog(crypto, rows.slice(0, known).map(checkedEntry)), rest),
        );
      if (known < rows.length) grown.set(root, rows);
    }
    await vouched.vouch(grown);
  }

  get(root: string): OwnerLog | undefined {
    return this.#logs.get(root);
  }

  roots(): string[] {
    return [...this.#logs.keys()];
  }

  /** What this key may do, for each owner that it belongs to. */
  rolesOf(publicKey: Uint8Array): ReadonlyMap<string, Role> {
    const roles = new Map<string, Role>();
    const now = this.#options.now();
    for (const root of this.#belonging.rootsOf(toBase64Url(publicKey))) {
      const role = this.#logs.get(root)?.rightOf(publicKey, now);
      if (role !== undefined) roles.set(root, role);
    }
    return roles;
  }

  /** Which logs have a grant for this key, or for this log of another owner: base64url, whatever its time. */
  granting(grantee: string): string[] {
    return this.#granted.rootsOf(grantee);
  }

  /** Told after each entry that is durably in. */
  onAppended(listener: (root: string, entries: OwnerLogEntry[]) => void): void {
    this.#listeners.push(listener);
  }

  /** Entry 0 of a new owner. The same entry again changes nothing. */
  async begin(entry: OwnerLogEntry): Promise<string> {
    const { crypto, db, hubKey, now } = this.#options;
    const log = verifyLog(crypto, [entry]);
    const root = toBase64Url(log.id);
    if (this.#logs.has(root)) return root;
    await addOwner(db, {
      owner_root: root,
      user_id: null,
      pin: pinOf(crypto, log.id, hubKey),
      created_at: now(),
    });
    await this.#store(root, log, entry);
    this.#keep(root, log);
    this.#tell(root, [entry]);
    return root;
  }

  /** Throws `owner_log_invalid` for an entry that may not stand there, `conflict` when the log has moved on. */
  append(entry: OwnerLogEntry): Promise<void> {
    return this.inTurn(() => this.#append(entry));
  }

  /** One after the other: what `write` looks at first is still so when it has written. */
  inTurn<Result>(write: () => Promise<Result>): Promise<Result> {
    const written = this.#appending.then(write);
    this.#appending = written.then(
      () => {},
      () => {}, // whoever writes hears of it
    );
    return written;
  }

  async #append(entry: OwnerLogEntry): Promise<void> {
    const log = this.#logs.get(entry.log);
    if (log === undefined) throw new MusterError("not_found", "there is no such owner log here");
    if (entry.number !== log.length) {
      if (isKnown(log, entry)) return;
      if (entry.kind !== "recover" || entry.number > log.length) throw movedOn(log);
    }
    const longer = extendLog(this.#options.crypto, log, [entry]);
    this.demandOwnKey(entry);
    await this.#store(entry.log, longer, entry);
    this.#keep(entry.log, longer);
    this.#tell(entry.log, [entry]);
  }

  /** Throws `forbidden` where the entry takes a key that another owner here has. */
  demandOwnKey(entry: OwnerLogEntry): void {
    demandOwnKey((key) => this.#othersNaming(key, entry.log), entry);
  }

  /** A log that another transaction has put in: from now on it counts here too. */
  began(log: OwnerLog): void {
    const root = toBase64Url(log.id);
    if (this.#logs.has(root)) return;
    this.#keep(root, log);
    this.#tell(root, [...log.entries]);
  }

  /** An entry that another transaction has put in (a claim): from now on it counts here too. */
  appended(entry: OwnerLogEntry): void {
    const log = this.#logs.get(entry.log);
    if (log === undefined || entry.number !== log.length) return;
    this.#keep(entry.log, extendLog(this.#options.crypto, log, [entry]));
    this.#tell(entry.log, [entry]);
  }

  async #store(root: string, log: OwnerLog, entry: OwnerLogEntry): Promise<void> {
    const { db, now } = this.#options;
    await inTransaction(db, async (transaction) => {
      if (entry.kind === "recover") await dropLogTail(transaction, root, entry.number);
      const result = await appendLogEntry(transaction, logRow(root, log, entry));
      if (result.outcome === "conflict") throw movedOn(log);
      if (result.outcome === "full") throw new MusterError("too_many", "the owner log is full");
      const offer = entry.kind === "share" ? log.shareOffer(entry.number) : undefined;
      if (offer !== undefined && offer.spentBy === undefined) {
        const claimKey = fromBase64Url(offer.claimKey) ?? new Uint8Array(0);
        const { number, expiresAtMs: expiresAt } = offer;
        await addInvite(transaction, { claimKey, ownerRoot: root, number, role: "owner", expiresAt }, now());
      }
      const invite = entry.kind === "invite" ? log.invite(entry.number) : undefined;
      if (invite === undefined) return;
      await addInvite(
        transaction,
        {
          claimKey: invite.claimKey,
          ownerRoot: root,
          number: invite.number,
          role: "member",
          expiresAt: invite.expiresAtMs,
          ...(invite.names[0] === undefined ? {} : { name: invite.names[0] }),
        },
        now(),
      );
    });
  }

  #keep(root: string, log: OwnerLog): void {
    this.#logs.set(root, log);
    this.#belonging.keep(
      root,
      log.participants().map(({ publicKey }) => toBase64Url(publicKey)),
    );
    this.#granted.keep(root, log.grantees());
  }

  /** Logs of other owners in which the key stands, or has a grant. */
  #othersNaming(key: string, own: string): OwnerLog[] {
    const roots = new Set([...this.#belonging.rootsOf(key), ...this.#granted.rootsOf(key)]);
    roots.delete(own);
    return [...roots].flatMap((root) => this.#logs.get(root) ?? []);
  }

  #tell(root: string, entries: OwnerLogEntry[]): void {
    for (const listener of this.#listeners) listener(root, entries);
  }
}

/** The stored form of the last entry of `log`. */
export function logRow(root: string, log: OwnerLog, entry: OwnerLogEntry): NewLogEntry {
  const hash = log.hashAt(entry.number) ?? new Uint8Array(0);
  const previous = entry.number === 0 ? undefined : fromBase64Url(entry.previous);
  return { owner_root: root, number: entry.number, hash, json: JSON.stringify(entry), previous };
}

/** As it was written: the shape was checked when it came. */
function checkedEntry({ json, hash }: OwnerLogTable): CheckedEntry {
  return { entry: JSON.parse(json) as OwnerLogEntry, hash };
}

function readEntry(json: string): OwnerLogEntry {
  return ownerLogEntry.parse(JSON.parse(json));
}

function isKnown(log: OwnerLog, entry: OwnerLogEntry): boolean {
  const known = log.entries[entry.number];
  return known !== undefined && JSON.stringify(known) === JSON.stringify(entry);
}

function movedOn(log: OwnerLog): MusterError {
  return new MusterError("conflict", `the owner log has moved on to ${log.length} entries`, {
    hint: "fetch it and sign again",
  });
}
