import { expect, test } from "bun:test";
import { addLoginLink, spendLoginLink } from "./login-links.ts";
import { findOwnerByPin, listOwners, setOwnerUser } from "./owners.ts";
import { NOW, ROOT, digest, hubStore } from "./testing.ts";

const LINK = { id: "link", secretHash: digest("secret"), expiresAt: NOW + 900_000 };

test("a link signs one browser in, however many come at once", async () => {
  const { db, close } = await hubStore();
  await addLoginLink(db, LINK, NOW);
  const spends = await Promise.all(
    Array.from({ length: 100 }, () => spendLoginLink(db, { ...LINK, now: NOW })),
  );
  expect(spends.filter(Boolean)).toHaveLength(1);
  await close();
});

test("a wrong secret spends nothing, and a link that is over opens nothing", async () => {
  const { db, close } = await hubStore();
  await addLoginLink(db, LINK, NOW);
  expect(await spendLoginLink(db, { id: "link", secretHash: digest("guess"), now: NOW })).toBe(false);
  expect(await spendLoginLink(db, { ...LINK, id: "other", now: NOW })).toBe(false);
  expect(await spendLoginLink(db, { ...LINK, now: LINK.expiresAt })).toBe(false);
  expect(await spendLoginLink(db, { ...LINK, now: LINK.expiresAt - 1 })).toBe(true);
  await close();
});

test("links that are over are cleared away by the next one", async () => {
  const { db, close } = await hubStore();
  await addLoginLink(db, LINK, NOW);
  await addLoginLink(db, { ...LINK, id: "next", expiresAt: LINK.expiresAt * 2 }, LINK.expiresAt);
  const links = await db.selectFrom("login_links").select("id").execute();
  expect(links).toEqual([{ id: "next" }]);
  await close();
});

test("an owner log goes to one account", async () => {
  const { db, close } = await hubStore();
  expect(await setOwnerUser(db, ROOT, "ann")).toBe(true);
  expect(await setOwnerUser(db, ROOT, "ann")).toBe(true);
  expect(await setOwnerUser(db, ROOT, "eve")).toBe(false);
  expect(await setOwnerUser(db, "no such log", "eve")).toBe(false);
  expect(await findOwnerByPin(db, digest(ROOT).slice(0, 16))).toMatchObject({
    owner_root: ROOT,
    user_id: "ann",
  });
  expect(await listOwners(db)).toHaveLength(2);
  await close();
});
