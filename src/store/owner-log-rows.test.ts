import { expect, test } from "bun:test";
import { appendLogEntry, listLogEntries, listOwnerRoots, logHead } from "./owner-log-rows.ts";
import { OTHER_ROOT, ROOT, hubStore, logEntry } from "./testing.ts";

test("entries stand in order behind each other, each owner's by itself", async () => {
  const { db, close } = await hubStore();
  for (const root of [ROOT, OTHER_ROOT]) {
    for (const number of [0, 1, 2]) {
      expect(await appendLogEntry(db, logEntry(number, "", root))).toEqual({ outcome: "appended" });
    }
  }
  const entries = await listLogEntries(db, ROOT, 1);
  expect(entries.map((entry) => entry.number)).toEqual([1, 2]);
  expect(entries[0]?.hash).toEqual(logEntry(1).hash);
  expect((await listOwnerRoots(db)).sort()).toEqual([ROOT, OTHER_ROOT].sort());
  await close();
});

test("an entry that was written behind an older head is a conflict, and names the head", async () => {
  const { db, close } = await hubStore();
  await appendLogEntry(db, logEntry(0));
  await appendLogEntry(db, logEntry(1));
  const head = { number: 1, hash: logEntry(1).hash };
  const wrong = [
    logEntry(1, "fork"),
    logEntry(3),
    logEntry(0, "fork"),
    { ...logEntry(2), previous: logEntry(0).hash },
  ];
  for (const entry of wrong) expect(await appendLogEntry(db, entry)).toEqual({ outcome: "conflict", head });
  expect(await appendLogEntry(db, { ...logEntry(2), previous: undefined })).toEqual({
    outcome: "conflict",
    head,
  });
  expect(await logHead(db, ROOT)).toEqual(head);
  await close();
});

test("the same entry again is known", async () => {
  const { db, close } = await hubStore();
  await appendLogEntry(db, logEntry(0));
  await appendLogEntry(db, logEntry(1));
  expect(await appendLogEntry(db, logEntry(0))).toEqual({ outcome: "known" });
  expect(await appendLogEntry(db, logEntry(1))).toEqual({ outcome: "known" });
  await close();
});

test("of many who append the next entry at once, one is in", async () => {
  const { db, close } = await hubStore();
  await appendLogEntry(db, logEntry(0));
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, index) => appendLogEntry(db, logEntry(1, `-${index}`))),
  );
  expect(outcomes.filter(({ outcome }) => outcome === "appended")).toHaveLength(1);
  expect(outcomes.filter(({ outcome }) => outcome === "conflict")).toHaveLength(199);
  await close();
});

test("a log ends at 4,096 entries", async () => {
  const { db, close } = await hubStore();
  await db
    .insertInto("owner_log")
    .values({ owner_root: ROOT, number: 4095, hash: logEntry(4095).hash, json: "{}" })
    .execute();
  expect(await appendLogEntry(db, logEntry(4096))).toEqual({ outcome: "full" });
  await close();
});
