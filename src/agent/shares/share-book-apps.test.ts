import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { MusterError } from "../../protocol/errors.ts";
import type { AddShare } from "../../protocol/local-api.ts";
import { findAgentShare, listAgentShares } from "../../store/agent-shares.ts";
import { findRuntime } from "../../store/runtime.ts";
import { realWorld } from "../../world/real.ts";
import { freePort, rejection, until, type TempHome } from "../testing.ts";
import { ShareBook } from "./share-book.ts";

import { bookOf, closeBooks, site } from "./share-book.fixture.ts";

afterEach(closeBooks);

function serverText(port: number): string {
  return `exec "${process.execPath}" -e 'Bun.serve({hostname:"127.0.0.1",port:${port},fetch:()=>new Response("hi")})'`;
}

function appWish(home: TempHome, port: number, run = serverText(port)): AddShare {
  return { path: home.path, port, run, name: "shop", access: "public" };
}

test("an app runs before it is published, gets its port, and ends with its share", async () => {
  const { book, hub, home, store } = await bookOf("real");
  const port = await freePort();
  hub.override = async (asked) => {
    if (asked.type === "share_publish")
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("hi");
    return undefined;
  };
  const { share } = await book.add(appWish(home, port, `echo "port $PORT"; ${serverText(port)}`));
  expect(share).toMatchObject({ name: "shop", state: "running", kind: "app" });
  const pid = (await findRuntime(store.db, share.id))?.pid ?? 0;
  const logPath = book.logPath("shop");
  expect(await Bun.file(logPath).text()).toContain(`port ${port}`);
  await book.remove(share.id.slice(0, 4));
  expect(realWorld.processes.groupAlive(pid)).toBe(false);
  expect(existsSync(logPath)).toBe(false);
});

test("when the hub refuses, the app that was started for it is ended, and its log stays to be read", async () => {
  const { book, hub, home, store } = await bookOf("real");
  let pid = 0;
  hub.override = async (asked) => {
    if (asked.type !== "share_publish") return undefined;
    await until(async () => (await findRuntime(store.db, asked.share_id))?.pid !== null);
    pid = (await findRuntime(store.db, asked.share_id))?.pid ?? 0;
    throw new MusterError("invalid", "no");
  };
  expect(await rejection(book.add(appWish(home, await freePort())))).toMatchObject({ code: "invalid" });
  expect(pid).toBeGreaterThan(1);
  expect(realWorld.processes.groupAlive(pid)).toBe(false);
  expect(await listAgentShares(store.db)).toEqual([]);
  expect(existsSync(home.file("app-shop.log"))).toBe(true);
});

test("an app that does not come up is not published", async () => {
  const { book, hub, home, store } = await bookOf("real");
  const error = await rejection(book.add(appWish(home, await freePort(), "exit 3")));
  expect(error).toMatchObject({ code: "app_failed", hint: expect.stringContaining("app-shop.log") });
  expect(hub.askedFor("share_publish")).toEqual([]);
  expect(await listAgentShares(store.db)).toEqual([]);
});

test("an app whose asker goes away while it is awaited is ended and not published", async () => {
  const { book, hub, home, store } = await bookOf("real");
  const asker = new AbortController();
  const mark = home.file("began");
  const adding = rejection(
    book.add(appWish(home, await freePort(), `touch "${mark}"; exec sleep 1000`), asker.signal),
  );
  await until(() => existsSync(mark));
  asker.abort();
  expect(await adding).toMatchObject({ code: "unavailable" });
  expect(book.list()).toEqual([]);
  expect(await listAgentShares(store.db)).toEqual([]);
  expect(hub.askedFor("share_publish")).toEqual([]);
});

test("a share whose asker goes away before the answer is taken back: nobody has its password", async () => {
  const { book, hub, home, store } = await bookOf();
  const asker = new AbortController();
  hub.override = ({ type }) => {
    if (type === "share_publish") asker.abort();
    return undefined;
  };
  const refused = await rejection(book.add({ path: site(home), access: "password" }, asker.signal));
  expect(refused).toMatchObject({ code: "unavailable" });
  expect(book.list()).toEqual([]);
  expect(await listAgentShares(store.db)).toEqual([]);
  expect(hub.labels.size).toBe(0);
});

test("an app whose start the hub refuses is stopped again; without a hub it starts", async () => {
  const { book, hub, home, store } = await bookOf("real");
  const { share } = await book.add(appWish(home, await freePort()));
  await book.stop("shop");
  hub.override = (asked) => {
    if (asked.type === "share_publish") throw new MusterError("forbidden", "no");
    return undefined;
  };
  expect(await rejection(book.start("shop"))).toMatchObject({ code: "forbidden" });
  expect(book.state(share.id)).toBe("stopped");
  expect(await findAgentShare(store.db, share.id)).toMatchObject({ wanted_running: 0 });
  hub.lose();
  expect(await book.start("shop")).toMatchObject({ state: "running", proof: { state: "unknown" } });
});

test("the next agent finds the app again; one that was left half added is undone", async () => {
  const first = await bookOf("real");
  const { share } = await first.book.add(appWish(first.home, await freePort()));
  await first.book.close("leave");
  const pid = (await findRuntime(first.store.db, share.id))?.pid ?? 0;
  expect(realWorld.processes.groupAlive(pid)).toBe(true);

  const second = new ShareBook(first.options);
  await second.load();
  expect(second.state(share.id)).toBe("running");
  await second.close("leave");

  const row = await findAgentShare(first.store.db, share.id);
  const options = JSON.stringify({ ...JSON.parse(row?.options ?? "{}"), unfinished: true });
  await first.store.db.updateTable("shares").set({ options }).execute();
  const third = new ShareBook(first.options);
  await third.load();
  expect(third.list()).toEqual([]);
  expect(realWorld.processes.groupAlive(pid)).toBe(false);
  expect(await listAgentShares(first.store.db)).toEqual([]);
  await third.close("stop");
});
