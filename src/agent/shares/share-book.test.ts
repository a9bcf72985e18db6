import { afterEach, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { MusterError } from "../../protocol/errors.ts";
import type { AddShare } from "../../protocol/local-api.ts";
import { SHARE_LABEL_WAIT_MS, SHARES_PER_DEVICE } from "../../protocol/limits.ts";
import { findAgentShare, listAgentShares } from "../../store/agent-shares.ts";
import { realWorld } from "../../world/real.ts";
import { freePort, NOW, rejection, until } from "../testing.ts";
import { listRemovals } from "./share-removals.ts";

import { bookOf, closeBooks, site } from "./share-book.fixture.ts";

afterEach(closeBooks);

test("a folder becomes a page under its own name, with a password shown once and what is left out named", async () => {
  const { book, home, store } = await bookOf();
  const { share, password, warnings } = await book.add({ path: site(home), access: "password" });
  expect(share).toMatchObject({
    name: "my-site",
    kind: "page",
    state: "running",
    url: "http://my-site.localhost:8080/",
  });
  expect(password).toMatch(/^[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}$/);
  expect(warnings).toEqual([expect.stringContaining(".env")]);
  const row = await findAgentShare(store.db, share.id);
  expect(row?.password_verifier).toBe(`hash of ${password}`);
  expect(JSON.stringify(row)).not.toContain(`"${password}"`);
  expect(book.target(share.id)).toMatchObject({ kind: "page", access: "password", chosenPassword: false });
  expect(book.list()).toHaveLength(1);
});

test("the folder with this device's keys is never a page, whatever leads there", async () => {
  const { book, home, hub } = await bookOf();
  mkdirSync(home.file("own/hub"), { recursive: true });
  writeFileSync(home.file("own/identity"), "key");
  symlinkSync(home.file("own"), home.file("alias"));
  for (const path of ["own", "own/", "own/hub", "own/identity", "alias", "alias/identity"]) {
    expect(await rejection(book.add({ path: home.file(path), access: "public" }))).toMatchObject({
      code: "usage",
      message: expect.stringContaining("Muster's own"),
    });
  }
  expect(hub.asked).toEqual([]);
  const { warnings } = await book.add({ path: home.path, name: "all", access: "public" });
  expect(warnings[0]).toContain("own");
});

test("no home of another agent and none of the system's own folders is ever a page", async () => {
  const { book, home, hub } = await bookOf();
  mkdirSync(home.file("other/logs"), { recursive: true });
  for (const name of ["identity", "lock.db"]) writeFileSync(home.file(`other/${name}`), "");
  symlinkSync("/", home.file("everything"));
  for (const path of ["other", "other/logs", "other/identity"]) {
    expect(await rejection(book.add({ path: home.file(path), access: "public" }))).toMatchObject({
      code: "usage",
      message: expect.stringContaining("Muster's own"),
    });
  }
  for (const path of ["/", "/etc/", "/dev", "//", home.file("everything")]) {
    expect(await rejection(book.add({ path, access: "public" }))).toMatchObject({
      code: "usage",
      message: expect.stringContaining("the system's own"),
      hint: expect.stringContaining("muster add"),
    });
  }
  expect(hub.asked).toEqual([]);
});

test("a chosen password is not told back, and counts as guessable", async () => {
  const { book, home } = await bookOf();
  const added = await book.add({ path: site(home), access: "password", password: "hunter2" });
  expect(added.password).toBeUndefined();
  expect(book.target(added.share.id)).toMatchObject({ chosenPassword: true });
});

test("a taken name gets a number and the answer says so", async () => {
  const { book, home, hub } = await bookOf();
  const path = site(home);
  await book.add({ path, access: "public" });
  const second = await book.add({ path, access: "public" });
  expect(second.share.name).toBe("my-site-2");
  expect(second.warnings[0]).toContain("my-site-2");
  hub.override = (asked) =>
    asked.type === "share_publish"
      ? {
          type: "share_published",
          id: "1",
          share_id: asked.share_id,
          label: "blog-7",
          url: "http://blog-7.localhost/",
        }
      : undefined;
  const third = await book.add({ path, access: "public", name: "blog" });
  expect(third.share).toMatchObject({ name: "blog-7", url: "http://blog-7.localhost/" });
  expect(third.warnings[0]).toContain("blog-7");
});

test.each<[string, Partial<AddShare>, string, RegExp]>([
  ["nothing", {}, "usage", /path or a port/],
  ["a missing path", { path: "/no/such/place" }, "not_found", /\/no\/such\/place/],
  ["a relative path", { path: "site" }, "usage", /absolute/],
  ["a device file", { path: "/dev/null" }, "invalid", /neither/],
  ["our own port", { port: 7575 }, "usage", /7575/],
  ["a path and a port", { path: "/tmp", port: 3000 }, "usage", /contradict/],
  ["a command without a port", { path: "/tmp", run: "x" }, "usage", /port/],
  ["a command without a folder", { port: 3000, run: "x" }, "usage", /folder/],
  ["an empty command", { path: "/tmp", port: 3000, run: "  " }, "usage", /empty/],
  ["spa for a port", { port: 3000, spa: true }, "usage", /spa/],
  ["a public share with a password", { port: 3000, access: "public", password: "x" }, "usage", /contradict/],
  ["a reserved name", { port: 3000, name: "api" }, "usage", /reserved/],
  ["what is no origin", { port: 3000, allow_origins: ["https://a.example/x"] }, "usage", /origin/],
  ["an end in a hundred years", { port: 3000, expires_in_ms: 3.2e12 }, "usage", /ten years/],
])("%s is refused and nothing is kept", async (_, wish, code, message) => {
  const { book, store, hub } = await bookOf();
  const error = await rejection(book.add({ access: "password", ...wish }));
  expect(error).toMatchObject({ code });
  expect((error as Error).message).toMatch(message);
  expect(await listAgentShares(store.db)).toEqual([]);
  expect(hub.asked).toEqual([]);
});

test("without a hub nothing is shared", async () => {
  const { book, store, hub, home } = await bookOf();
  hub.lose();
  const error = await rejection(book.add({ path: site(home), access: "public" }));
  expect(error).toMatchObject({ code: "hub_unreachable" });
  expect(await listAgentShares(store.db)).toEqual([]);
});

test("a hub that gives no label in five seconds hears later that the share is not there", async () => {
  const { book, store, hub, home, time } = await bookOf();
  hub.override = (asked) => (asked.type === "share_publish" ? new Promise(() => {}) : undefined);
  const adding = rejection(book.add({ path: site(home), access: "public" }));
  await until(() => hub.askedFor("share_publish").length === 1);
  const id = hub.askedFor("share_publish")[0]?.share_id ?? "";
  expect(book.target(id)).toBeDefined();
  expect(book.list()).toEqual([]);
  hub.override = (asked) => {
    if (asked.type === "share_remove") throw new MusterError("unavailable", "busy");
    return undefined;
  };
  time.advance(SHARE_LABEL_WAIT_MS);
  expect(await adding).toMatchObject({ code: "hub_unreachable" });
  expect(book.target(id)).toBeUndefined();
  expect(await listAgentShares(store.db)).toEqual([]);
  expect(await listRemovals(store.db)).toEqual([id]);
  hub.override = undefined;
  await book.connected();
  expect(hub.askedFor("share_remove").at(-1)?.share_id).toBe(id);
  expect(await listRemovals(store.db)).toEqual([]);
});

test("what the hub refuses is undone, and its reason told", async () => {
  const { book, store, hub, home } = await bookOf();
  hub.override = (asked) => {
    if (asked.type === "share_publish") throw new MusterError("too_many", "a hundred already");
    return undefined;
  };
  expect(await rejection(book.add({ path: site(home), access: "public" }))).toMatchObject({
    code: "too_many",
  });
  expect(await listAgentShares(store.db)).toEqual([]);
});

test("a hub that knows of no links but its own gets no share that asks for another", async () => {
  const { book, hub, home } = await bookOf();
  const wish: AddShare = { path: site(home), access: "public", link: "named" };
  expect(await rejection(book.add(wish))).toMatchObject({ code: "conflict" });
  expect(book.list()).toEqual([]);
  expect(hub.askedFor("share_remove")).toHaveLength(1);
});

test("what the named link carries is found by the host of its address, and nothing else is", async () => {
  const { book, hub, home } = await bookOf();
  hub.override = (asked) =>
    asked.type === "share_publish"
      ? {
          type: "share_published",
          id: "1",
          share_id: asked.share_id,
          label: asked.wish,
          url: `https://${asked.wish}.example.com/`,
          ...(asked.link === undefined ? {} : { link: asked.link }),
        }
      : undefined;
  const path = site(home);
  const { share, warnings } = await book.add({ path, name: "shop", access: "public", link: "named" });
  await book.add({ path, name: "blog", access: "public" });
  expect(warnings).toContainEqual(expect.stringContaining("100 MB"));
  expect(book.namedTarget("shop.example.com")).toMatchObject({ id: share.id });
  for (const host of ["blog.example.com", "example.com", "shop.example.com:443", "shop.example.com/", ""]) {
    expect(book.namedTarget(host)).toBeUndefined();
  }
  await book.remove(share.id);
  expect(book.namedTarget("shop.example.com")).toBeUndefined();
});

test("a device has a hundred shares at most", async () => {
  const { book } = await bookOf();
  const many = Array.from({ length: SHARES_PER_DEVICE }, (_, index) =>
    book.add({ port: 60_000 - index, access: "public" }),
  );
  await Promise.all(many);
  expect(await rejection(book.add({ port: 50_000, access: "public" }))).toMatchObject({ code: "too_many" });
});

test("a share that is removed while the hub is away is told when it is back", async () => {
  const { book, hub, home } = await bookOf();
  const { share } = await book.add({ path: site(home), access: "public" });
  hub.lose();
  expect(await book.remove("my-site")).toEqual({ id: share.id, name: "my-site" });
  expect(await rejection(book.remove("my-site"))).toMatchObject({ code: "not_found" });
  expect(book.target(share.id)).toBeUndefined();
  expect(hub.labels.has(share.id)).toBe(true);
  hub.connect();
  await book.connected();
  expect(hub.labels.has(share.id)).toBe(false);
  expect(hub.askedFor("share_publish")).toHaveLength(1);
});

test("two who remove one share at a time: one does, the other hears that it is gone", async () => {
  const { book, home } = await bookOf();
  await book.add({ path: site(home), access: "public" });
  const outcomes = await Promise.allSettled([book.remove("my-site"), book.remove("my-site")]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
});

test("a page is stopped and started again, and the hub is told", async () => {
  const { book, hub, home } = await bookOf();
  const { share } = await book.add({ path: site(home), access: "public" });
  expect(await book.stop("my-site")).toMatchObject({ state: "stopped" });
  expect(book.state(share.id)).toBe("stopped");
  expect(hub.sent.at(-1)).toEqual({ type: "share_state", share_id: share.id, state: "stopped" });
  expect(await book.start("my-site")).toMatchObject({ state: "running" });
  expect(hub.askedFor("share_publish").at(-1)?.state).toBe("running");
});

test("a folder that goes away shows as waiting at the next look", async () => {
  const { book, home, time } = await bookOf();
  const path = site(home);
  const { share } = await book.add({ path, access: "public" });
  rmSync(path, { recursive: true });
  time.advance(5_000);
  await until(() => book.state(share.id) === "waiting");
});

test("a port where nothing listens is published with a warning and waits", async () => {
  const { book } = await bookOf();
  const port = await freePort();
  const { share, warnings } = await book.add({ port, access: "public" });
  expect(share).toMatchObject({ name: `app-${port}`, state: "waiting" });
  expect(warnings[0]).toContain("nothing listens");
});

test("an app that others reach without the gateway is pointed out", async () => {
  const { book } = await bookOf();
  const server = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response("open") });
  const { warnings } = await book.add({ port: server.port ?? 0, access: "public" });
  await server.stop(true);
  const outer = realWorld.network.interfaces().filter((each) => !each.internal);
  expect(warnings.length).toBe(outer.length > 0 ? 1 : 0);
  if (outer.length > 0) expect(warnings[0]).toContain("also listens on");
});

