// Devices that wait to be let in by a person, each under two codes: a long one that the device polls with, and
// a short one that the person types. Of both only keyed hashes are kept. The first four letters of the short
// code are its handle, so that a wrong guess counts against the code it was meant for, and ends it in time.

import type { Kysely, Selectable } from "kysely";
import { addDevice, type DeviceRow } from "./devices.ts";
import type { DeviceCodesTable, HubDatabase } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";

export type DeviceCodeRow = Selectable<DeviceCodesTable>;
export type NewDeviceCode = Omit<DeviceCodeRow, "state" | "tries" | "user_id" | "owner_root" | "polled_at">;

/** Wrong codes under one handle; at the next one it is over. */
export const CODE_TRIES = 5;
/** Over all sources: who fills this up has many addresses, and everything in it ends within minutes. */
const WAITING_MAX = 2000;

/** "taken": another waits under this handle. "full": too many wait. */
export function addDeviceCode(
  db: Kysely<HubDatabase>,
  code: NewDeviceCode,
  now: number,
): Promise<"added" | "taken" | "full"> {
  return inTransaction(db, async (transaction) => {
    await transaction.deleteFrom("device_codes").where("expires_at", "<=", now).execute();
    const { count } = await transaction
      .selectFrom("device_codes")
      .select((row) => row.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count >= WAITING_MAX) return "full";
    const begun = { state: "pending", tries: 0, user_id: null, owner_root: null } as const;
    const result = await transaction
      .insertInto("device_codes")
      .values({ ...code, ...begun, polled_at: null })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    return result.numInsertedOrUpdatedRows === 1n ? "added" : "taken";
  });
}

/** One that still lives, by what the device polls with. */
export function findDeviceCode(
  db: Kysely<HubDatabase>,
  codeHash: Uint8Array,
  now: number,
): Promise<DeviceCodeRow | undefined> {
  return db
    .selectFrom("device_codes")
    .selectAll()
    .where("code_hash", "=", codeHash)
    .where("expires_at", ">", now)
    .executeTakeFirst();
}

export interface TypedCode {
  handle: string;
  userCodeHash: Uint8Array;
  /** Whoever types a code rightly first is who decides over it. */
  userId: string;
  now: number;
}

/**
 * The code that a person typed, now theirs. Undefined for one that is wrong, over, decided or another person's;
 * a wrong one counts, and the last that may be wrong ends it.
 */
export function takeUserCode(db: Kysely<HubDatabase>, typed: TypedCode): Promise<DeviceCodeRow | undefined> {
  const { handle, userCodeHash, userId, now } = typed;
  return inTransaction(db, async (transaction) => {
    const taken = await transaction
      .updateTable("device_codes")
      .set({ user_id: userId })
      .where("handle", "=", handle)
      .where("user_code_hash", "=", userCodeHash)
      .where("state", "=", "pending")
      .where("expires_at", ">", now)
      .where("tries", "<", CODE_TRIES)
      .where((row) => row.or([row("user_id", "is", null), row("user_id", "=", userId)]))
      .returningAll()
      .executeTakeFirst();
    if (taken !== undefined) return taken;
    await transaction
      .updateTable("device_codes")
      .set((row) => ({ tries: row("tries", "+", 1) }))
      .where("handle", "=", handle)
      .where("user_code_hash", "!=", userCodeHash)
      .execute();
    return undefined;
  });
}

export interface Decision {
  codeHash: Uint8Array;
  userId: string;
  now: number;
  decision: { state: "denied" } | { state: "approved"; ownerRoot: string };
}

/** False when it is over, decided, or another person's. */
export async function decideDeviceCode(
  db: Kysely<HubDatabase>,
  { codeHash, userId, now, decision }: Decision,
): Promise<boolean> {
  const joins = decision.state === "approved" ? { owner_root: decision.ownerRoot } : {};
  const result = await db
    .updateTable("device_codes")
    .set({ state: decision.state, ...joins })
    .where("code_hash", "=", codeHash)
    .where("user_id", "=", userId)
    .where("state", "=", "pending")
    .where("expires_at", ">", now)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** The device asked again: when, and from now on how often it may. */
export async function notePoll(
  db: Kysely<HubDatabase>,
  codeHash: Uint8Array,
  { now, intervalMs }: { now: number; intervalMs: number },
): Promise<void> {
  await db
    .updateTable("device_codes")
    .set({ polled_at: now, interval_ms: intervalMs })
    .where("code_hash", "=", codeHash)
    .execute();
}

/** Spends an approved code for its device: one commit, for one caller only. Undefined when there is none. */
export function spendDeviceCode(
  db: Kysely<HubDatabase>,
  { codeHash, deviceId, now }: { codeHash: Uint8Array; deviceId: string; now: number },
): Promise<DeviceRow | undefined> {
  return inTransaction(db, async (transaction) => {
    const spent = await transaction
      .deleteFrom("device_codes")
      .where("code_hash", "=", codeHash)
      .where("state", "=", "approved")
      .where("expires_at", ">", now)
      .returningAll()
      .executeTakeFirst();
    if (spent === undefined || spent.owner_root === null) return undefined;
    const added = await addDevice(
      transaction,
      {
        deviceId,
        publicKey: spent.public_key,
        linkKey: spent.link_key,
        name: spent.name,
        kind: spent.kind,
        platform: spent.platform,
        ownerRoot: spent.owner_root,
        agentVersion: spent.version,
        confirmed: false,
      },
      now,
    );
    return added.outcome === "refused" ? undefined : added.device;
  });
}
