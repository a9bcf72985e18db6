// Opens a PostgreSQL database and brings it up to date. Several programs may use it at once: the tables are in a
// schema of ours, and who changes them holds a lock of the server meanwhile.

import { Kysely, sql } from "kysely";
import type { Clock, PostgresPool } from "../world/world.ts";
import { POSTGRES_COLUMNS } from "./column-types.ts";
import { migrate, type Migration } from "./migrate.ts";
import type { Store } from "./open-store.ts";
import { postgresDialect } from "./postgres-dialect.ts";

/** Where the pool has to look for tables. */
export const POSTGRES_SCHEMA = "muster";
/** Any number that others are unlikely to take: "muster" in ASCII. */
const MIGRATION_LOCK = 0x6d7573746572;

/** Throws `unavailable` while the server can't be reached. */
export async function openPostgresStore<DB>(options: {
  pool: PostgresPool;
  migrations: Migration[];
  clock: Clock;
}): Promise<Store<DB>> {
  const { pool, migrations, clock } = options;
  const db = new Kysely<DB>({ dialect: postgresDialect(pool) });
  const lock = async (handle: Pick<Kysely<unknown>, "getExecutor">): Promise<void> => {
    await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(handle);
  };
  try {
    await db.transaction().execute(async (transaction) => {
      await lock(transaction);
      const { rows } = await sql`select 1 from pg_namespace where nspname = ${POSTGRES_SCHEMA}`.execute(
        transaction,
      );
      // Asked first: who may not make schemas may use one that somebody else made.
      if (rows.length === 0) await sql`create schema ${sql.ref(POSTGRES_SCHEMA)}`.execute(transaction);
    });
    await migrate(db, migrations, { clock, columns: POSTGRES_COLUMNS, lock });
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, close: () => db.destroy() };
}