test("a share whose time is over is gone here and at the hub", async () => {
  const { book, hub, home, store, time } = await bookOf();
  const { share } = await book.add({ path: site(home), access: "public", expires_in_ms: 90_000 });
  for (const _ of [1, 2, 3]) time.advance(29_999);
  expect(book.target(share.id)).toBeDefined();
  time.advance(2_000);
  await until(() => book.target(share.id) === undefined && !hub.labels.has(share.id));
  expect(await listAgentShares(store.db)).toEqual([]);
});

test("every session is told of everything, and a new address is kept", async () => {
  const { book, hub, home, store } = await bookOf();
  const { share } = await book.add({ path: site(home), access: "public" });
  hub.labels.set(share.id, "my-site-3");
  await book.connected();
  expect(await findAgentShare(store.db, share.id)).toMatchObject({ label: "my-site-3", name: "my-site-3" });
});

test("a share that the hub does not take any more is told in the notices", async () => {
  const { book, hub, home, notices } = await bookOf();
  await book.add({ path: site(home), access: "public" });
  hub.override = (asked) => {
    if (asked.type === "share_publish") throw new MusterError("forbidden", "not yours");
    return undefined;
  };
  await book.connected();
  expect(notices.all()).toEqual([expect.stringContaining("not yours")]);
  hub.override = undefined;
  await book.connected();
  expect(notices.all()).toEqual([]);
});

test("dates are those of the clock", async () => {
  const { book, home } = await bookOf();
  const { share } = await book.add({ path: site(home), access: "public", expires_in_ms: 60_000 });
  expect(share.created_at).toBe(new Date(NOW).toISOString());
  expect(share.expires_at).toBe(new Date(NOW + 60_000).toISOString());
});
