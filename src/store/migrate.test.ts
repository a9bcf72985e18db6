import { expect, test } from "bun:test";
import { Kysely, sql } from "kysely";
import { openSqlite } from "../world/sqlite.ts";
import { AGENT_MIGRATIONS } from "./agent-migrations.ts";
import { HUB_MIGRATIONS } from "./hub-migrations.ts";
import { type Migration, migrate } from "./migrate.ts";
import { openStore } from "./open-store.ts";
import { SLOW_MIGRATIONS } from "./testing-migrations.ts";
import { sqliteDialect } from "./sqlite-dialect.ts";
import { NOW, storeOptions, tempFolder, rejection } from "./testing.ts";

const clock = { now: () => NOW, monotonic: () => 0 };
const first: Migration = { name: "first", statements: () => ["create table a (x integer)"] };
const second: Migration = { name: "second", statements: () => ["create table b (x integer)"] };

test("three processes that start at once all find the database ready", async () => {
  await using folder = await tempFolder();
  const path = folder.file("hub.db");
  const processes = [1, 2, 3].map(() =>
    Bun.spawn([process.execPath, `${import.meta.dir}/testing-migrating.ts`, path], {
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  for (const child of processes) {
    expect(await new Response(child.stderr).text()).toBe("");
    expect(await new Response(child.stdout).text()).toBe("migrated");
  }
  const { db, close } = await openStore(storeOptions({ path, migrations: SLOW_MIGRATIONS }));
  const { rows } = await sql<{ rows: number }>`select count(*) as rows from three`.execute(db);
  await close();
  expect(rows).toEqual([{ rows: 30_000 }]);
});

test("only missing steps run", async () => {
  await using db = memory();
  await migrate(db, [first], { clock });
  await migrate(db, [first, second], { clock });
  await migrate(db, [first, second], { clock });
  const { rows } = await sql`select number, name, applied_at from migrations`.execute(db);
  expect(rows).toEqual([
    { number: 0, name: "first", applied_at: NOW },
    { number: 1, name: "second", applied_at: NOW },
  ]);
});

test("a step that fails leaves nothing of itself", async () => {
  await using db = memory();
  const broken: Migration = { name: "broken", statements: () => ["create table c (x)", "nonsense"] };
  expect(await rejection(migrate(db, [first, broken], { clock }))).toMatchObject({
    message: expect.stringContaining("nonsense"),
  });
  await migrate(db, [first, second], { clock });
  const tables = await db.introspection.getTables();
  expect(tables.map((table) => table.name)).toEqual(["a", "b", "migrations"]);
});

test("a database of a newer version is refused and left as it is", async () => {
  await using folder = await tempFolder();
  const path = folder.file("hub.db");
  const newer = await openStore(storeOptions({ path, migrations: [first, second] }));
  await newer.close();
  expect(await rejection(openStore(storeOptions({ path, migrations: [first] })))).toMatchObject({
    code: "state_newer",
  });
  const again = await openStore(storeOptions({ path, migrations: [first, second] }));
  await again.close();
});

test("a released step that was edited is noticed; its spaces don't count", async () => {
  await using db = memory();
  await migrate(db, [first], { clock });
  await migrate(db, [{ name: "first", statements: () => ["create  table a\n(x integer)"] }], { clock });
  const edited: Migration = { name: "first", statements: () => ["create table a (x integer, y integer)"] };
  expect(await rejection(migrate(db, [edited], { clock }))).toMatchObject({ code: "state_newer" });
});

test("every table of ours refuses values of another type", async () => {
  for (const migrations of [HUB_MIGRATIONS, AGENT_MIGRATIONS]) {
    await using db = memory();
    await migrate(db, migrations, { clock });
    const loose = await sql`
      select name from pragma_table_list
      where type = 'table' and strict = 0 and name not like 'sqlite_%' and name <> 'migrations'`.execute(db);
    expect(loose.rows).toEqual([]);
  }
});

function memory(): Kysely<unknown> {
  return new Kysely<unknown>({ dialect: sqliteDialect(openSqlite(":memory:")) });
}
