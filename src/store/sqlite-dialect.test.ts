import { expect, test } from "bun:test";
import { sql } from "kysely";
import { inTransaction } from "./in-transaction.ts";
import { getSetting, removeSetting, setSetting } from "./settings.ts";
import { isUniqueViolation } from "./sqlite-errors.ts";
import { agentStore, hubStore, rejection } from "./testing.ts";
import { Turnstile } from "./turnstile.ts";

test("a statement that comes while a transaction is open waits for its end", async () => {
  const { db, close } = await hubStore();
  const order: string[] = [];
  const opened = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const transaction = inTransaction(db, async (inside) => {
    await setSetting(inside, "key", "inside");
    opened.resolve();
    await mayEnd.promise;
    order.push("transaction");
  });
  await opened.promise;
  const outside = getSetting(db, "key").then((value) => order.push(`read ${String(value)}`));
  mayEnd.resolve();
  await Promise.all([transaction, outside]);
  expect(order).toEqual(["transaction", "read inside"]);
  await close();
});

test("a transaction that fails leaves nothing; inside another it is part of that one", async () => {
  const { db, close } = await hubStore();
  const failing = inTransaction(db, async (outer) => {
    await inTransaction(outer, (inner) => setSetting(inner, "key", 1));
    throw new Error("after the inner one");
  });
  expect(await rejection(failing)).toMatchObject({ message: expect.stringContaining("after the inner one") });
  expect(await getSetting(db, "key")).toBeUndefined();
  await close();
});

test("savepoints undo a part", async () => {
  const { db, close } = await hubStore();
  const transaction = await db.startTransaction().execute();
  const insert = (key: string) => transaction.insertInto("settings").values({ key, value: "1" }).execute();
  await insert("kept");
  const after = await transaction.savepoint("here").execute();
  await insert("undone");
  await after.rollbackToSavepoint("here").execute();
  await after.releaseSavepoint("here").execute();
  await transaction.commit().execute();
  expect(await db.selectFrom("settings").select("key").execute()).toEqual([{ key: "kept" }]);
  await close();
});

test("a value that has no column type is refused instead of stored as something else", async () => {
  const { db, close } = await agentStore();
  for (const value of [undefined, {}, new Date(0), Symbol("s")]) {
    expect(await rejection(sql`select ${value}`.execute(db))).toMatchObject({
      message: expect.stringContaining("can't be stored"),
    });
  }
  const { rows } = await sql`select ${true} as yes, ${null} as none, ${Uint8Array.of(1)} as bytes`.execute(
    db,
  );
  expect(rows).toEqual([{ yes: 1, none: null, bytes: Uint8Array.of(1) }]);
  await close();
});

test("a row that is there already is told from other failures", async () => {
  const { db, close } = await hubStore();
  const insert = () => db.insertInto("settings").values({ key: "key", value: "1" }).execute();
  await insert();
  const error: unknown = await insert().catch((thrown: unknown) => thrown);
  expect(isUniqueViolation(error)).toBe(true);
  expect(isUniqueViolation(new Error("other"))).toBe(false);
  await removeSetting(db, "key");
  await insert();
  await close();
});

test("closing waits for what was asked before", async () => {
  const { db, close } = await hubStore();
  const writes = Array.from({ length: 50 }, (_, index) => setSetting(db, `key${index}`, index));
  await Promise.all([...writes, close()]);
  expect(await rejection(getSetting(db, "key1"))).toBeInstanceOf(Error);
});

test("the turnstile lets in one by one in order, and refuses a crowd", async () => {
  const turnstile = new Turnstile(3000);
  await turnstile.enter();
  const order: number[] = [];
  const waiting = Array.from({ length: 3000 }, async (_, index) => {
    await turnstile.enter();
    order.push(index);
    turnstile.leave();
  });
  expect(await rejection(turnstile.enter())).toMatchObject({ code: "unavailable" });
  turnstile.leave();
  await Promise.all(waiting);
  expect(order).toEqual(Array.from({ length: 3000 }, (_, index) => index));
  await turnstile.enter();
  turnstile.leave();
});
