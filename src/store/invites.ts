// Invitations: the public half of what a setup token can prove, kept until it is spent or over. A token is
// worth one device, also when a thousand claims arrive at once.

import type { Kysely, Selectable } from "kysely";
import { MusterError } from "../protocol/errors.ts";
import { type DeviceRow, type NewDevice, addDevice, findDevice } from "./devices.ts";
import type { HubDatabase, InvitesTable } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";
import { type LogHead, type NewLogEntry, appendLogEntry, hasLogEntry } from "./owner-log-rows.ts";
import { type SetupRow, takeSetup } from "./setups.ts";

export type InviteRow = Selectable<InvitesTable>;

export interface NewInvite {
  claimKey: Uint8Array;
  ownerRoot: string;
  /** Of its entry in the owner log. */
  number: number;
  role: string;
  name?: string;
  expiresAt: number;
}

export interface InviteSpend {
  claimKey: Uint8Array;
  deviceId: string;
  now: number;
}

export interface InviteClaim {
  claimKey: Uint8Array;
  device: NewDevice;
  /** The device's member entry, already verified. */
  entry: NewLogEntry;
  now: number;
}

export type ClaimOutcome =
  | {
      outcome: "joined";
      device: DeviceRow;
      invite: InviteRow;
      /** What was prepared for it: it has that name, whatever it calls itself. */
      setup: SetupRow | undefined;
    }
  /** Spent, over, unknown, or not for this key: on purpose one answer for all. */
  | { outcome: "refused" }
  /** The log has moved on since the entry was made; nothing is spent, sign anew behind this head. */
  | { outcome: "conflict"; head: LogHead | undefined };

/** Repeating it changes nothing. */
export async function addInvite(db: Kysely<HubDatabase>, invite: NewInvite, now: number): Promise<void> {
  await db
    .insertInto("invites")
    .values({
      claim_key: invite.claimKey,
      owner_root: invite.ownerRoot,
      number: invite.number,
      role: invite.role,
      name: invite.name ?? null,
      created_at: now,
      expires_at: invite.expiresAt,
      spent_at: null,
      device_id: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export function findInvite(db: Kysely<HubDatabase>, claimKey: Uint8Array): Promise<InviteRow | undefined> {
  return db.selectFrom("invites").selectAll().where("claim_key", "=", claimKey).executeTakeFirst();
}

/** One statement that also checks expiry; undefined for all but one caller. */
export function spendInvite(
  db: Kysely<HubDatabase>,
  { claimKey, deviceId, now }: InviteSpend,
): Promise<InviteRow | undefined> {
  return db
    .updateTable("invites")
    .set({ spent_at: now, device_id: deviceId })
    .where("claim_key", "=", claimKey)
    .where("spent_at", "is", null)
    .where("expires_at", ">", now)
    .returningAll()
    .executeTakeFirst();
}

/**
 * Spends the invite, adds the device and appends its entry: all of it in one commit, or nothing. Throws
 * `too_many` when the owner log is full, `name_taken` and `invalid` for the device's name.
 */
export function claimInvite(db: Kysely<HubDatabase>, claim: InviteClaim): Promise<ClaimOutcome> {
  const { claimKey, device, entry, now } = claim;
  return inTransaction(db, async (transaction) => {
    const repeated = await joinedBefore(transaction, claim);
    if (repeated !== undefined) return repeated;
    if (!(await mayBeClaimed(transaction, claim))) return { outcome: "refused" };
    // Each refusal stands before the first write, and the transaction holds the write lock: what follows
    // either succeeds whole or throws and is undone.
    const appended = await appendLogEntry(transaction, entry);
    if (appended.outcome === "conflict") return appended;
    if (appended.outcome === "full") throw new MusterError("too_many", "the owner log is full");
    const invite = await spendInvite(transaction, { claimKey, deviceId: device.deviceId, now });
    const setup = await preparedFor(transaction, claim);
    const { name } = setup ?? device;
    const added = await addDevice(transaction, { ...device, name }, now);
    if (invite === undefined || added.outcome === "refused") {
      throw new Error("an invite was spent inside another's transaction");
    }
    return { outcome: "joined", device: added.device, invite, setup };
  });
}

// A device whose answer was lost claims again with the same bytes and gets the same answer.
async function joinedBefore(db: Kysely<HubDatabase>, claim: InviteClaim): Promise<ClaimOutcome | undefined> {
  const { claimKey, device, entry } = claim;
  const invite = await findInvite(db, claimKey);
  if (invite === undefined || invite.device_id !== device.deviceId) return undefined;
  const row = await findDevice(db, device.deviceId);
  if (row === undefined || row.revoked_at !== null) return { outcome: "refused" };
  const same = await hasLogEntry(db, entry);
  if (!same) return { outcome: "refused" };
  return { outcome: "joined", device: row, invite, setup: await preparedFor(db, claim) };
}

function preparedFor(
  transaction: Kysely<HubDatabase>,
  { claimKey, device: { deviceId }, now }: InviteClaim,
): Promise<SetupRow | undefined> {
  return takeSetup(transaction, { key: ["claim_key", claimKey], deviceId, now });
}

async function mayBeClaimed(
  db: Kysely<HubDatabase>,
  { claimKey, device, entry, now }: InviteClaim,
): Promise<boolean> {
  const invite = await findInvite(db, claimKey);
  if (invite === undefined || invite.spent_at !== null || invite.expires_at <= now) return false;
  if (invite.owner_root !== device.ownerRoot || entry.owner_root !== device.ownerRoot) return false;
  const known = await findDevice(db, device.deviceId);
  return known === undefined || (known.revoked_at === null && known.owner_root === device.ownerRoot);
}
