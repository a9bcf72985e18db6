// The hub's one name space for host names: devices and shares draw from it. A name has one holder, whoever
// asks at the same time; one that was freed rests before another owner may have it, so that its visitors do
// not walk into a stranger's house.

import type { Kysely, Selectable } from "kysely";
import { MusterError } from "../protocol/errors.ts";
import { checkHostName, isNumberedFrom, numbered, RESERVED_NAMES } from "../protocol/names.ts";
import type { HubDatabase, LabelsTable } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";

export const FREED_LABEL_REST_MS = 90 * 24 * 60 * 60 * 1000;

/**
 * Names of one owner that are remembered, held and resting. Above it the ones freed longest ago are open to
 * all, so that publishing under ever new names can't fill the hub's disk.
 */
export const LABELS_PER_OWNER = 10_000;

/** "blog", "blog-2" … "blog-50"; who needs more should choose another name. */
const LABEL_TRIES = 50;

export type LabelRow = Selectable<LabelsTable>;

export interface LabelHolder {
  deviceId: string;
  /** Undefined for the device's own label. */
  shareId?: string;
}

export interface LabelClaim {
  wish: string;
  holder: LabelHolder;
  ownerRoot: string;
  now: number;
}

/**
 * Gives the holder the wished label or the first free one numbered from it, and frees what it held before.
 * A holder whose label already fits the wish keeps it. Throws `invalid` or `name_taken`.
 */
export async function claimLabel(db: Kysely<HubDatabase>, claim: LabelClaim): Promise<string> {
  if (!RESERVED_NAMES.has(claim.wish)) checkHostName(claim.wish);
  return inTransaction(db, async (transaction) => {
    const held = await findHeldLabel(transaction, claim.holder);
    if (held !== undefined && isNumberedFrom(claim.wish, held)) return held;
    if (held !== undefined) await freeLabels(transaction, claim.holder, claim.now);
    await forgetOldest(transaction, claim.ownerRoot);
    for (let attempt = 1; attempt <= LABEL_TRIES; attempt++) {
      const label = attempt === 1 ? claim.wish : numbered(claim.wish, attempt);
      if (!RESERVED_NAMES.has(label) && (await take(transaction, label, claim))) return label;
    }
    throw new MusterError(
      "name_taken",
      `"${claim.wish}" and its ${LABEL_TRIES - 1} numbered forms are taken`,
      {
        hint: "choose another name",
      },
    );
  });
}

/** Who holds it now; a freed label is nobody's. */
export function findLabel(db: Kysely<HubDatabase>, label: string): Promise<LabelRow | undefined> {
  return db
    .selectFrom("labels")
    .selectAll()
    .where("label", "=", label)
    .where("freed_at", "is", null)
    .executeTakeFirst();
}

/** All that are held, for the table that looks up hosts. */
export function listLabels(db: Kysely<HubDatabase>): Promise<LabelRow[]> {
  return db.selectFrom("labels").selectAll().where("freed_at", "is", null).orderBy("label").execute();
}

export async function freeLabels(db: Kysely<HubDatabase>, holder: LabelHolder, now: number): Promise<void> {
  await db
    .updateTable("labels")
    .set({ freed_at: now })
    .where("device_id", "=", holder.deviceId)
    .where("share_id", "is", holder.shareId ?? null)
    .where("freed_at", "is", null)
    .execute();
}

async function findHeldLabel(db: Kysely<HubDatabase>, holder: LabelHolder): Promise<string | undefined> {
  const row = await db
    .selectFrom("labels")
    .select("label")
    .where("device_id", "=", holder.deviceId)
    .where("share_id", "is", holder.shareId ?? null)
    .where("freed_at", "is", null)
    .executeTakeFirst();
  return row?.label;
}

async function forgetOldest(db: Kysely<HubDatabase>, ownerRoot: string): Promise<void> {
  const { count } = await db
    .selectFrom("labels")
    .select((row) => row.fn.countAll<number>().as("count"))
    .where("owner_root", "=", ownerRoot)
    .executeTakeFirstOrThrow();
  if (count < LABELS_PER_OWNER) return;
  const oldest = db
    .selectFrom("labels")
    .select("label")
    .where("owner_root", "=", ownerRoot)
    .where("freed_at", "is not", null)
    .orderBy("freed_at")
    .limit(count - LABELS_PER_OWNER + 1);
  await db.deleteFrom("labels").where("label", "in", oldest).execute();
}

// One statement: whoever comes second changes no row.
async function take(db: Kysely<HubDatabase>, label: string, claim: LabelClaim): Promise<boolean> {
  const { holder, ownerRoot, now } = claim;
  const result = await db
    .insertInto("labels")
    .values({
      label,
      kind: holder.shareId === undefined ? "device" : "share",
      device_id: holder.deviceId,
      share_id: holder.shareId ?? null,
      owner_root: ownerRoot,
      freed_at: null,
      changed_hands_at: null,
    })
    .onConflict((conflict) =>
      conflict
        .column("label")
        .doUpdateSet((row) => ({
          kind: row.ref("excluded.kind"),
          device_id: row.ref("excluded.device_id"),
          share_id: row.ref("excluded.share_id"),
          owner_root: row.ref("excluded.owner_root"),
          freed_at: null,
          changed_hands_at: row
            .case()
            .when("labels.owner_root", "=", ownerRoot)
            .then(row.ref("labels.changed_hands_at"))
            .else(now)
            .end(),
        }))
        .where((row) =>
          row.and([
            row("labels.freed_at", "is not", null),
            row.or([
              row("labels.owner_root", "=", ownerRoot),
              row("labels.freed_at", "<=", now - FREED_LABEL_REST_MS),
            ]),
          ]),
        ),
    )
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}
