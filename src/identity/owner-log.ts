// The owner log: who may command an owner's devices, as an append-only list of signed entries.
//
// An `OwnerLog` is a list that was checked from entry 0 on: every signature, every scope at its number, the
// chain unbroken. It never changes; `extendLog` gives a longer one. What does not fit is refused with
// `owner_log_invalid` and the reason; two valid entries of one number are `owner_log_forked`, which only a
// holder of a key can bring about, never whoever merely carries the entries.

import { equalBytes, fromBase64Url, toBase64Url, utf8 } from "../protocol/bytes.ts";
import { canonicalJson } from "../protocol/canonical-json.ts";
import { MusterError } from "../protocol/errors.ts";
import { OWNER_LOG_ENTRY_MAX_BYTES, OWNER_LOG_MAX_ENTRIES } from "../protocol/limits.ts";
import { ownerLogEntry } from "../protocol/owner-log.ts";
import type { EntryBody, KnownKind, OwnerLogEntry, Scope } from "../protocol/owner-log.ts";
import { signedBytes } from "../protocol/signed.ts";
import type { SignedFields } from "../protocol/signed.ts";
import type { Crypto, Signer } from "./crypto.ts";
import { applyEntry } from "./owner-log-rules.ts";
import { copyState, emptyState, hasAdmin, hasScope, keyText } from "./owner-log-state.ts";
import type { CoOwner, Grant, Invite, LogState, Participant, ShareOffer } from "./owner-log-state.ts";

const NO_HASH = new Uint8Array(32);

export class OwnerLog {
  readonly #entries: readonly OwnerLogEntry[];
  readonly #hashes: readonly Uint8Array[];
  readonly #state: LogState;

  /** Only for the functions of this file: it believes what it is given. */
  constructor(checked: Checked) {
    this.#entries = checked.entries;
    this.#hashes = checked.hashes;
    this.#state = checked.state;
  }

  /** The hash of entry 0 (`owner_root`). */
  get id(): Uint8Array {
    return this.hashAt(0) ?? NO_HASH;
  }

  get length(): number {
    return this.#entries.length;
  }

  get entries(): readonly OwnerLogEntry[] {
    return this.#entries;
  }

  /** What both sides of a session compare: the last number and its hash. */
  get head(): { number: number; hash: Uint8Array } {
    const number = this.length - 1;
    return { number, hash: this.hashAt(number) ?? NO_HASH };
  }

  hashAt(number: number): Uint8Array | undefined {
    return this.#hashes[number];
  }

  participant(publicKey: Uint8Array): Participant | undefined {
    return this.#state.participants.get(keyText(publicKey));
  }

