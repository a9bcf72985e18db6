// One program per home, be it an agent, a hub, or both: a write lock on lock.db, taken before anything of the
// home is read or made, and held for life. It dies with its holder, however that ends, so nothing stale is ever
// believed. Who holds it stands in the file, for whoever comes second and for `muster stop`.
import { MusterError, systemCode } from "../protocol/errors.ts";
import { storeError } from "../store/sqlite-errors.ts";
import type { SqliteDatabase, World } from "../world/world.ts";

export interface Holder {
  pid: number;
  /** A hub without an agent, or an agent, with or without one. */
  runs: "agent" | "hub";
}

export interface HomeLock {
  release(): void;
}

/** Throws `agent_running` when another process has this home. */
export function lockHome(openSqlite: World["openSqlite"], path: string, own: Holder): HomeLock {
  const database = opened(openSqlite, path);
  try {
    // Whoever is second is told at once.
    database.exec("PRAGMA busy_timeout = 0");
    // Others read the name while this one holds the lock, so it is written before. If another came between,
    // the name is its own.
    do {
      database.exec("BEGIN EXCLUSIVE");
      database.exec(SCHEMA);
      database
        .query("INSERT OR REPLACE INTO held_by (one, pid, runs) VALUES (1, ?, ?)")
        .run(own.pid, own.runs);
      database.exec("COMMIT");
      database.exec("BEGIN EXCLUSIVE");
    } while (named(database)?.pid !== own.pid && rollback(database));
  } catch (error) {
    const refusal = isBusy(error) ? taken(database) : (damage(error, path) ?? error);
    database.close();
    throw refusal;
  }
  return { release: () => database.close() };
}

/** Who has this home; undefined where nobody has. The file must be there. */
export function holderOf(openSqlite: World["openSqlite"], path: string): Holder | undefined {
  const database = opened(openSqlite, path);
  try {
    database.exec("PRAGMA busy_timeout = 0");
    database.exec("BEGIN EXCLUSIVE");
    return undefined;
  } catch (error) {
    if (isBusy(error)) return named(database);
    throw damage(error, path) ?? error;
  } finally {
    database.close();
  }
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS held_by
  (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER NOT NULL, runs TEXT NOT NULL) STRICT`;

function rollback(database: SqliteDatabase): true {
  database.exec("ROLLBACK");
  return true;
}

function taken(database: SqliteDatabase): MusterError {
  const holder = named(database);
  const who =
    holder === undefined
      ? "another program"
      : `${holder.runs === "hub" ? "a hub" : "another agent"} (process ${holder.pid})`;
  return new MusterError("agent_running", `${who} already runs in this home`, {
    hint: "see it: `muster status`; end it: `muster stop`",
  });
}

function named(database: SqliteDatabase): Holder | undefined {
  try {
    const row = database.query("SELECT pid, runs FROM held_by").all()[0];
    const pid = row?.["pid"];
    return typeof pid === "number" ? { pid, runs: row?.["runs"] === "hub" ? "hub" : "agent" } : undefined;
  } catch {
    // The first holder of this home has yet to write it.
    return undefined;
  }
}

function opened(openSqlite: World["openSqlite"], path: string): SqliteDatabase {
  try {
    return openSqlite(path);
  } catch (error) {
    throw damage(error, path) ?? error;
  }
}

/** Whoever holds a damaged lock can't be told, so it is never moved aside by itself. */
function damage(error: unknown, path: string): MusterError | undefined {
  const stands = storeError(error);
  if (!(stands instanceof MusterError) || stands.code !== "state_corrupt") return undefined;
  return new MusterError("state_corrupt", `"${path}" is damaged`, {
    hint: "if nothing of Muster runs in this home, remove that file: it holds no state",
    cause: error,
  });
}

function isBusy(error: unknown): boolean {
  return systemCode(error).startsWith("SQLITE_BUSY");
}
