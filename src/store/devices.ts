// The devices of a hub. A device is its key: the same key that joins again is the same row, and one that was
// revoked never comes back under it.

import { sql, type Kysely, type Selectable } from "kysely";
import type { DeviceKind } from "../protocol/views.ts";
import type { DevicesTable, HubDatabase } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";
import { claimLabel, freeLabels } from "./labels.ts";

export type DeviceRow = Selectable<DevicesTable>;

export interface NewDevice {
  deviceId: string;
  publicKey: Uint8Array;
  linkKey: Uint8Array;
  /** The wish for its label; a browser's name is only shown. */
  name: string;
  kind: DeviceKind;
  platform: string;
  ownerRoot: string;
  agentVersion?: string;
  location?: string;
  /** False for one that joined by the hub's word alone, until a person has compared the words. */
  confirmed: boolean;
}

export type AddOutcome =
  | { outcome: "added" | "known"; device: DeviceRow }
  /** The key is revoked, or belongs to another owner. */
  | { outcome: "refused" };

/** Adds a device or, when its key is known, brings the row up to date. Throws `name_taken`, `invalid`. */
export function addDevice(db: Kysely<HubDatabase>, device: NewDevice, now: number): Promise<AddOutcome> {
  return inTransaction(db, async (transaction) => {
    const known = await findDevice(transaction, device.deviceId);
    if (known !== undefined && (known.revoked_at !== null || known.owner_root !== device.ownerRoot)) {
      return { outcome: "refused" };
    }
    const name = await nameFor(transaction, device, now);
    const facts = {
      link_key: device.linkKey,
      name,
      kind: device.kind,
      platform: device.platform,
      agent_version: device.agentVersion ?? known?.agent_version ?? null,
      location: device.location ?? known?.location ?? null,
    };
    const added = await transaction
      .insertInto("devices")
      .values({
        ...facts,
        device_id: device.deviceId,
        public_key: device.publicKey,
        owner_root: device.ownerRoot,
        created_at: now,
        last_seen: null,
        session_number: 0,
        revoked_at: null,
        confirmed: device.confirmed ? 1 : 0,
        facts: "{}",
      })
      .onConflict((conflict) => conflict.column("device_id").doUpdateSet(facts))
      .returningAll()
      .executeTakeFirstOrThrow();
    return { outcome: known === undefined ? "added" : "known", device: added };
  });
}

export function findDevice(db: Kysely<HubDatabase>, deviceId: string): Promise<DeviceRow | undefined> {
  return db.selectFrom("devices").selectAll().where("device_id", "=", deviceId).executeTakeFirst();
}

export function findDeviceByKey(
  db: Kysely<HubDatabase>,
  publicKey: Uint8Array,
): Promise<DeviceRow | undefined> {
  return db.selectFrom("devices").selectAll().where("public_key", "=", publicKey).executeTakeFirst();
}

/** Of the given owners; revoked ones too, for the list shows them. */
export async function listDevices(db: Kysely<HubDatabase>, ownerRoots: string[]): Promise<DeviceRow[]> {
  if (ownerRoots.length === 0) return [];
  return db
    .selectFrom("devices")
    .selectAll()
    .where("owner_root", "in", ownerRoots)
    .orderBy("name")
    .orderBy("device_id")
    .execute();
}

