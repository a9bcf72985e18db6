import { expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqlite } from "./sqlite.ts";

test("the file and its companions are this user's alone, whatever the umask", async () => {
  await using folder = await tempFolder();
  for (const umask of [0o000, 0o777]) {
    const path = join(folder.path, `umask-${umask}.db`);
    const before = process.umask(umask);
    try {
      const database = openSqlite(path);
      database.exec("create table t (x)");
      for (const suffix of ["", "-wal", "-shm"]) expect((await stat(path + suffix)).mode & 0o777).toBe(0o600);
      database.close();
    } finally {
      process.umask(before);
    }
  }
});

test("writes are synced before they are acknowledged and foreign keys hold", () => {
  using database = disposable(":memory:");
  const pragma = (name: string) => Object.values(database.query(`pragma ${name}`).all()[0] ?? {})[0];
  expect(pragma("synchronous")).toBe(2);
  expect(pragma("foreign_keys")).toBe(1);
  expect(pragma("temp_store")).toBe(2);
  expect(pragma("busy_timeout")).toBe(5000);
});

test("a file is in WAL mode", async () => {
  await using folder = await tempFolder();
  using database = disposable(join(folder.path, "x.db"));
  expect(database.query("pragma journal_mode").all()).toEqual([{ journal_mode: "wal" }]);
});

test("a statement that was kept sees the table as it is now", () => {
  using database = disposable(":memory:");
  database.exec("create table t (x)");
  expect(database.query("select * from t").columnNames).toEqual(["x"]);
  database.exec("alter table t add column y");
  database.query("insert into t values (?, ?)").run(1, "two");
  expect(database.query("select * from t").all()).toEqual([{ x: 1, y: "two" }]);
});

test("more statements than are kept still run", () => {
  using database = disposable(":memory:");
  const first = database.query("select 0 as x");
  for (let number = 1; number <= 600; number++) database.query(`select ${number} as x`).all();
  expect(first.all()).toEqual([{ x: 0 }]);
});

test("opening the file again in the same process keeps the lock against other processes", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "lock.db");
  using holder = disposable(path);
  holder.exec("begin immediate");
  using _second = disposable(path);
  const script = `
    const { Database } = require("bun:sqlite");
    try { new Database(process.argv[1]).run("begin immediate"); console.log("taken"); }
    catch (error) { console.log(error.code); }`;
  const other = Bun.spawn([process.execPath, "-e", script, path], { stdout: "pipe" });
  expect(await new Response(other.stdout).text()).toBe("SQLITE_BUSY\n");
});

function disposable(path: string) {
  const database = openSqlite(path);
  return Object.assign(database, { [Symbol.dispose]: () => database.close() });
}

async function tempFolder() {
  const path = await mkdtemp(join(tmpdir(), "muster-sqlite-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
