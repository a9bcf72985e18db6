import { expect, test } from "bun:test";
import { chmod, readdir, stat, writeFile } from "node:fs/promises";
import { openSqlite } from "../world/sqlite.ts";
import type { SqliteDatabase } from "../world/world.ts";
import type { HubDatabase } from "./hub-schema.ts";
import { inTransaction } from "./in-transaction.ts";
import { emptyJournal, type StoreNotice, openStore } from "./open-store.ts";
import { checkPrivate } from "./private-files.ts";
import { getSetting, removeSetting, setSetting } from "./settings.ts";
import { hubStore, storeOptions, tempFolder, rejection } from "./testing.ts";

test("what was written is there after a restart", async () => {
  await using folder = await tempFolder();
  const path = folder.file("hub.db");
  const before = await hubStore({ path });
  await setSetting(before.db, "port", 8080);
  await before.close();
  const after = await openStore<HubDatabase>(storeOptions({ path }));
  expect(await getSetting(after.db, "port")).toBe(8080);
  await after.close();
});

test("a file that is no database is moved aside whole, said aloud, and a fresh one begun", async () => {
  await using folder = await tempFolder();
  const path = folder.file("hub.db");
  await writeFile(path, "not a database ".repeat(100), { mode: 0o600 });
  const notices: StoreNotice[] = [];
  const store = await openStore<HubDatabase>(
    storeOptions({ path, onNotice: (notice) => notices.push(notice) }),
  );
  await setSetting(store.db, "fresh", true);
  await store.close();
  const movedTo = `${path}.corrupt-20261120T060938Z`;
  expect(notices).toMatchObject([{ level: "error", movedTo }]);
  expect(notices[0]?.message).toContain(movedTo);
  expect(await Bun.file(movedTo).text()).toStartWith("not a database not a database");
});

test("a damaged page is found at the start; a second loss in one second keeps the first", async () => {
  await using folder = await tempFolder();
  const path = folder.file("hub.db");
  const notices: StoreNotice[] = [];
  const options = storeOptions({ path, lossLevel: "warning", onNotice: (notice) => notices.push(notice) });
  for (const _ of [1, 2]) {
    const store = await openStore<HubDatabase>(options);
    await store.close();
    const bytes = await Bun.file(path).bytes();
    await writeFile(path, bytes.fill(0xa5, 4096, 8192 * 2));
  }
  const store = await openStore<HubDatabase>(options);
  await store.close();
  expect(notices.map(({ level }) => level)).toEqual(["warning", "warning"]);
  const files = (await readdir(folder.file("."))).filter((name) => /corrupt-[0-9TZ]+(-2)?$/.test(name));
  expect(files).toHaveLength(2);
});

test("what a store that erases has deleted is in none of its files once its journal is emptied", async () => {
  await using folder = await tempFolder();
  const path = folder.file("state.db");
  const needle = "receive-key-that-is-over-".repeat(8);
  const found = async (): Promise<boolean> => {
    const files = await Promise.all(["", "-wal"].map((suffix) => Bun.file(path + suffix).bytes()));
    return files.some((bytes) => Buffer.from(bytes).includes(needle));
  };
  const store = await openStore<HubDatabase>({ ...storeOptions({ path }), deleted: "erased" });
  await setSetting(store.db, "key", needle);
  await setSetting(store.db, "other", "stays");
  await emptyJournal(store.db);
  expect(await found()).toBe(true);
  await removeSetting(store.db, "key");
  await emptyJournal(store.db);
  expect(await found()).toBe(false);
  expect(await getSetting(store.db, "other")).toBe("stays");
  await store.close();
});

test("a full disk refuses new work, keeps reading, and heals by itself", async () => {
  await using folder = await tempFolder();
  let handle: SqliteDatabase | undefined;
  const options = storeOptions({ path: folder.file("hub.db") });
  const world = { ...options.world, openSqlite: (path: string) => (handle = openSqlite(path)) };
  const told: string[] = [];
  const onWrite = (outcome: string): void => void told.push(outcome);
  const { db, close } = await openStore<HubDatabase>({ ...options, world, onWrite });
  await setSetting(db, "before", "kept");
  handle?.exec("pragma max_page_count = 1");
  const big = "x".repeat(200_000);
  expect(await rejection(setSetting(db, "big", big))).toMatchObject({ code: "storage_full" });
  const both = inTransaction(db, async (transaction) => {
    await setSetting(transaction, "small", 1);
    await setSetting(transaction, "big", big);
  });
  told.length = 0;
  expect(await rejection(both)).toMatchObject({ code: "storage_full" });
  expect(told).toEqual(["refused"]);
  expect(await getSetting(db, "before")).toBe("kept");
  expect(await getSetting(db, "small")).toBeUndefined();
  handle?.exec("pragma max_page_count = 100000");
  await setSetting(db, "big", big);
  expect(told).toEqual(["refused", "written"]);
  expect(await getSetting(db, "big")).toBe(big);
  await close();
});

test("a commit whose fsync fails acknowledges nothing, and the next one is whole", async () => {
  let failing = false;
  const options = storeOptions();
  const world = {
    ...options.world,
    openSqlite: (path: string): SqliteDatabase => {
      const real = openSqlite(path);
      return {
        query: (sql) => real.query(sql),
        close: () => real.close(),
        exec: (sql) => {
          // Neither the commit nor the first rollback reaches the disk.
          if (failing) throw Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_FSYNC" });
          real.exec(sql);
        },
      };
    },
  };
  const { db, close } = await openStore<HubDatabase>({ ...options, world });
  const attempt = inTransaction(db, async (transaction) => {
    await setSetting(transaction, "lost", 1);
    failing = true;
  });
  expect(await rejection(attempt)).toMatchObject({ code: "storage_full" });
  expect(await rejection(getSetting(db, "lost"))).toMatchObject({ code: "storage_full" });
  failing = false;
  expect(await getSetting(db, "lost")).toBeUndefined();
  await setSetting(db, "kept", 1);
  expect(await getSetting(db, "kept")).toBe(1);
  await close();
});

test("a database that others can read is not opened", async () => {
  await using folder = await tempFolder();
  const path = folder.file("hub.db");
  const store = await hubStore({ path });
  await store.close();
  await chmod(path, 0o644);
  expect(await rejection(openStore(storeOptions({ path })))).toMatchObject({ code: "state_unsafe" });
});

test("a file that others can use is refused with the command that mends it", async () => {
  await using folder = await tempFolder();
  const path = folder.file("it's");
  await writeFile(path, "", { mode: 0o640 });
  const { mode } = await stat(path);
  expect(() => checkPrivate(path, { mode, kind: "file" })).toThrow(
    expect.objectContaining({
      code: "state_unsafe",
      hint: `chmod 600 '${path.replace("'", String.raw`'\''`)}'`,
    }),
  );
  expect(() => checkPrivate(path, { mode: 0o40700, kind: "folder" })).not.toThrow();
  expect(() => checkPrivate(path, { mode: 0o40710, kind: "folder" })).toThrow("mode 710");
});
