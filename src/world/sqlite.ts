// SQLite through bun:sqlite. The rule: once a write has returned it is on the disk (WAL, synchronous=FULL),
// and no other user of the machine can read the file.

import { Database, type Statement } from "bun:sqlite";
import { closeSync, constants, fchmodSync, openSync } from "node:fs";
import { systemCode } from "../protocol/errors.ts";
import type { SqliteDatabase, SqliteStatement, SqliteValue } from "./world.ts";

/** How long a statement waits for another process's transaction before it fails with SQLITE_BUSY. */
const BUSY_TIMEOUT_MS = 5_000;

/** Prepared statements kept for one handle; the program's own SQL is a few hundred texts at most. */
const STATEMENTS_KEPT = 500;

/** What a checkpoint leaves of the write-ahead file on the disk. */
const WAL_KEPT_BYTES = 16 * 1024 * 1024;

const WAL_TRIES = 100;
const WAL_RETRY_MS = 20;

/** Opens or makes the file with mode 0600; its folder must exist. `:memory:` is a database of its own. */
export function openSqlite(path: string): SqliteDatabase {
  if (path !== ":memory:") createPrivateFile(path);
  const database = new Database(path, { create: true, readwrite: true });
  try {
    database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    enterWal(database);
    database.run("PRAGMA synchronous = FULL");
    database.run("PRAGMA foreign_keys = ON");
    database.run("PRAGMA temp_store = MEMORY");
    database.run("PRAGMA trusted_schema = OFF");
    database.run(`PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
  } catch (error) {
    database.close();
    throw error;
  }
  return new BunSqlite(database);
}

// Only a missing file is opened here, never one that is there: closing any descriptor of a database drops
// the POSIX locks that this process holds on it (https://sqlite.org/howtocorrupt.html, 2.2). SQLite gives the
// -wal and -shm files the mode of this one.
function createPrivateFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
  } catch (error) {
    if (systemCode(error) === "EEXIST") return;
    throw error;
  }
  try {
    // The umask may have taken the owner's own bits.
    fchmodSync(file, 0o600);
  } finally {
    closeSync(file);
  }
}

// The change to WAL needs the file for itself and does not always honour the busy timeout, so processes that
// start together on a new file would fail.
function enterWal(database: Database): void {
  for (let attempt = 1; ; attempt++) {
    try {
      database.run("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!systemCode(error).startsWith("SQLITE_BUSY") || attempt === WAL_TRIES) throw error;
      Bun.sleepSync(WAL_RETRY_MS);
    }
  }
}

type BunStatement = Statement<Record<string, SqliteValue>, SqliteValue[]>;

class BunSqlite implements SqliteDatabase {
  readonly #database: Database;
  // Oldest use first. Bun's own cache of query() ends at 20 statements.
  readonly #statements = new Map<string, BunStatement>();

  constructor(database: Database) {
    this.#database = database;
  }

  query(sql: string): SqliteStatement {
    const kept = this.#statements.get(sql);
    if (kept !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, kept);
      return kept;
    }
    const statement: BunStatement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    if (this.#statements.size > STATEMENTS_KEPT) this.#forgetOldest();
    return statement;
  }

  exec(sql: string): void {
    this.#database.run(sql);
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    this.#database.close();
  }

  // Not finalized: whoever holds it may still run it, and the collector frees it afterwards.
  #forgetOldest(): void {
    const [oldest] = this.#statements.keys();
    if (oldest !== undefined) this.#statements.delete(oldest);
  }
}