  participants(): readonly Participant[] {
    return [...this.#state.participants.values()];
  }

  /** Whether an entry of this log took the key out of it, for good. */
  wasRemoved(publicKey: Uint8Array): boolean {
    return this.#state.removed.has(keyText(publicKey));
  }

  /** Of a key that has one alone, as programs' have. */
  grantOf(publicKey: Uint8Array, nowMs: number): Grant | undefined {
    return this.grantsOf(publicKey, nowMs)[0];
  }

  /** What a key that is no device of the owner may use now. */
  grantsOf(publicKey: Uint8Array, nowMs: number): readonly Grant[] {
    return this.#grantsNow(keyText(publicKey), nowMs).filter(({ holder }) => holder !== "owner");
  }

  /** What all who stand in the log of another owner may use now; `ownerRoot` is the id of that log. */
  ownerGrantsOf(ownerRoot: string, nowMs: number): readonly Grant[] {
    return this.#grantsNow(ownerRoot, nowMs).filter(({ holder }) => holder === "owner");
  }

  /** Those whose time is over included. */
  grants(): readonly Grant[] {
    return [...this.#state.grants.values()].flat();
  }

  /** Who has grants, base64url: keys, and of other owners the ids of their logs. */
  grantees(): readonly string[] {
    return [...this.#state.grants.keys()];
  }

  invite(number: number): Invite | undefined {
    return this.#state.invites.get(number);
  }

  invites(): readonly Invite[] {
    return [...this.#state.invites.values()];
  }

  shareOffer(number: number): ShareOffer | undefined {
    return this.#state.offers.get(number);
  }

  /** Other owners of devices of this owner, as this log has it. */
  coOwners(): readonly CoOwner[] {
    return [...this.#state.coOwners.values()];
  }

  mayCommand(publicKey: Uint8Array, nowMs: number): boolean {
    return this.#has(publicKey, "command", nowMs);
  }

  mayAdmin(publicKey: Uint8Array, nowMs: number): boolean {
    return this.#has(publicKey, "admin", nowMs);
  }

  /** A controller whose time is over is what it was before: a member, or nobody. */
  roleOf(publicKey: Uint8Array, nowMs: number): "controller" | "member" | undefined {
    if (this.mayCommand(publicKey, nowMs) || this.mayAdmin(publicKey, nowMs)) return "controller";
    return this.participant(publicKey)?.member === true ? "member" : undefined;
  }

  /** The most that the key may do; undefined for one that the log does not know. */
  rightOf(publicKey: Uint8Array, nowMs: number): "admin" | "command" | "member" | undefined {
    const participant = this.participant(publicKey);
    if (participant === undefined) return undefined;
    if (nowMs < (participant.controller?.untilMs ?? Number.POSITIVE_INFINITY)) {
      if (hasScope(participant, "admin")) return "admin";
      if (hasScope(participant, "command")) return "command";
    }
    return participant.member ? "member" : undefined;
  }

  /** Whether written words can take this log back. */
  get hasRecovery(): boolean {
    return this.#state.recovery !== undefined;
  }

  /** No device may write this log: whoever has its words does. */
  get isKeptByWords(): boolean {
    return !hasAdmin(this.#state);
  }

  /** For good: what a page began stays that, also where a machine writes it by now. */
  get isBegunInBrowser(): boolean {
    return this.#state.begunInBrowser;
  }

  /** A copy of the state, for the functions of this file. */
  copyState(): LogState {
    return copyState(this.#state);
  }

  #grantsNow(key: string, nowMs: number): readonly Grant[] {
    const grants = this.#state.grants.get(key) ?? [];
    return grants.filter(({ untilMs }) => nowMs < (untilMs ?? Number.POSITIVE_INFINITY));
  }

  #has(publicKey: Uint8Array, scope: Scope, nowMs: number): boolean {
    const participant = this.participant(publicKey);
    const untilMs = participant?.controller?.untilMs ?? Number.POSITIVE_INFINITY;
    return hasScope(participant, scope) && nowMs < untilMs;
  }
}

interface Checked {
  readonly entries: readonly OwnerLogEntry[];
  readonly hashes: readonly Uint8Array[];
  readonly state: LogState;
}

/** One entry to write: its kind and body, and who signs it. */
export type NewEntry = {
  [Kind in KnownKind]: { kind: Kind; body: EntryBody<Kind>; signer: Signer };
}[KnownKind];

export async function beginLog(
  crypto: Crypto,
  signer: Signer,
  device: Omit<EntryBody<"begin">, "nonce">,
): Promise<OwnerLog> {
  const nonce = toBase64Url(crypto.randomBytes(32));
  const entry = await writeEntry(undefined, { kind: "begin", body: { ...device, nonce }, signer });
  return verifyLog(crypto, [entry]);
}

/** Signs one more entry. Throws `owner_log_invalid` with the reason when it may not stand there. */
export async function appendEntry(crypto: Crypto, log: OwnerLog, entry: NewEntry): Promise<OwnerLog> {
  return extendLog(crypto, log, [await writeEntry(log, entry)]);
}

/** An entry with the hash that was computed when it was checked. */
export interface CheckedEntry {
  entry: OwnerLogEntry;
  hash: Uint8Array;
}

/** A list that this very program checked before, and knows to be the same: only what it says is read again. */
export function readCheckedLog(crypto: Crypto, checked: readonly CheckedEntry[]): OwnerLog {
  const entries = checked.map(({ entry }) => entry);
  const hashes = checked.map(({ hash }) => hash);
  return new OwnerLog(draftUpTo(crypto, { entries, hashes, state: emptyState() }, entries.length));
}

/** As `appendEntry`, in place of entry `number` and all behind it. */
export async function recoverLog(
  crypto: Crypto,
  log: OwnerLog,
  entry: NewEntry & { kind: "recover"; number: number },
): Promise<OwnerLog> {
  const { number, ...written } = entry;
  const shorter = number >= log.length ? log : new OwnerLog(draftUpTo(crypto, checkedOf(log), number));
  return extendLog(crypto, log, [await writeEntry(shorter, written)]);
}

function checkedOf(log: OwnerLog): Checked {
  const hashes = log.entries.map((_, number) => log.hashAt(number) ?? NO_HASH);
  return { entries: log.entries, hashes, state: log.copyState() };
}

/** Checks a whole list from entry 0 on. */
export function verifyLog(crypto: Crypto, entries: readonly OwnerLogEntry[]): OwnerLog {
  const { log, refused } = longestValid(crypto, undefined, entries);
  if (refused !== undefined) throw refused;
  if (log === undefined) throw invalid("the list is empty");
  return log;
}

/**
 * A log with more entries. They begin at or before its end; what it has already is compared and must be the
 * same. All or nothing: one bad entry and the log stays as it was.
 */
export function extendLog(crypto: Crypto, log: OwnerLog, entries: readonly OwnerLogEntry[]): OwnerLog {
  const result = longestValid(crypto, log, entries);
  if (result.refused !== undefined) throw result.refused;
  return result.log ?? log;
}

/**
 * The same, keeping the entries before the first bad one: for what comes from a peer that may be newer, or
 * from a hub that may spoil the tail. A fork keeps nothing.
 */
export function longestValid(
  crypto: Crypto,
  log: OwnerLog | undefined,
  entries: readonly OwnerLogEntry[],
): { log: OwnerLog | undefined; refused: MusterError | undefined } {
  const known = log === undefined ? undefined : checkedOf(log);
  const draft: Draft = {
    entries: [...(known?.entries ?? [])],
    hashes: [...(known?.hashes ?? [])],
    state: known?.state ?? emptyState(),
  };
  let refused: MusterError | undefined;
  for (const entry of entries) {
    // What stands behind such an entry was written in vain.
    if (isBeaten(crypto, draft, entry)) break;
    if (replaceTail(crypto, draft, entry)) continue;
    refused =
      entry.number < draft.entries.length
        ? compareEntry(crypto, draft, entry)
        : addEntry(crypto, draft, entry);
    if (refused !== undefined) break;
  }
  const changed = draft.entries.length !== (log?.length ?? 0) || !isSameTail(log, draft);
  if (refused?.code === "owner_log_forked" || !changed) return { log, refused };
  return { log: new OwnerLog(draft), refused };
}

interface Draft {
  entries: OwnerLogEntry[];
  hashes: Uint8Array[];
  state: LogState;
}

/**
 * An entry of a branch that a `recover` entry known here has taken the place of. Of the two branches this one
 * counts, whoever has which first.
 */
function isBeaten(crypto: Crypto, draft: Draft, entry: OwnerLogEntry): boolean {
  const stored = draft.entries[entry.number];
  if (stored?.kind !== "recover" || entry.kind === "recover") return false;
  return !equalBytes(hashOf(crypto, entry) ?? NO_HASH, draft.hashes[entry.number] ?? NO_HASH);
}

/**
 * A valid `recover` entry takes the place of what stands at its number and behind it; unless that holds another
 * `recover` entry, which then is a fork like any other. False where nothing of the kind is to be done.
 */
function replaceTail(crypto: Crypto, draft: Draft, entry: OwnerLogEntry): boolean {
  const { number, kind } = entry;
  if (kind !== "recover" || number === 0 || number >= draft.entries.length) return false;
  if (draft.entries.slice(number).some((one) => one.kind === "recover")) return false;
  const shape = ownerLogEntry.safeParse(entry);
  if (!shape.success) return false;
  const shorter = draftUpTo(crypto, draft, number);
  if (addEntry(crypto, shorter, shape.data) !== undefined) return false;
  Object.assign(draft, shorter);
  return true;
}

function isSameTail(log: OwnerLog | undefined, draft: Draft): boolean {
  const last = draft.hashes.length - 1;
  return equalBytes(log?.hashAt(last) ?? NO_HASH, draft.hashes[last] ?? NO_HASH);
}

function hashOf(crypto: Crypto, entry: OwnerLogEntry): Uint8Array | undefined {
  const shape = ownerLogEntry.safeParse(entry);
  return shape.success ? crypto.sha256(signedBytes("log", decodeEntry(shape.data).fields)) : undefined;
}

/** Adds the entry to the draft, or says why not and leaves it as it was. */
function addEntry(crypto: Crypto, draft: Draft, entry: OwnerLogEntry): MusterError | undefined {
  const number = draft.entries.length;
  if (number >= OWNER_LOG_MAX_ENTRIES) return invalid(`it is full with ${OWNER_LOG_MAX_ENTRIES} entries`);
  const shape = ownerLogEntry.safeParse(entry);
  if (!shape.success) return invalid(`entry ${number} is malformed`);
  const stored = shape.data;
  if (utf8(JSON.stringify(stored)).length > OWNER_LOG_ENTRY_MAX_BYTES) {
    return invalid(`entry ${number} is larger than ${OWNER_LOG_ENTRY_MAX_BYTES} bytes`);
  }
  const { fields, signature } = decodeEntry(stored);
  if (fields.number !== number) return invalid(`entry ${number} is missing`);
  const logId = draft.hashes[0] ?? NO_HASH;
  if (!equalBytes(fields.log, logId)) return invalid(`entry ${number} is of another log`);
  if (!equalBytes(fields.previous, draft.hashes[number - 1] ?? NO_HASH)) {
    return invalid(`entry ${number} does not follow entry ${number - 1}`);
  }
  const bytes = signedBytes("log", fields);
  if (!crypto.verifyEd25519(fields.by, bytes, signature)) {
    return invalid(`entry ${number} has no valid signature`);
  }
  const problem = applyEntry(crypto, draft.state, {
    logId,
    number,
    by: fields.by,
    kind: stored.kind,
    body: stored.body,
  });
  if (problem !== undefined) return invalid(`entry ${number} (${stored.kind}): ${problem}`);
  draft.entries.push(stored);
  draft.hashes.push(crypto.sha256(bytes));
  return undefined;
}

/** An entry whose place is taken: the same one, a fork, or something that could never have stood there. */
function compareEntry(crypto: Crypto, draft: Draft, entry: OwnerLogEntry): MusterError | undefined {
  const shape = ownerLogEntry.safeParse(entry);
  if (!shape.success) return invalid("an entry is malformed");
  const { number } = shape.data;
  const hash = crypto.sha256(signedBytes("log", decodeEntry(shape.data).fields));
  if (equalBytes(hash, draft.hashes[number] ?? NO_HASH)) return undefined;
  if (number === 0) return invalid("it is another log");
  const refused = addEntry(crypto, draftUpTo(crypto, draft, number), shape.data);
  if (refused !== undefined) return refused;
  return new MusterError("owner_log_forked", `the owner log has two entries with the number ${number}`, {
    hint: "until its owner has settled this, the device takes no commands",
  });
}

/** The first entries of a checked list. Their signatures are not checked again. */
function draftUpTo(crypto: Crypto, checked: Checked, length: number): Draft {
  const state = emptyState();
  const entries = checked.entries.slice(0, length);
  const logId = checked.hashes[0] ?? NO_HASH;
  for (const entry of entries) applyEntry(crypto, state, { ...entry, logId, by: bytesOf(entry.by) });
  return { entries, hashes: checked.hashes.slice(0, length), state };
}

async function writeEntry(
  log: OwnerLog | undefined,
  { kind, body, signer }: NewEntry,
): Promise<OwnerLogEntry> {
  const fields: SignedFields<"log"> = {
    log: log?.id ?? NO_HASH,
    number: log?.length ?? 0,
    previous: log?.head.hash ?? NO_HASH,
    kind,
    body: utf8(canonicalJson(body)),
    by: signer.publicKey,
  };
  const signature = await signer.sign(signedBytes("log", fields));
  return {
    log: toBase64Url(fields.log),
    number: fields.number,
    previous: toBase64Url(fields.previous),
    kind,
    body: canonicalJson(body),
    by: toBase64Url(fields.by),
    signature: toBase64Url(signature),
  };
}

/** Of an entry whose shape was checked. */
function decodeEntry(entry: OwnerLogEntry): { fields: SignedFields<"log">; signature: Uint8Array } {
  return {
    fields: {
      log: bytesOf(entry.log),
      number: entry.number,
      previous: bytesOf(entry.previous),
      kind: entry.kind,
      body: utf8(entry.body),
      by: bytesOf(entry.by),
    },
    signature: bytesOf(entry.signature),
  };
}

function bytesOf(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) throw new RangeError("the schema let through what is no base64url");
  return bytes;
}

function invalid(reason: string): MusterError {
  return new MusterError("owner_log_invalid", `the owner log is refused: ${reason}`);
}
