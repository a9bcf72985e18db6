import { expect, test } from "bun:test";
import { findNamedHost, listNamedHosts } from "../../store/named-hosts.ts";
import { sweep } from "./sweep.ts";
import { atProvider, DEVICE, HOSTNAME, recorded, testHub, type TestHub } from "../testing.ts";
import { LOOK_AGAIN_MS, type WantedHost } from "./hosts.ts";

const SHOP: WantedHost = { hostname: "shop.example.com", shareId: "shop", holder: DEVICE };
const WISH = { holder: DEVICE, hostname: HOSTNAME };

function refusal(hub: TestHub, work: Promise<unknown>): Promise<unknown> {
  return hub.time.until(
    work.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
}

function namesAt({ fake }: TestHub): string[] {
  return [...fake.state.records.values()].map(({ name }) => name).sort();
}

test("a share's name leads to its device's tunnel, and asking again asks nobody", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  await hub.time.until(hub.hosts.place(SHOP));
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
  expect(namesAt(hub)).toEqual([HOSTNAME, "shop.example.com"]);
  const calls = hub.fake.calls.length;
  await hub.time.until(hub.hosts.place(SHOP));
  await hub.time.until(hub.hosts.settle([SHOP]));
  expect(hub.fake.calls.length).toBe(calls);
  await hub.time.until(hub.hosts.settle([]));
  expect(namesAt(hub)).toEqual([HOSTNAME]);
  expect(await listNamedHosts(hub.db)).toEqual([]);
});

test("a device without a tunnel can't carry one, and says what to do", async () => {
  await using hub = await testHub();
  expect(await refusal(hub, hub.hosts.place(SHOP))).toMatchObject({
    code: "conflict",
    message: "this device has no named link",
    hint: expect.stringContaining("named = true"),
  });
  await hub.time.until(hub.hosts.settle([SHOP]));
  expect(hub.fake.calls).toEqual([]);
});

test("somebody else's record is refused by name and stays", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  hub.fake.state.addForeignRecord({ type: "A", name: "shop.example.com", content: "203.0.113.7" });
  const before = namesAt(hub);
  expect(await refusal(hub, hub.hosts.place(SHOP))).toMatchObject({
    code: "conflict",
    message: expect.stringContaining("A shop.example.com"),
  });
  expect(await findNamedHost(hub.db, SHOP.hostname)).toMatchObject({ state: "creating", begun_at: null });
  await hub.time.until(hub.hosts.settle([]));
  expect(await listNamedHosts(hub.db)).toEqual([]);
  expect(namesAt(hub)).toEqual(before);
});

test("a name that another share takes while a look goes on stays that share's", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  await hub.time.until(hub.hosts.place(SHOP));
  const next = { ...SHOP, shareId: "next" };
  await hub.time.until(Promise.all([hub.hosts.settle([]), hub.hosts.place(next)]));
  expect(namesAt(hub)).toEqual([HOSTNAME, "shop.example.com"]);
  expect(await listNamedHosts(hub.db)).toMatchObject([{ share_id: "next", state: "ready" }]);
});

test("a name goes with its device's tunnel", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  await hub.time.until(hub.hosts.place(SHOP));
  expect(await hub.time.until(hub.link.remove(DEVICE))).toMatchObject({ state: "none" });
  expect(namesAt(hub)).toEqual([]);
  await hub.time.until(hub.hosts.settle([SHOP]));
  expect(await listNamedHosts(hub.db)).toEqual([]);
});

test("a tunnel that was made anew has its shares' names follow, and a deleted record is missed within a day", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  await hub.time.until(hub.hosts.place(SHOP));
  for (const tunnel of hub.fake.state.standing()) tunnel.deletedAt = "2026-11-20T00:00:00Z";
  await hub.time.until(hub.link.repair(DEVICE));
  await hub.time.until(hub.hosts.settle([SHOP]));
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
  for (const [id, { name }] of hub.fake.state.records) {
    if (name === SHOP.hostname) hub.fake.state.records.delete(id);
  }
  await hub.time.advance(LOOK_AGAIN_MS);
  await hub.time.until(hub.hosts.settle([SHOP]));
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
});

test("what the provider does not answer is tried again after a pause, not at once", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  hub.fake.fail({ fault: "server_error", after: 0, times: 100 });
  await hub.time.until(hub.hosts.settle([SHOP]));
  const calls = hub.fake.calls.length;
  expect(await findNamedHost(hub.db, SHOP.hostname)).toMatchObject({ tries: 1 });
  await hub.time.until(hub.hosts.settle([SHOP]));
  expect(hub.fake.calls.length).toBe(calls);
  hub.fake.heal();
  await hub.time.advance(60_000);
  await hub.time.until(hub.hosts.settle([SHOP]));
  expect(namesAt(hub)).toContain(SHOP.hostname);
});

test("the sweep leaves the names of shares alone", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  await hub.time.until(hub.hosts.place(SHOP));
  expect(await hub.time.until(sweep(hub.shop, hub.link))).toEqual({ removed: [], left: [] });
});

test("a name outside of the zone is refused and nothing of it stays", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  expect(await refusal(hub, hub.hosts.place({ ...SHOP, hostname: "shop.example.org" }))).toMatchObject({
    code: "conflict",
    message: "shop.example.org is not in the zone of CLOUDFLARE_ZONE_ID",
  });
  expect(namesAt(hub)).toEqual([HOSTNAME]);
});
