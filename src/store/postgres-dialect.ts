// Kysely over the world's PostgreSQL connections. What the rest of the program reads is the same as with SQLite:
// whole numbers are numbers, bytes are plain Uint8Arrays, and JSON stays in text columns. A call resolves after its
// commit.

import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from "kysely";
import { MusterError, systemCode } from "../protocol/errors.ts";
import type { PostgresConnection, PostgresPool, PostgresResult } from "../world/world.ts";
import { bindable } from "./bindable.ts";

/** Object ids of types (pg_type): what needs to be read otherwise than it comes. */
const INT8 = 20;
const NUMERIC = 1700;
const BYTEA = 17;

/** `pool.close()` belongs to the Kysely instance from here on: `db.destroy()` calls it. */
export function postgresDialect(pool: PostgresPool): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PostgresDriver(pool),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

class PostgresDriver implements Driver {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async init(): Promise<void> {
    // It connects when it is first asked.
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    return new Connection(await this.#pool.connect().catch(rethrow));
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    (connection as Connection).release(); // made above, all of them
  }

  beginTransaction = (connection: DatabaseConnection): Promise<void> => run(connection, "begin");
  commitTransaction = (connection: DatabaseConnection): Promise<void> => run(connection, "commit");
  rollbackTransaction = (connection: DatabaseConnection): Promise<void> => run(connection, "rollback");

  destroy(): Promise<void> {
    return this.#pool.close();
  }
}

function run(connection: DatabaseConnection, sql: string): Promise<void> {
  return (connection as Connection).run(sql); // made by acquireConnection, all of them
}

class Connection implements DatabaseConnection {
  readonly #connection: PostgresConnection;

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const result = await this.#connection.query(query.sql, query.parameters.map(bindable)).catch(rethrow);
    // Kysely states the row's type; that the SQL yields it is checked by the schema's types alone.
    const rows = rowsOf(result) as Row[];
    return query.query.kind === "SelectQueryNode"
      ? { rows }
      : { rows, numAffectedRows: BigInt(result.affected) };
  }

  // eslint-disable-next-line require-yield -- the interface wants a generator, and this one only refuses
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("results are not streamed: page through them instead");
  }

  async run(sql: string): Promise<void> {
    await this.#connection.query(sql, []).catch(rethrow);
  }

  release(): void {
    this.#connection.release();
  }
}

function rowsOf({ rows, columns }: PostgresResult): Record<string, unknown>[] {
  const readers = columns.flatMap(({ name, type }): [string, (value: unknown) => unknown][] => {
    if (type === INT8 || type === NUMERIC) return [[name, Number]];
    return type === BYTEA ? [[name, plainBytes]] : [];
  });
  if (readers.length === 0) return rows;
  return rows.map((row) => {
    const read = { ...row };
    for (const [name, reader] of readers) if (read[name] !== null) read[name] = reader(read[name]);
    return read;
  });
}

/** A Buffer's slice() is no copy. */
function plainBytes(value: unknown): unknown {
  return value instanceof Uint8Array ? new Uint8Array(value) : value;
}

/** What PostgreSQL's failures mean to the program (its manual, appendix A, has the codes). */
function rethrow(thrown: unknown): never {
  const code = systemCode(thrown);
  if (code === "53100" || code === "25006") {
    throw new MusterError("storage_full", "the database's disk is full or refuses writes", { cause: thrown });
  }
  if (/^(?:08|57P|53|28|3D)/.test(code) || code.startsWith("E")) {
    throw new MusterError("unavailable", "the PostgreSQL server can't be used now", {
      cause: thrown,
      hint: "see that it runs, and that MUSTER_DATABASE_URL of that device leads there; it is tried again by itself",
    });
  }
  throw thrown;
}
