// Set-ups: places that a person has prepared for devices that are yet to come. A set-up holds its name, and its
// tunnel where it has one, until a device takes its place with the registration code, once, or the code ends.

import type { Kysely, Selectable } from "kysely";
import { addDevice, type DeviceRow, type NewDevice } from "./devices.ts";
import type { HubDatabase, SetupsTable } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";
import { claimLabel, freeLabels } from "./labels.ts";

export type SetupRow = Selectable<SetupsTable>;
export type NewSetup = Omit<SetupRow, "spent_at" | "device_id">;

/** The name that is held for it: the wish, or that with a number. Throws `name_taken`, `invalid`. */
export function addSetup(db: Kysely<HubDatabase>, setup: NewSetup, now: number): Promise<string> {
  return inTransaction(db, async (transaction) => {
    const holder = { deviceId: setup.setup_id };
    const name = await claimLabel(transaction, {
      wish: setup.name,
      holder,
      ownerRoot: setup.owner_root,
      now,
    });
    await transaction
      .insertInto("setups")
      .values({ ...setup, name, spent_at: null, device_id: null })
      .execute();
    return name;
  });
}

/** Those that wait for their devices. */
export async function listSetups(
  db: Kysely<HubDatabase>,
  ownerRoots: readonly string[],
  now: number,
): Promise<SetupRow[]> {
  if (ownerRoots.length === 0) return [];
  return db
    .selectFrom("setups")
    .selectAll()
    .where("owner_root", "in", ownerRoots)
    .where("spent_at", "is", null)
    .where("expires_at", ">", now)
    .orderBy("created_at")
    .execute();
}

/** The place that was prepared for whoever holds a setup token, spent or not. */
export function findSetupOfClaim(
  db: Kysely<HubDatabase>,
  claimKey: Uint8Array,
): Promise<SetupRow | undefined> {
  return db.selectFrom("setups").selectAll().where("claim_key", "=", claimKey).executeTakeFirst();
}

export function findSetup(db: Kysely<HubDatabase>, setupId: string): Promise<SetupRow | undefined> {
  return db.selectFrom("setups").selectAll().where("setup_id", "=", setupId).executeTakeFirst();
}

/** Those that nobody took in time. */
export function listEndedSetups(db: Kysely<HubDatabase>, now: number): Promise<SetupRow[]> {
  return db
    .selectFrom("setups")
    .selectAll()
    .where("expires_at", "<=", now)
    .where("spent_at", "is", null)
    .execute();
}

/** One that ended or was withdrawn: its name is free again. */
export function removeSetup(db: Kysely<HubDatabase>, setupId: string, now: number): Promise<void> {
  return inTransaction(db, async (transaction) => {
    await transaction.deleteFrom("setups").where("setup_id", "=", setupId).execute();
    await freeLabels(transaction, { deviceId: setupId }, now);
  });
}

export interface SetupSpend {
  codeHash: Uint8Array;
  device: Omit<NewDevice, "name" | "ownerRoot" | "confirmed">;
  now: number;
}

/**
 * A device takes the place: code, name and row in one commit. Undefined for a code that is spent, over or
 * unknown, alike; a device whose answer was lost gets its own again.
 */
export function spendSetup(
  db: Kysely<HubDatabase>,
  { codeHash, device, now }: SetupSpend,
): Promise<{ device: DeviceRow; setup: SetupRow } | undefined> {
  return inTransaction(db, async (transaction) => {
    const { deviceId } = device;
    const setup = await takeSetup(transaction, { key: ["code_hash", codeHash], deviceId, now });
    if (setup === undefined) return undefined;
    const { name, owner_root: ownerRoot } = setup;
    const added = await addDevice(transaction, { ...device, name, ownerRoot, confirmed: false }, now);
    // Undone whole: a key that this hub has revoked spends nothing.
    if (added.outcome === "refused") throw new RefusedKey();
    return { device: added.device, setup };
  }).catch((error: unknown) => {
    if (error instanceof RefusedKey) return undefined;
    throw error;
  });
}

/**
 * Inside a transaction: the place is this device's, and its name is free for it. Undefined where none was
 * prepared, or it is another's or over.
 */
export async function takeSetup(
  transaction: Kysely<HubDatabase>,
  taking: { key: ["code_hash" | "claim_key", Uint8Array]; deviceId: string; now: number },
): Promise<SetupRow | undefined> {
  const { key, deviceId, now } = taking;
  const setup = await transaction
    .updateTable("setups")
    .set({ spent_at: now, device_id: deviceId })
    .where(key[0], "=", key[1])
    .where("expires_at", ">", now)
    .where((row) => row.or([row("spent_at", "is", null), row("device_id", "=", deviceId)]))
    .returningAll()
    .executeTakeFirst();
  if (setup !== undefined) await freeLabels(transaction, { deviceId: setup.setup_id }, now);
  return setup;
}

class RefusedKey extends Error {}
