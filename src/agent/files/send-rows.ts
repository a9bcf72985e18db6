// Files that this device sends: rows that outlive it. Each ends once, and says how.
import type { Kysely, Selectable } from "kysely";
import { MusterError, type ErrorBody } from "../../protocol/errors.ts";
import { inTransaction } from "../../store/in-transaction.ts";
import type { StateDatabase } from "../state-migrations.ts";
import type { FileSendsTable, SendState } from "./file-tables.ts";

export type SendRow = Selectable<FileSendsTable>;

/** Of one peer, not yet there. */
const WAITING_MAX = 1_000;
/** For how long one that has ended can still be asked about. */
const ENDED_KEPT_MS = 7 * 86_400_000;

export type NewSend = Omit<SendRow, "state" | "sha256" | "problem" | "ended_at">;

/** Durable when it resolves. Throws `too_many`. */
export function queueSend(db: Kysely<StateDatabase>, send: NewSend): Promise<SendRow> {
  return inTransaction(db, async (transaction) => {
    const { count } = await transaction
      .selectFrom("file_sends")
      .select((row) => row.fn.countAll<number>().as("count"))
      .where("peer", "=", send.peer)
      .where("state", "=", "queued")
      .executeTakeFirstOrThrow();
    if (count >= WAITING_MAX) {
      throw new MusterError("too_many", `${WAITING_MAX} files wait for that device already`, {
        hint: "they go by themselves once it is online; see: muster send --list",
      });
    }
    return transaction
      .insertInto("file_sends")
      .values({ ...send, state: "queued", sha256: null, problem: null, ended_at: null })
      .returningAll()
      .executeTakeFirstOrThrow();
  });
}

export function findSend(db: Kysely<StateDatabase>, id: string): Promise<SendRow | undefined> {
  return db.selectFrom("file_sends").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Oldest first. */
export function queuedSends(db: Kysely<StateDatabase>): Promise<SendRow[]> {
  return db
    .selectFrom("file_sends")
    .selectAll()
    .where("state", "=", "queued")
    .orderBy("created_at")
    .orderBy("id")
    .execute();
}

/** Only from `queued`: how it ended stays. Returns whether it was this that ended it. */
export async function endSend(
  db: Kysely<StateDatabase>,
  id: string,
  end: { state: Exclude<SendState, "queued">; at: number; sha256?: string; problem?: ErrorBody },
): Promise<boolean> {
  const result = await db
    .updateTable("file_sends")
    .set({
      state: end.state,
      ended_at: end.at,
      sha256: end.sha256 ?? null,
      problem: end.problem === undefined ? null : JSON.stringify(end.problem),
    })
    .where("id", "=", id)
    .where("state", "=", "queued")
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function dropOldSends(db: Kysely<StateDatabase>, nowMs: number): Promise<void> {
  await db
    .deleteFrom("file_sends")
    .where("state", "!=", "queued")
    .where("ended_at", "<", nowMs - ENDED_KEPT_MS)
    .execute();
}

/** What waits, and what has ended lately; oldest first. */
export function listSends(db: Kysely<StateDatabase>): Promise<SendRow[]> {
  return db.selectFrom("file_sends").selectAll().orderBy("created_at").orderBy("id").execute();
}
