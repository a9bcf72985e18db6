// Opens a database file: checks it, brings it up to date, and never wipes one. A damaged file is moved aside
// under a name that says so, the caller is told, and a fresh one takes its place.

import { Kysely, sql } from "kysely";
import { MusterError, systemCode } from "../protocol/errors.ts";
import type { FileInfo, SqliteDatabase, World } from "../world/world.ts";
import { type Migration, migrate } from "./migrate.ts";
import { checkPrivate } from "./private-files.ts";
import { sqliteDialect, type WriteOutcome } from "./sqlite-dialect.ts";
import { storeError } from "./sqlite-errors.ts";

export type StoreWorld = Pick<World, "clock" | "disk" | "openSqlite">;

export interface StoreOptions {
  world: StoreWorld;
  /** The file, in a folder that exists, or ":memory:". */
  path: string;
  migrations: Migration[];
  /** How bad the loss of this file is: a hub's accounts are an error, a device's share list a warning. */
  lossLevel: StoreNotice["level"];
  onNotice(notice: StoreNotice): void;
  /** What is deleted is written over: for a file that holds keys which must end. See `emptyJournal`. */
  deleted?: "erased";
  /** Told after each write of rows. */
  onWrite?(outcome: WriteOutcome): void;
}

export interface StoreNotice {
  level: "warning" | "error";
  message: string;
  /** Where the damaged file is now. */
  movedTo: string;
}

export interface Store<DB> {
  db: Kysely<DB>;
  /** Waits for running calls and closes the file. */
  close(): Promise<void>;
}

/** Files up to this size are read through once at start (about 50 ms); larger ones would delay the start. */
const CHECK_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Throws `state_unsafe` when others can use the file, `state_newer` for a database of a newer version,
 * `storage_full` where it can't be written, `unavailable` while another process keeps it to itself.
 */
export async function openStore<DB>(options: StoreOptions): Promise<Store<DB>> {
  const info = await existing(options);
  if (info !== undefined) checkPrivate(options.path, info);
  try {
    return await openSound<DB>(options);
  } catch (error) {
    const damaged = error instanceof MusterError && error.code === "state_corrupt";
    if (!damaged || options.path === ":memory:") throw error;
    const movedTo = await moveAside(options);
    options.onNotice({
      level: options.lossLevel,
      message: `"${options.path}" was damaged; it was moved to "${movedTo}" and an empty one begun`,
      movedTo,
    });
    return openSound<DB>(options);
  }
}

/** The write-ahead file holds pages as they were before; this brings it into the database and empties it. */
export async function emptyJournal<DB>(db: Kysely<DB>): Promise<void> {
  await sql`pragma wal_checkpoint(truncate)`.execute(db);
}

function existing({ world, path }: StoreOptions): Promise<FileInfo | undefined> {
  return path === ":memory:" ? Promise.resolve(undefined) : world.disk.info(path);
}

async function openSound<DB>(options: StoreOptions): Promise<Store<DB>> {
  const { world, path, migrations, onWrite } = options;
  const database = openChecked(world, path);
  if (options.deleted === "erased") database.exec("pragma secure_delete = on");
  const db = new Kysely<DB>({ dialect: sqliteDialect(database, onWrite) });
  try {
    await migrate(db, migrations, world);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, close: () => db.destroy() };
}

function openChecked(world: StoreWorld, path: string): SqliteDatabase {
  let database: SqliteDatabase | undefined;
  try {
    database = world.openSqlite(path);
    quickCheck(database);
    return database;
  } catch (error) {
    database?.close();
    if (systemCode(error) === "SQLITE_CANTOPEN") {
      throw new Error(`can't open the database "${path}"`, { cause: error });
    }
    throw storeError(error);
  }
}

function quickCheck(database: SqliteDatabase): void {
  // Reading the schema alone finds a file that is no database.
  const tables = database.query("select count(*) as tables from sqlite_schema").all();
  if (tables[0]?.["tables"] === 0 || fileBytes(database) > CHECK_MAX_BYTES) return;
  const [finding] = database.query("pragma quick_check(1)").all();
  if (finding?.["quick_check"] === "ok") return;
  throw new MusterError("state_corrupt", `the database is damaged: ${String(finding?.["quick_check"])}`);
}

function fileBytes(database: SqliteDatabase): number {
  const pages = database.query("pragma page_count").all()[0]?.["page_count"];
  const pageBytes = database.query("pragma page_size").all()[0]?.["page_size"];
  return Number(pages) * Number(pageBytes);
}

// The write-ahead file goes first: beside a missing database SQLite would delete it, and it may hold the
// newest rows.
async function moveAside({ world, path }: StoreOptions): Promise<string> {
  const target = await freeName(world, `${path}.corrupt-${stamp(world.clock.now())}`);
  for (const suffix of ["-wal", "-shm", ""]) {
    if ((await world.disk.info(path + suffix)) === undefined) continue;
    await world.disk.rename(path + suffix, target + suffix);
  }
  return target;
}

async function freeName(world: StoreWorld, wish: string): Promise<string> {
  let name = wish;
  for (let number = 2; (await world.disk.info(name)) !== undefined; number++) name = `${wish}-${number}`;
  return name;
}

/** 20261120T060938Z: sorts by time and is a file name everywhere. */
function stamp(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}
