// The databases of a fleet: real SQLite, which outlives the processes that use it. A kill takes a process away at
// any statement, before it or after it, and with it all that was not committed. In memory by habit, since the
// power is never lost here; on the disk where a test looks into the files.
import { join } from "node:path";
import { MusterError } from "../../src/protocol/errors.ts";
import { openStore, type Store, type StoreOptions } from "../../src/store/open-store.ts";
import { realDisk } from "../../src/world/disk.ts";
import { openSqlite } from "../../src/world/sqlite.ts";
import type { Clock, SqliteDatabase, SqliteStatement } from "../../src/world/world.ts";

export interface Strike {
  /** Statements to let pass, whoever's they are. */
  after: number;
  /** Whether the last of them still takes effect. */
  takesEffect: boolean;
  /** Its process is gone. */
  killed(name: string): void;
}

export class Databases {
  readonly #folder: string | undefined;
  readonly #clock: Clock;
  readonly #kept = new Map<string, SqliteDatabase>();
  strike: Strike | undefined;

  /** `folder`: they are files there, opened anew for each life. */
  constructor(clock: Clock, folder?: string) {
    this.#clock = clock;
    this.#folder = folder;
  }

  async open<DB>(
    name: string,
    migrations: StoreOptions["migrations"],
  ): Promise<{ store: Store<DB>; kill(): void }> {
    let isDead = false;
    const database = this.#database(name);
    const guarded = <Value>(run: () => Value): Value => {
      if (isDead) throw gone();
      if (!this.#strikes()) return run();
      const { strike } = this;
      this.strike = undefined;
      if (strike?.takesEffect === true) run();
      kill();
      strike?.killed(name);
      throw gone();
    };
    const query = (sql: string): SqliteStatement => {
      if (isDead) throw gone();
      const statement = database.query(sql);
      return {
        all: (...values) => guarded(() => statement.all(...values)),
        run: (...values) => guarded(() => statement.run(...values)),
        get columnNames() {
          return statement.columnNames;
        },
      };
    };
    const kill = (): void => {
      if (isDead) return;
      isDead = true;
      if (this.#folder === undefined) rollBack(database);
      else database.close();
    };
    const store = await openStore<DB>({
      path: this.#folder === undefined ? ":memory:" : join(this.#folder, name),
      migrations,
      lossLevel: "error",
      onNotice: ({ message }) => {
        throw new Error(message);
      },
      world: {
        clock: this.#clock,
        disk: realDisk,
        openSqlite: () => ({ exec: (sql) => guarded(() => database.exec(sql)), query, close: kill }),
      },
    });
    return { store, kill };
  }

  close(): void {
    for (const database of this.#kept.values()) database.close();
    this.#kept.clear();
  }

  #database(name: string): SqliteDatabase {
    if (this.#folder !== undefined) return openSqlite(join(this.#folder, name));
    const database = this.#kept.get(name) ?? openSqlite(":memory:");
    this.#kept.set(name, database);
    return database;
  }

  #strikes(): boolean {
    return this.strike !== undefined && --this.strike.after < 0;
  }
}

function rollBack(database: SqliteDatabase): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // No transaction was open: there is nothing to drop.
  }
}

function gone(): MusterError {
  return new MusterError("unavailable", "the process is gone");
}
