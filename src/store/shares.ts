// What devices have published on a hub. A share's label and its row appear and go in one commit.

import type { Kysely, Selectable } from "kysely";
import { MusterError } from "../protocol/errors.ts";
import { SHARES_PER_DEVICE } from "../protocol/limits.ts";
import type { ShareAccess, ShareKind } from "../protocol/views.ts";
import type { HubDatabase, HubSharesTable, ShareLink } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";
import { claimLabel, freeLabels } from "./labels.ts";

export type HubShareRow = Selectable<HubSharesTable>;

export interface Publication {
  shareId: string;
  deviceId: string;
  ownerRoot: string;
  /** The label it would like. */
  wish: string;
  kind: ShareKind;
  access: ShareAccess;
  description: string | null;
  /** Already sealed. */
  proofKey: Uint8Array;
  createdAt: number;
  expiresAt: number | null;
  /** The hub's own when absent. */
  link?: ShareLink;
}

/** Publishes or changes a share. Throws `too_many`, `name_taken`, `invalid`, `conflict` (another's share id). */
export function publishShare(
  db: Kysely<HubDatabase>,
  publication: Publication,
  now: number,
): Promise<HubShareRow> {
  const { shareId, deviceId, ownerRoot, wish } = publication;
  return inTransaction(db, async (transaction) => {
    const known = await findShare(transaction, shareId);
    if (known !== undefined && known.device_id !== deviceId) {
      throw new MusterError("conflict", `the share id "${shareId}" is in use`);
    }
    if (known === undefined) await checkRoom(transaction, deviceId);
    await checkNotRevoked(transaction, deviceId);
    const facts = {
      label: await claimLabel(transaction, { wish, holder: { deviceId, shareId }, ownerRoot, now }),
      kind: publication.kind,
      access: publication.access,
      description: publication.description,
      proof_key: publication.proofKey,
      created_at: publication.createdAt,
      expires_at: publication.expiresAt,
      link: publication.link ?? "hub",
    };
    return transaction
      .insertInto("shares")
      .values({ ...facts, share_id: shareId, device_id: deviceId, published_at: now })
      .onConflict((conflict) => conflict.column("share_id").doUpdateSet(facts))
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

/** False when this device has no such share. */
export function removeShare(
  db: Kysely<HubDatabase>,
  { deviceId, shareId, now }: { deviceId: string; shareId: string; now: number },
): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    const result = await transaction
      .deleteFrom("shares")
      .where("share_id", "=", shareId)
      .where("device_id", "=", deviceId)
      .executeTakeFirst();
    if (result.numDeletedRows !== 1n) return false;
    await freeLabels(transaction, { deviceId, shareId }, now);
    return true;
  });
}

/** Removes what has come to its end and returns it. */
export function removeExpiredShares(db: Kysely<HubDatabase>, now: number): Promise<HubShareRow[]> {
  return inTransaction(db, async (transaction) => {
    const expired = await transaction
      .deleteFrom("shares")
      .where("expires_at", "<=", now)
      .returningAll()
      .execute();
    for (const share of expired) {
      await freeLabels(transaction, { deviceId: share.device_id, shareId: share.share_id }, now);
    }
    return expired;
  });
}

export function findShare(db: Kysely<HubDatabase>, shareId: string): Promise<HubShareRow | undefined> {
  return db.selectFrom("shares").selectAll().where("share_id", "=", shareId).executeTakeFirst();
}

export function listDeviceShares(db: Kysely<HubDatabase>, deviceId: string): Promise<HubShareRow[]> {
  return db.selectFrom("shares").selectAll().where("device_id", "=", deviceId).orderBy("label").execute();
}

/** Of every device, for the table that is held in memory. */
export function listShares(db: Kysely<HubDatabase>): Promise<HubShareRow[]> {
  return db.selectFrom("shares").selectAll().orderBy("label").execute();
}

// A device that is removed while its message waits for its turn would leave a share that nobody can take away.
async function checkNotRevoked(db: Kysely<HubDatabase>, deviceId: string): Promise<void> {
  const device = await db
    .selectFrom("devices")
    .select("revoked_at")
    .where("device_id", "=", deviceId)
    .executeTakeFirst();
  if (device !== undefined && device.revoked_at !== null)
    throw new MusterError("forbidden", "this device was removed");
}

async function checkRoom(db: Kysely<HubDatabase>, deviceId: string): Promise<void> {
  const { count } = await db
    .selectFrom("shares")
    .select((row) => row.fn.countAll<number>().as("count"))
    .where("device_id", "=", deviceId)
    .executeTakeFirstOrThrow();
  if (count < SHARES_PER_DEVICE) return;
  throw new MusterError("too_many", `this device has ${SHARES_PER_DEVICE} shares, which is the most`, {
    hint: "remove one first: muster rm ID",
  });
}
