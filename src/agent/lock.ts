// One agent per home: a write lock on lock.db, held for life. It dies with its holder, however that ends, so
// nothing stale is ever believed. Who holds it stands in the file, for the message to whoever comes second.
import { MusterError, systemCode } from "../protocol/errors.ts";
import type { SqliteDatabase, World } from "../world/world.ts";

export interface HomeLock {
  release(): void;
}

/** Throws `agent_running` when another agent has this home. */
export function lockHome(openSqlite: World["openSqlite"], path: string, pid: number): HomeLock {
  const database = openSqlite(path);
  try {
    // Whoever is second is told at once.
    database.exec("PRAGMA busy_timeout = 0");
    database.exec("BEGIN EXCLUSIVE");
    database.exec(
      "CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), pid INTEGER) STRICT",
    );
    database.query("INSERT OR REPLACE INTO holder (one, pid) VALUES (1, ?)").run(pid);
    database.exec("COMMIT");
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    const refusal = systemCode(error).startsWith("SQLITE_BUSY") ? running(database) : error;
    database.close();
    throw refusal;
  }
  return { release: () => database.close() };
}

function running(database: SqliteDatabase): MusterError {
  const pid = holderOf(database);
  return new MusterError(
    "agent_running",
    `another agent${pid === undefined ? "" : ` (process ${pid})`} already runs in this home`,
    { hint: "see it: `muster status`; end it: `muster stop`" },
  );
}

function holderOf(database: SqliteDatabase): number | undefined {
  try {
    const pid = database.query("SELECT pid FROM holder").all()[0]?.["pid"];
    return typeof pid === "number" ? pid : undefined;
  } catch {
    // The first agent of this home has yet to write it: the message does without.
    return undefined;
  }
}
