import { expect, test } from "bun:test";
import { appendAudit, listAudit } from "./audit.ts";
import { NOW, OTHER_ROOT, ROOT, hubStore } from "./testing.ts";

test("only the newest rows are kept", async () => {
  const { db, close } = await hubStore();
  for (let number = 1; number <= 25; number++) await appendAudit(db, row(`t${number}`), 10);
  const { rows, next } = await listAudit(db);
  expect(rows.map(({ target }) => target)).toEqual([
    "t25",
    "t24",
    "t23",
    "t22",
    "t21",
    "t20",
    "t19",
    "t18",
    "t17",
    "t16",
  ]);
  expect(next).toBeUndefined();
  await close();
});

test("pages run from the newest to the oldest without holes, while rows are added", async () => {
  const { db, close } = await hubStore();
  for (let number = 1; number <= 7; number++) await appendAudit(db, row(`t${number}`));
  const targets: string[] = [];
  for (let before: number | undefined; ;) {
    const page = await listAudit(db, { limit: 3, ...(before === undefined ? {} : { before }) });
    targets.push(...page.rows.map(({ target }) => target));
    await appendAudit(db, row("new"));
    if (page.next === undefined) break;
    before = page.next;
  }
  expect(targets).toEqual(["t7", "t6", "t5", "t4", "t3", "t2", "t1"]);
  await close();
});

test("one owner's rows, one target's rows", async () => {
  const { db, close } = await hubStore();
  await appendAudit(db, { ...row("aa"), ownerRoot: ROOT, detail: { why: "asked" }, requestId: "r1" });
  await appendAudit(db, { ...row("bb"), ownerRoot: OTHER_ROOT });
  await appendAudit(db, row("aa"));
  const mine = await listAudit(db, { ownerRoot: ROOT });
  expect(mine.rows).toMatchObject([{ target: "aa", detail: '{"why":"asked"}', request_id: "r1", at: NOW }]);
  expect((await listAudit(db, { target: "aa" })).rows).toHaveLength(2);
  await close();
});

test("a detail that is too long is left out", async () => {
  const { db, close } = await hubStore();
  await appendAudit(db, { ...row("aa"), detail: { text: "x".repeat(100_000) } });
  expect((await listAudit(db)).rows[0]?.detail).toBe('{"left_out":"100011 characters"}');
  await close();
});

function row(target: string) {
  return { at: NOW, actor: "device:x", action: "share_publish", target };
}
