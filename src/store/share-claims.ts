// A share token is claimed: the offer is spent, the device's owner's log names the co-owner, and the co-owner's log
// takes the device, beginning here if it has to. All of it in one commit, or nothing.
import type { Kysely } from "kysely";
import { MusterError } from "../protocol/errors.ts";
import { addDevice, findDeviceByKey, type DeviceRow, type NewDevice } from "./devices.ts";
import type { HubDatabase } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";
import { findInvite, spendInvite } from "./invites.ts";
import { appendLogEntry, hasLogEntry, type NewLogEntry } from "./owner-log-rows.ts";
import { addOwner } from "./owners.ts";

export interface ShareClaim {
  claimKey: Uint8Array;
  /** Of the device that is shared. */
  deviceId: string;
  /** Verified, as all entries here. */
  claim: NewLogEntry;
  theirs: readonly NewLogEntry[];
  /** Their log is new at this hub: the home that began it, and the account that it is of. */
  begins: { pin: Uint8Array; home: NewDevice; userId: string | null } | undefined;
  now: number;
}

export type ShareClaimed =
  | { outcome: "shared"; home: DeviceRow | undefined }
  /** Spent, over or unknown: on purpose one answer for all. */
  | { outcome: "refused" }
  /** One of the logs has moved on; nothing is spent. */
  | { outcome: "conflict" };

/** What was written before is undone. */
class Undone extends Error {
  readonly outcome: "refused" | "conflict";

  constructor(outcome: "refused" | "conflict") {
    super(outcome);
    this.outcome = outcome;
  }
}

/** Throws `too_many` when a log is full, `name_taken` and `invalid` for the home's name. */
export async function claimShare(db: Kysely<HubDatabase>, claim: ShareClaim): Promise<ShareClaimed> {
  try {
    return await inTransaction(db, (transaction) => claimIn(transaction, claim));
  } catch (error) {
    if (error instanceof Undone) return { outcome: error.outcome };
    throw error;
  }
}

async function claimIn(db: Kysely<HubDatabase>, given: ShareClaim): Promise<ShareClaimed> {
  const { claimKey, deviceId, claim, theirs, begins, now } = given;
  const invite = await findInvite(db, claimKey);
  // Whoever lost the answer asks again with the same bytes; whoever let the device go may take it again.
  if (invite?.device_id === deviceId && (await hasLogEntry(db, claim))) return again(db, given);
  const spent = await spendInvite(db, { claimKey, deviceId, now });
  if (spent === undefined || spent.owner_root !== claim.owner_root) throw new Undone("refused");
  await append(db, claim);
  const [first] = theirs;
  if (begins !== undefined && first !== undefined) {
    const { owner_root } = first;
    await addOwner(db, { owner_root, user_id: begins.userId, pin: begins.pin, created_at: now });
  }
  for (const entry of theirs) await append(db, entry);
  if (begins === undefined) return { outcome: "shared", home: undefined };
  const added = await addDevice(db, begins.home, now);
  if (added.outcome === "refused") throw new Undone("refused");
  return { outcome: "shared", home: added.device };
}

async function again(db: Kysely<HubDatabase>, { begins, theirs }: ShareClaim): Promise<ShareClaimed> {
  for (const entry of theirs) await append(db, entry);
  const home = begins === undefined ? undefined : await findDeviceByKey(db, begins.home.publicKey);
  return { outcome: "shared", home };
}

async function append(db: Kysely<HubDatabase>, entry: NewLogEntry): Promise<void> {
  const { outcome } = await appendLogEntry(db, entry);
  if (outcome === "conflict") throw new Undone("conflict");
  if (outcome === "full") throw new MusterError("too_many", "the owner log is full");
}
