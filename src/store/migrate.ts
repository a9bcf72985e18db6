// Brings a database's tables up to this program's version, one transaction for each step.
//
// A migration is a list of SQL statements, so what ran is recorded with its checksum: a released step that
// was edited later is noticed instead of leaving two databases different under one name. Kysely's Migrator
// was not taken: on SQLite it takes no lock (processes that start together break each other) and it can't
// tell an edited step. Here each step runs inside BEGIN IMMEDIATE and looks again whether it is still needed.

import { createHash } from "node:crypto";
import { type Kysely, sql, type Transaction } from "kysely";
import { MusterError } from "../protocol/errors.ts";
import type { Clock } from "../world/world.ts";
import { type ColumnTypes, SQLITE_COLUMNS } from "./column-types.ts";

export interface Migration {
  /** Never changes once released; the list's order counts, not the name's. */
  name: string;
  statements(columns: ColumnTypes): string[];
}

interface Applied {
  number: number;
  name: string;
  checksum: string;
}

export interface MigrationGround {
  clock: Clock;
  /** SQLite's when absent. */
  columns?: ColumnTypes;
  /** Keeps other processes out until the transaction ends, where beginning one does not. */
  lock?(transaction: Transaction<unknown>): Promise<void>;
}

/** Runs what is missing. Safe to call from several processes at once: each step runs in exactly one. */
export async function migrate<DB>(
  db: Kysely<DB>,
  migrations: Migration[],
  ground: MigrationGround,
): Promise<void> {
  await makeHistory(db, ground);
  const applied = await appliedTo(db);
  checkHistory(applied, migrations);
  for (const [index, migration] of migrations.entries()) {
    if (applied.some((row) => row.number === index)) continue;
    await locked(db, ground, (transaction) => step(transaction, { migration, index, ground }));
  }
}

function locked<DB>(
  db: Kysely<DB>,
  { lock }: MigrationGround,
  work: (transaction: Transaction<DB>) => Promise<void>,
): Promise<void> {
  return db.transaction().execute(async (transaction) => {
    // A lock knows no tables.
    await lock?.(transaction as unknown as Transaction<unknown>);
    await work(transaction);
  });
}

async function makeHistory<DB>(db: Kysely<DB>, ground: MigrationGround): Promise<void> {
  const { columns = SQLITE_COLUMNS } = ground;
  const statement = sql`
    create table if not exists migrations (
      number ${sql.raw(columns.integer)} primary key,
      name text not null,
      checksum text not null,
      applied_at ${sql.raw(columns.integer)} not null
    )`;
  // PostgreSQL lets two processes collide even on "if not exists".
  if (ground.lock === undefined) await statement.execute(db);
  else await locked(db, ground, async (transaction) => void (await statement.execute(transaction)));
}

async function step<DB>(
  transaction: Transaction<DB>,
  given: { migration: Migration; index: number; ground: MigrationGround },
): Promise<void> {
  const { migration, index, ground } = given;
  const { clock, columns = SQLITE_COLUMNS } = ground;
  const applied = await appliedTo(transaction);
  if (applied.some((row) => row.number === index)) return;
  for (const statement of migration.statements(columns)) await sql.raw(statement).execute(transaction);
  await sql`
    insert into migrations (number, name, checksum, applied_at)
    values (${index}, ${migration.name}, ${checksumOf(migration)}, ${clock.now()})`.execute(transaction);
}

async function appliedTo<DB>(db: Kysely<DB>): Promise<Applied[]> {
  const result = await sql<Applied>`select number, name, checksum from migrations order by number`.execute(
    db,
  );
  return result.rows;
}

function checkHistory(applied: Applied[], migrations: Migration[]): void {
  for (const row of applied) {
    const known = migrations[row.number];
    if (known === undefined || known.name !== row.name) {
      throw new MusterError(
        "state_newer",
        `the database was written by a newer version (step "${row.name}")`,
        {
          hint: "upgrade this machine's muster; the database was not touched",
        },
      );
    }
    if (checksumOf(known) !== row.checksum) {
      throw new MusterError("state_newer", `the database was made by another version's step "${row.name}"`);
    }
  }
}

// Spaces don't count, so a formatter may have its way with the SQL.
function checksumOf(migration: Migration): string {
  const text = migration.statements(SQLITE_COLUMNS).join(";").replaceAll(/\s+/g, " ").trim();
  return createHash("sha256").update(text).digest("hex");
}
