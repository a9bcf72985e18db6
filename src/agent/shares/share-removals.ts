// Shares that are gone here and that the hub has yet to hear of. Kept on the disk, so that a share removed
// while the hub is away never comes back, and told at each new session until the hub has taken it.
import { z } from "zod";
import type { Kysely } from "kysely";
import type { CommonDatabase } from "../../store/common-schema.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import { getSetting, setSetting } from "../../store/settings.ts";

const KEY = "share_removals";
/** The oldest go first: a hub that was away for so long has dropped what expired by itself. */
export const REMOVALS_MAX = 1_000;

const ids = z.array(z.string());

export async function listRemovals(db: Kysely<CommonDatabase>): Promise<string[]> {
  const read = ids.safeParse(await getSetting(db, KEY));
  return read.success ? read.data : [];
}

export function addRemoval(db: Kysely<CommonDatabase>, shareId: string): Promise<void> {
  return change(db, (known) => [...known.filter((id) => id !== shareId), shareId].slice(-REMOVALS_MAX));
}

export function dropRemoval(db: Kysely<CommonDatabase>, shareId: string): Promise<void> {
  return change(db, (known) => known.filter((id) => id !== shareId));
}

function change(db: Kysely<CommonDatabase>, next: (known: string[]) => string[]): Promise<void> {
  return inTransaction(db, async (transaction) => {
    await setSetting(transaction, KEY, next(await listRemovals(transaction)));
  });
}
