import { expect, test } from "bun:test";
import {
  FREED_LABEL_REST_MS,
  LABELS_PER_OWNER,
  claimLabel,
  findLabel,
  freeLabels,
  listLabels,
} from "./labels.ts";
import { NOW, OTHER_ROOT, ROOT, hubStore, rejection } from "./testing.ts";

test("of many who wish one name at once, each gets a label of its own", async () => {
  const { db, close } = await hubStore();
  const labels = await Promise.all(Array.from({ length: 40 }, (_, index) => claim(db, `d${index}`, "blog")));
  expect(new Set(labels).size).toBe(40);
  expect(labels.filter((label) => label === "blog")).toHaveLength(1);
  expect(labels).toContain("blog-40");
  await close();
});

test("after fifty tries the name is taken", async () => {
  const { db, close } = await hubStore();
  for (let index = 0; index < 50; index++) await claim(db, `d${index}`, "blog");
  expect(await rejection(claim(db, "late", "blog"))).toMatchObject({ code: "name_taken" });
  await close();
});

test("a holder that asks again keeps its label; with another wish it changes and the old one is free", async () => {
  const { db, close } = await hubStore();
  await claim(db, "first", "blog");
  expect(await claim(db, "second", "blog")).toBe("blog-2");
  expect(await claim(db, "second", "blog")).toBe("blog-2");
  expect(await claim(db, "second", "shop")).toBe("shop");
  expect((await listLabels(db)).map(({ label }) => label)).toEqual(["blog", "shop"]);
  await close();
});

test("a freed name rests 90 days for other owners; its own takes it back at once", async () => {
  const { db, close } = await hubStore();
  await claim(db, "first", "blog");
  await freeLabels(db, { deviceId: "first" }, NOW);
  expect(await findLabel(db, "blog")).toBeUndefined();
  const lastMoment = NOW + FREED_LABEL_REST_MS - 1;
  expect(await claim(db, "stranger", "blog", { ownerRoot: OTHER_ROOT, now: lastMoment })).toBe("blog-2");
  expect(await claim(db, "second", "blog")).toBe("blog");
  expect((await findLabel(db, "blog"))?.changed_hands_at).toBeNull();

  await freeLabels(db, { deviceId: "second" }, NOW);
  const later = NOW + FREED_LABEL_REST_MS;
  expect(await claim(db, "late", "blog", { ownerRoot: OTHER_ROOT, now: later })).toBe("blog");
  expect(await findLabel(db, "blog")).toMatchObject({ owner_root: OTHER_ROOT, changed_hands_at: later });
  await close();
});

test("a reserved wish counts as taken, and what is no host name is refused", async () => {
  const { db, close } = await hubStore();
  expect(await claim(db, "first", "api")).toBe("api-2");
  for (const wish of ["", "a", "-a", "a--b", "Blog", "x".repeat(31), "blog.example", "ab\n"]) {
    expect(await rejection(claim(db, "second", wish))).toMatchObject({ code: "invalid" });
  }
  await close();
});

test("a long name makes room for its number", async () => {
  const { db, close } = await hubStore();
  const wish = "a".repeat(30);
  await claim(db, "first", wish);
  expect(await claim(db, "second", wish)).toBe(`${"a".repeat(28)}-2`);
  await close();
});

test("a device's label and its shares' are freed apart", async () => {
  const { db, close } = await hubStore();
  await claim(db, "pi", "pi");
  await claimLabel(db, { wish: "blog", holder: { deviceId: "pi", shareId: "s" }, ownerRoot: ROOT, now: NOW });
  await freeLabels(db, { deviceId: "pi" }, NOW);
  expect(await listLabels(db)).toMatchObject([{ label: "blog", kind: "share", share_id: "s" }]);
  await close();
});

test("ever new names don't fill the disk: the ones freed longest ago are forgotten", async () => {
  const { db, close } = await hubStore();
  const freed = Array.from({ length: LABELS_PER_OWNER }, (_, index) => ({
    label: `old-${index}`,
    kind: "share" as const,
    device_id: "pi",
    share_id: `s${index}`,
    owner_root: ROOT,
    freed_at: NOW + index,
    changed_hands_at: null,
  }));
  for (let at = 0; at < freed.length; at += 1000) {
    await db
      .insertInto("labels")
      .values(freed.slice(at, at + 1000))
      .execute();
  }
  await claim(db, "pi", "new");
  const { count } = await db
    .selectFrom("labels")
    .select((row) => row.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  expect(count).toBe(LABELS_PER_OWNER);
  expect(await claim(db, "stranger", "old-0", { ownerRoot: OTHER_ROOT })).toBe("old-0");
  await close();
});

function claim(
  db: Parameters<typeof claimLabel>[0],
  deviceId: string,
  wish: string,
  changes: { ownerRoot?: string; now?: number } = {},
): Promise<string> {
  return claimLabel(db, { wish, holder: { deviceId }, ownerRoot: ROOT, now: NOW, ...changes });
}
