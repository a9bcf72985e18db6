// Kysely over the world's SQLite handle. One connection, one user of it at a time, and every transaction
// takes the write lock at its start (BEGIN IMMEDIATE), so that none fails half way because another process
// wrote in between. A call resolves after its commit.
//
// Inside a transaction use the transaction handle only: the outer one waits for the transaction to end.

import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  RawNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { MusterError } from "../protocol/errors.ts";
import type { SqliteDatabase } from "../world/world.ts";
import { bindable } from "./bindable.ts";
import { storeError } from "./sqlite-errors.ts";
import { Turnstile } from "./turnstile.ts";

/** Rows are on the disk, or the disk is full or refuses them. */
export type WriteOutcome = "written" | "refused";

/** `database.close()` belongs to the Kysely instance from here on: `db.destroy()` calls it. */
export function sqliteDialect(
  database: SqliteDatabase,
  onWrite: (outcome: WriteOutcome) => void = () => {},
): Dialect {
  return {
    createAdapter: () => new QueueingAdapter(),
    createDriver: () => new SqliteDriver(database, onWrite),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

class QueueingAdapter extends SqliteAdapter {
  // The driver queues by itself (see turnstile.ts); with false Kysely would put its own lock before it.
  override get supportsMultipleConnections(): boolean {
    return true;
  }

  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class SqliteDriver implements Driver {
  readonly #database: SqliteDatabase;
  readonly #connection: SqliteConnection;
  readonly #turnstile = new Turnstile();
  readonly #onWrite: (outcome: WriteOutcome) => void;
  #inTransaction = false;
  #wrote = false;
  // A rollback failed: until it succeeds, "committed" writes would land in the dead transaction.
  #rollbackOwed = false;

  constructor(database: SqliteDatabase, onWrite: (outcome: WriteOutcome) => void) {
    this.#database = database;
    this.#onWrite = onWrite;
    this.#connection = new SqliteConnection(database, (outcome) => {
      if (outcome === "written" && this.#inTransaction) this.#wrote = true;
      else onWrite(outcome);
    });
  }

  async init(): Promise<void> {
    // The handle is open already.
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#turnstile.enter();
    if (!this.#rollbackOwed) return this.#connection;
    try {
      this.#rollback();
    } catch (error) {
      this.#turnstile.leave();
      throw error;
    }
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    this.#turnstile.leave();
  }

  async beginTransaction(): Promise<void> {
    this.#exec("BEGIN IMMEDIATE");
    this.#inTransaction = true;
    this.#wrote = false;
  }

  async commitTransaction(): Promise<void> {
    this.#exec("COMMIT");
    this.#inTransaction = false;
    if (this.#wrote) this.#onWrite("written");
  }

  // The error that led here is the one worth telling, so this one is kept for the next user of the connection.
  async rollbackTransaction(): Promise<void> {
    this.#inTransaction = false;
    try {
      this.#rollback();
    } catch {
      this.#rollbackOwed = true;
    }
  }

  async savepoint(_connection: DatabaseConnection, name: string): Promise<void> {
    this.#exec(`SAVEPOINT ${quoted(name)}`);
  }

  async rollbackToSavepoint(_connection: DatabaseConnection, name: string): Promise<void> {
    this.#exec(`ROLLBACK TO ${quoted(name)}`);
  }

  async releaseSavepoint(_connection: DatabaseConnection, name: string): Promise<void> {
    this.#exec(`RELEASE ${quoted(name)}`);
  }

  // What was asked before is still done; what comes after fails on the closed handle.
  async destroy(): Promise<void> {
    await this.#turnstile.enter();
    this.#database.close();
    this.#turnstile.leave();
  }

  #rollback(): void {
    try {
      this.#exec("ROLLBACK");
    } catch (error) {
      // SQLite ends a transaction by itself on a full disk and some other failures.
      const ended = error instanceof Error && error.message.includes("no transaction is active");
      if (!ended) throw error;
    }
    this.#rollbackOwed = false;
  }

  #exec(sql: string): void {
    try {
      this.#database.exec(sql);
    } catch (error) {
      throw toldRefusal(error, this.#onWrite);
    }
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: SqliteDatabase;
  readonly #onWrite: (outcome: WriteOutcome) => void;

  constructor(database: SqliteDatabase, onWrite: (outcome: WriteOutcome) => void) {
    this.#database = database;
    this.#onWrite = onWrite;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    try {
      const result = this.#execute<Row>(query);
      if ((result.numAffectedRows ?? 0n) > 0n) this.#onWrite("written");
      return result;
    } catch (error) {
      throw toldRefusal(error, this.#onWrite);
    }
  }

  // eslint-disable-next-line require-yield -- the interface wants a generator, and this one only refuses
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("results are not streamed: page through them instead");
  }

  #execute<Row>(query: CompiledQuery): QueryResult<Row> {
    const statement = this.#database.query(query.sql);
    const values = query.parameters.map(bindable);
    if (statement.columnNames.length > 0) {
      // Kysely states the row's type; that the SQL yields it is checked by the schema's types alone.
      const rows = statement.all(...values) as Row[];
      return RawNode.is(query.query) || query.query.kind === "SelectQueryNode"
        ? { rows }
        : { rows, numAffectedRows: BigInt(rows.length) };
    }
    const { changes, lastInsertRowid } = statement.run(...values);
    return { rows: [], insertId: BigInt(lastInsertRowid), numAffectedRows: BigInt(changes) };
  }
}

function toldRefusal(thrown: unknown, onWrite: (outcome: WriteOutcome) => void): unknown {
  const error = storeError(thrown);
  if (error instanceof MusterError && error.code === "storage_full") onWrite("refused");
  return error;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
