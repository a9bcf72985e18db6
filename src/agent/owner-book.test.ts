import { expect, test } from "bun:test";
import { appendEntry, type OwnerLog } from "../identity/owner-log.ts";
import {
  begun,
  controller,
  crypto,
  forge,
  full,
  home,
  laptop,
  newKey,
  newSigner,
  phone,
  withBrowser,
} from "../identity/owner-log.fixture.ts";
import { beginLog } from "../identity/owner-log.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { canonicalJson } from "../protocol/canonical-json.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import { Notices } from "./notices.ts";
import { OwnerBook } from "./owner-book.ts";
import { FakeHub, rejection, stateStore, testWorld } from "./testing.ts";

const ROOT = toBase64Url(begun.id);

async function bookOf(path = ":memory:") {
  const store = await stateStore(testWorld(), path);
  const hub = new FakeHub();
  hub.ownerRoot = ROOT;
  hub.connect();
  const notices = new Notices();
  const reopen = async () => {
    const book = new OwnerBook({ db: store.db, crypto, hub, ownerRoot: ROOT, notices, log: SILENT_LOG });
    await book.load();
    return book;
  };
  return { book: await reopen(), hub, store, notices, reopen };
}

/** Two logs that part after `full`. */
async function forked(): Promise<[OwnerLog, OwnerLog]> {
  const one = await appendEntry(crypto, full, {
    kind: "controller",
    body: controller(newSigner(), { name: "one" }),
    signer: home,
  });
  const other = await appendEntry(crypto, full, {
    kind: "controller",
    body: controller(newSigner(), { name: "two" }),
    signer: home,
  });
  return [one, other];
}

test("nothing is asked of a hub whose log ends where the copy does; one that ends elsewhere is asked", async () => {
  const { book, hub, store } = await bookOf();
  hub.entries = [...full.entries];
  await book.fetch();
  const before = hub.askedFor("log_get").length;
  const { number, hash } = full.head;
  await book.fetch([{ owner_root: ROOT, number, hash: toBase64Url(hash) }]);
  expect(hub.askedFor("log_get")).toHaveLength(before);
  for (const told of [
    { owner_root: ROOT, number, hash: toBase64Url(begun.id) },
    { owner_root: ROOT, number: number + 1, hash: toBase64Url(hash) },
    { owner_root: toBase64Url(hash), number, hash: toBase64Url(hash) },
  ]) {
    const asked = hub.askedFor("log_get").length;
    await book.fetch([told]);
    expect(hub.askedFor("log_get").length).toBeGreaterThan(asked);
  }
  await store.close();
});

test("the log is fetched, checked and known again after a restart", async () => {
  const { book, hub, reopen, store } = await bookOf();
  expect(book.problem()).toMatchObject({ code: "unavailable" });
  hub.entries = [...full.entries];
  await book.fetch();
  expect(book.log?.length).toBe(full.length);
  expect(book.problem()).toBeUndefined();
  const again = await reopen();
  expect(again.log?.head).toEqual(full.head);
  await store.close();
});

test("a log that comes in pages is fetched whole", async () => {
  const { book, hub, store } = await bookOf();
  hub.override = (asked) =>
    asked.type === "log_get"
      ? {
          type: "log_entries",
          id: "1",
          owner_root: ROOT,
          entries: full.entries.slice(asked.from, asked.from + 2),
        }
      : undefined;
  await book.fetch();
  expect(book.log?.length).toBe(full.length);
  await store.close();
});

test("another owner's log is refused, whatever it says", async () => {
  const { book, store } = await bookOf();
  const stranger = await beginLog(crypto, newSigner(), {
    name: "evil",
    kind: "desktop",
    platform: "linux-x86_64",
    link_key: newKey(),
  });
  expect(await rejection(book.take(stranger.entries))).toMatchObject({ code: "owner_log_invalid" });
  expect(book.log).toBeUndefined();
  await store.close();
});

test("a hub that shows less takes nothing back, and an entry by nobody is refused", async () => {
  const { book, hub, store } = await bookOf();
  await book.take(full.entries);
  hub.entries = [...begun.entries];
  await book.fetch();
  expect(book.log?.length).toBe(full.length);
  expect(book.log?.mayCommand(laptop.publicKey, 0)).toBe(true);
  const forged = await forge(full, {
    kind: "controller",
    body: canonicalJson(controller(phone)),
    signer: newSigner(),
  });
  expect(await rejection(book.take([forged]))).toMatchObject({ code: "owner_log_invalid" });
  expect(book.log?.length).toBe(full.length);
  await store.close();
});

test("after a fork no command is taken, also not after a restart", async () => {
  const { book, notices, reopen, store } = await bookOf();
  const [one, other] = await forked();
  await book.take(one.entries);
  expect(await rejection(book.take(other.entries))).toMatchObject({ code: "owner_log_forked" });
  expect(book.log).toBeUndefined();
  expect(notices.all()).toHaveLength(1);
  const again = await reopen();
  expect(again.problem()).toMatchObject({ code: "owner_log_forked" });
  await store.close();
});

test("a copy that was changed on the disk is not believed", async () => {
  const { book, reopen, store } = await bookOf();
  await book.take(withBrowser.entries);
  const row = await store.db
    .selectFrom("owner_log")
    .select("json")
    .where("number", "=", 1)
    .executeTakeFirstOrThrow();
  const json = row.json.replace(/"signature":"./, '"signature":"_');
  await store.db.updateTable("owner_log").set({ json }).where("number", "=", 1).execute();
  const again = await reopen();
  expect(again.problem()).toMatchObject({ code: "owner_log_invalid" });
  await again.take(full.entries);
  expect(again.log).toBeUndefined();
  await store.close();
});

test("batches that arrive at once are taken in turn", async () => {
  const { book, store } = await bookOf();
  await Promise.all([book.take(begun.entries), book.take(full.entries), book.take(withBrowser.entries)]);
  expect(book.log?.length).toBe(full.length);
  await store.close();
});
