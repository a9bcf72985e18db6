// Runs work in a transaction, or in the caller's when there is one already, so that small steps can be
// joined into one commit. The callback gets a plain Kysely handle, which the functions of this room take.

import type { Kysely } from "kysely";

export function inTransaction<DB, Result>(
  db: Kysely<DB>,
  work: (transaction: Kysely<DB>) => Promise<Result>,
): Promise<Result> {
  return db.isTransaction ? work(db) : db.transaction().execute(work);
}