/** Higher wins; equal or lower is refused (false), and so is a revoked or unknown device. */
export async function raiseSession(
  db: Kysely<HubDatabase>,
  deviceId: string,
  number: number,
): Promise<boolean> {
  const result = await db
    .updateTable("devices")
    .set({ session_number: number })
    .where("device_id", "=", deviceId)
    .where("session_number", "<", number)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export interface SessionNumber {
  deviceId: string;
  number: number;
}

/** The same for many in one commit, answers in order. With `groupCommit` a whole fleet returns in moments. */
export function raiseSessions(db: Kysely<HubDatabase>, sessions: SessionNumber[]): Promise<boolean[]> {
  return inTransaction(db, async (transaction) => {
    const rows = await transaction
      .selectFrom("devices")
      .select(["device_id", "session_number"])
      .where("device_id", "in", [...new Set(sessions.map(({ deviceId }) => deviceId))])
      .where("revoked_at", "is", null)
      .execute();
    const highest = new Map(rows.map((row) => [row.device_id, row.session_number]));
    const raised = new Map<string, number>();
    const answers = sessions.map(({ deviceId, number }) => {
      if (number <= (highest.get(deviceId) ?? Infinity)) return false;
      highest.set(deviceId, number);
      raised.set(deviceId, number);
      return true;
    });
    await writeSessions(transaction, raised);
    return answers;
  });
}

/** One statement: five hundred of them took ten times as long, and nothing else runs meanwhile. */
async function writeSessions(db: Kysely<HubDatabase>, numbers: ReadonlyMap<string, number>): Promise<void> {
  if (numbers.size === 0) return;
  const cases = [...numbers].map(([deviceId, number]) => sql`when ${deviceId} then ${number}`);
  await db
    .updateTable("devices")
    .set({ session_number: sql<number>`case device_id ${sql.join(cases, sql` `)} end` })
    .where("device_id", "in", [...numbers.keys()])
    .execute();
}

export interface Seen {
  deviceId: string;
  at: number;
  agentVersion?: string;
  location?: string | null;
  /** What the device last said of itself. */
  facts?: Record<string, unknown>;
}

/** Many at once in one commit: presence itself lives in memory, this is what outlives a restart. */
export function noteSeen(db: Kysely<HubDatabase>, seen: Seen[]): Promise<void> {
  if (seen.length === 0) return Promise.resolve();
  return inTransaction(db, async (transaction) => {
    for (const { at, deviceIds } of merelySeen(seen)) {
      await transaction
        .updateTable("devices")
        .set({ last_seen: at })
        .where("device_id", "in", deviceIds)
        .execute();
    }
    for (const { deviceId, at, agentVersion, location, facts } of seen.filter(saysMore)) {
      await transaction
        .updateTable("devices")
        .set({
          last_seen: at,
          ...(agentVersion === undefined ? {} : { agent_version: agentVersion }),
          ...(location === undefined ? {} : { location }),
          ...(facts === undefined ? {} : { facts: JSON.stringify(facts) }),
        })
        .where("device_id", "=", deviceId)
        .execute();
    }
  });
}

/** A controller has let it in: the owner log names it from now on. False when that was known. */
export async function confirmDevice(db: Kysely<HubDatabase>, deviceId: string): Promise<boolean> {
  const result = await db
    .updateTable("devices")
    .set({ confirmed: 1 })
    .where("device_id", "=", deviceId)
    .where("confirmed", "=", 0)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Parameters of one statement. */
const IN_ONE_STATEMENT = 500;

/** Ten thousand that are simply still there are a few statements. */
function merelySeen(seen: readonly Seen[]): { at: number; deviceIds: string[] }[] {
  const groups: { at: number; deviceIds: string[] }[] = [];
  for (const { at, deviceId } of seen.filter((one) => !saysMore(one))) {
    const last = groups.at(-1);
    if (last?.at === at && last.deviceIds.length < IN_ONE_STATEMENT) last.deviceIds.push(deviceId);
    else groups.push({ at, deviceIds: [deviceId] });
  }
  return groups;
}

function saysMore({ agentVersion, location, facts }: Seen): boolean {
  return agentVersion !== undefined || location !== undefined || facts !== undefined;
}

/** Repeatable: false when it was revoked already or isn't there. Its shares go and its names begin to rest. */
export function revokeDevice(db: Kysely<HubDatabase>, deviceId: string, now: number): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    const result = await transaction
      .updateTable("devices")
      .set({ revoked_at: now })
      .where("device_id", "=", deviceId)
      .where("revoked_at", "is", null)
      .executeTakeFirst();
    if (result.numUpdatedRows !== 1n) return false;
    const shares = await transaction
      .deleteFrom("shares")
      .where("device_id", "=", deviceId)
      .returning("share_id")
      .execute();
    for (const { share_id } of shares) await freeLabels(transaction, { deviceId, shareId: share_id }, now);
    await freeLabels(transaction, { deviceId }, now);
    return true;
  });
}

/**
 * Gives it the wished name, or the first free one numbered from that, and frees the former. Undefined for one
 * that is revoked or unknown. Throws `name_taken`, `invalid`.
 */
export function renameDevice(
  db: Kysely<HubDatabase>,
  { deviceId, name }: { deviceId: string; name: string },
  now: number,
): Promise<string | undefined> {
  return inTransaction(db, async (transaction) => {
    const device = await findDevice(transaction, deviceId);
    if (device === undefined || device.revoked_at !== null) return undefined;
    // Freed first: "pi-2" that asks for "pi" would otherwise keep what it has.
    if (device.kind !== "browser") await freeLabels(transaction, { deviceId }, now);
    const given = await nameFor(
      transaction,
      { deviceId, name, kind: device.kind, ownerRoot: device.owner_root },
      now,
    );
    await transaction.updateTable("devices").set({ name: given }).where("device_id", "=", deviceId).execute();
    return given;
  });
}

function nameFor(
  db: Kysely<HubDatabase>,
  device: Pick<NewDevice, "deviceId" | "name" | "kind" | "ownerRoot">,
  now: number,
): Promise<string> {
  if (device.kind === "browser") return Promise.resolve(device.name);
  const { name, deviceId, ownerRoot } = device;
  return claimLabel(db, { wish: name, holder: { deviceId }, ownerRoot, now });
}
