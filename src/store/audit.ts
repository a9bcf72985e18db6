// Who did what to which device, newest first. Only the newest 100,000 rows are kept: a stranger's attempts
// can push old rows out, but never fill the disk.

import type { Kysely, Selectable } from "kysely";
import type { AuditTable, CommonDatabase } from "./common-schema.ts";
import { inTransaction } from "./in-transaction.ts";

export const AUDIT_ROWS_KEPT = 100_000;
const DETAIL_MAX_CHARACTERS = 4_000;
const PAGE_MAX = 500;

export type AuditRow = Selectable<AuditTable>;

export interface NewAuditRow {
  at: number;
  actor: string;
  action: string;
  target: string;
  /** Without secrets: it is shown as it is. Left out when longer than 4,000 characters as JSON. */
  detail?: Record<string, unknown>;
  ownerRoot?: string;
  requestId?: string;
}

export interface AuditFilter {
  ownerRoot?: string;
  target?: string;
  /** Rows before this id: the `next` of the page before. */
  before?: number;
  limit?: number;
}

export interface AuditPage {
  rows: AuditRow[];
  /** Undefined on the last page. */
  next: number | undefined;
}

export function appendAudit(
  db: Kysely<CommonDatabase>,
  row: NewAuditRow,
  rowsKept = AUDIT_ROWS_KEPT,
): Promise<void> {
  return inTransaction(db, async (transaction) => {
    const { id } = await transaction
      .insertInto("audit")
      .values({
        at: row.at,
        owner_root: row.ownerRoot ?? null,
        actor: row.actor,
        action: row.action,
        target: row.target,
        detail: boundedDetail(row.detail),
        request_id: row.requestId ?? null,
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    await transaction
      .deleteFrom("audit")
      .where("id", "<=", id - rowsKept)
      .execute();
  });
}

export async function listAudit(db: Kysely<CommonDatabase>, filter: AuditFilter = {}): Promise<AuditPage> {
  const limit = Math.min(filter.limit ?? PAGE_MAX, PAGE_MAX);
  let query = db.selectFrom("audit").selectAll().orderBy("id", "desc");
  if (filter.ownerRoot !== undefined) query = query.where("owner_root", "=", filter.ownerRoot);
  if (filter.target !== undefined) query = query.where("target", "=", filter.target);
  if (filter.before !== undefined) query = query.where("id", "<", filter.before);
  // One more than asked tells whether there is another page.
  const found = await query.limit(limit + 1).execute();
  const rows = found.slice(0, limit);
  return { rows, next: found.length > limit ? rows.at(-1)?.id : undefined };
}

function boundedDetail(detail: Record<string, unknown> = {}): string {
  const text = JSON.stringify(detail);
  return text.length <= DETAIL_MAX_CHARACTERS
    ? text
    : JSON.stringify({ left_out: `${text.length} characters` });
}
