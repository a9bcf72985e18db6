// SQLite databases that outlive the processes of their host: real ones, in memory. A crash drops what was not
// committed, and it may come at any statement, before it or after it.
import { openSqlite } from "../../src/world/sqlite.ts";
import type { SqliteDatabase, SqliteStatement } from "../../src/world/world.ts";
import type { SimProcess } from "./sim-process.ts";

/** The process is no more; nothing of it runs on. */
export class Killed extends Error {}

export interface SqliteFault {
  /** Statements to let pass. */
  after: number;
  /** Whether the last of them still takes effect. */
  takesEffect: boolean;
  /** Ends the process. */
  strike(): void;
}

export class SimDatabases {
  readonly #databases = new Map<string, SqliteDatabase>();
  readonly #users = new Map<SimProcess, Set<SqliteDatabase>>();
  readonly #opened: (path: string) => void;
  fault: SqliteFault | undefined;

  /** `opened`: the file has to show on the disk. */
  constructor(opened: (path: string) => void) {
    this.#opened = opened;
  }

  of(process: SimProcess): (path: string) => SqliteDatabase {
    return (path) => {
      const database = this.#database(path);
      this.#users.set(process, (this.#users.get(process) ?? new Set()).add(database));
      return this.#handle(process, database);
    };
  }

  /** The process is no more: what it had not committed is gone. */
  crash(process: SimProcess): void {
    for (const database of this.#users.get(process) ?? []) rollBack(database);
    this.#users.delete(process);
  }

  /** For checkers: looks into a database from outside. */
  peek(path: string): SqliteDatabase | undefined {
    return this.#databases.get(path);
  }

  close(): void {
    for (const database of this.#databases.values()) database.close();
    this.#databases.clear();
  }

  #database(path: string): SqliteDatabase {
    const known = this.#databases.get(path);
    if (known !== undefined) return known;
    const database = openSqlite(":memory:");
    this.#databases.set(path, database);
    this.#opened(path);
    return database;
  }

  #handle(process: SimProcess, database: SqliteDatabase): SqliteDatabase {
    let open = true;
    const guarded = <Value>(run: () => Value): Value => {
      if (!process.isAlive) throw new Killed("the process was killed");
      if (!open) throw new Error("the database is closed");
      return this.#strikeAround(run);
    };
    return {
      query(sql): SqliteStatement {
        const statement = guarded(() => database.query(sql));
        return {
          all: (...values) => guarded(() => statement.all(...values)),
          run: (...values) => guarded(() => statement.run(...values)),
          get columnNames() {
            return statement.columnNames;
          },
        };
      },
      exec: (sql) => guarded(() => database.exec(sql)),
      close: () => {
        if (process.isAlive && open) rollBack(database);
        open = false;
      },
    };
  }

  #strikeAround<Value>(run: () => Value): Value {
    const { fault } = this;
    if (fault === undefined) return run();
    fault.after -= 1;
    if (fault.after > 0) return run();
    this.fault = undefined;
    if (fault.takesEffect) run();
    fault.strike();
    throw new Killed("the process was killed");
  }
}

function rollBack(database: SqliteDatabase): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // No transaction was open: there is nothing to drop.
  }
}
