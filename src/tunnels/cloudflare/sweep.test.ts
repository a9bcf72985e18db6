import { expect, test } from "bun:test";
import { findTunnel, listTunnels } from "../../store/tunnel-rows.ts";
import { rejection } from "../../store/testing.ts";
import { atProvider, DEVICE, HOSTNAME, HUB_ID, recorded, type TestHub, testHub } from "../testing.ts";
import { listLeftovers, sweep } from "./sweep.ts";
import { unconfiguredNamedLink } from "./unconfigured.ts";
import { finishUnfinished } from "./unfinished.ts";

const OURS = `muster ${HUB_ID}`;

function addLeftover(hub: TestHub, suffix: string): string {
  const { id } = hub.fake.state.addForeignTunnel(`muster-hubhubhu-${suffix}`, "");
  hub.fake.state.addForeignRecord({
    type: "CNAME",
    name: `${suffix}.example.com`,
    content: `${id}.cfargotunnel.com`,
    comment: OURS,
  });
  return id;
}

test("what an earlier database knew is found and removed, what a device has stays", async () => {
  await using hub = await testHub();
  await hub.link.create({ holder: DEVICE, hostname: HOSTNAME });
  const kept = atProvider(hub.fake);
  addLeftover(hub, "leftover");
  addLeftover(hub, "anotherx");
  const left = await listLeftovers(hub.shop);
  expect(left.map(({ kind }) => kind)).toEqual(["tunnel", "tunnel", "record", "record"]);
  expect(atProvider(hub.fake)).toHaveLength(6);
  const report = await sweep(hub.shop, hub.link);
  expect(report.left).toEqual([]);
  expect(atProvider(hub.fake)).toEqual(kept);
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
  expect(await sweep(hub.shop, hub.link)).toEqual({ removed: [], left: [] });
});

test("what only looks like ours is shown or passed over, and never touched", async () => {
  await using hub = await testHub();
  const { state } = hub.fake;
  const named = state.addForeignTunnel("muster-hubhubhu-byperson", "");
  const strangers = [
    state.addForeignTunnel("muster-hubhubhu-too-long-x", ""),
    state.addForeignTunnel("muster-otherhub-abcdefgh", ""),
    state.addForeignTunnel("xmuster-hubhubhu-abcdefgh", ""),
  ];
  const target = `${named.id}.cfargotunnel.com`;
  for (const record of [
    { type: "CNAME", name: "a.example.com", content: target },
    { type: "CNAME", name: "b.example.com", content: target, comment: `${OURS} too` },
    { type: "CNAME", name: "c.example.com", content: target, comment: OURS.toUpperCase() },
    { type: "A", name: "d.example.com", content: "192.0.2.1", comment: OURS },
    { type: "CNAME", name: "e.example.com", content: "elsewhere.example.net", comment: OURS },
  ]) {
    state.addForeignRecord(record);
  }
  const report = await sweep(hub.shop, hub.link);
  expect(report.removed).toEqual([]);
  expect(report.left).toMatchObject([{ kind: "tunnel", tunnel: { id: named.id }, proof: undefined }]);
  expect(state.standing()).toHaveLength(1 + strangers.length);
  expect(state.records.size).toBe(5);
  expect(await listTunnels(hub.db)).toEqual([]);
});

test("a tunnel that is being made, or being removed, is not taken for a leftover", async () => {
  await using hub = await testHub();
  hub.fake.fail({ fault: "lost", on: "POST" });
  await rejection(hub.link.create({ holder: DEVICE, hostname: HOSTNAME }));
  expect(await listLeftovers(hub.shop)).toEqual([]);
  await hub.link.create({ holder: DEVICE, hostname: HOSTNAME });
  hub.fake.fail({ fault: "server_error", on: "DELETE", times: 9 });
  expect(await hub.link.remove(DEVICE)).toMatchObject({ state: "revoking" });
  expect(await listLeftovers(hub.shop)).toEqual([]);
});

test("a record that became a device's while we looked is left alone", async () => {
  await using hub = await testHub();
  const id = addLeftover(hub, "leftover");
  for (const tunnel of hub.fake.state.standing())
    if (tunnel.id === id) tunnel.deletedAt = "2026-01-01T00:00:00Z";
  const list = hub.shop.api.listRecords;
  hub.shop.api.listRecords = async (filter) => {
    const records = await list(filter);
    hub.shop.api.listRecords = list;
    await hub.link.create({ holder: DEVICE, hostname: "leftover.example.com" });
    return records;
  };
  const report = await sweep(hub.shop, hub.link);
  expect(report.removed).toEqual([]);
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
  expect(atProvider(hub.fake)).toHaveLength(2);
});

test("a sweep that breaks off has written down what it began, and the hub goes on with it by itself", async () => {
  await using hub = await testHub();
  addLeftover(hub, "leftover");
  hub.fake.fail({ fault: "server_error", on: "DELETE", times: 1 });
  await sweep(hub.shop, hub.link);
  expect(await listTunnels(hub.db)).toMatchObject([{ state: "revoking" }]);
  const stop = finishUnfinished({ ...hub.shop, link: hub.link });
  await hub.time.advance(20_000);
  stop();
  expect(await listTunnels(hub.db)).toEqual([]);
  expect(atProvider(hub.fake)).toEqual([]);
});

test("unfinished work is resumed with growing pauses, and rests while the provider takes no calls", async () => {
  await using hub = await testHub();
  hub.fake.fail({ fault: "server_error", times: 1000 });
  await rejection(hub.link.create({ holder: DEVICE, hostname: HOSTNAME }));
  // Refused before there was anything to record.
  expect(await findTunnel(hub.db, DEVICE)).toBeUndefined();
  hub.fake.heal();
  hub.fake.fail({ fault: "server_error", on: "POST", times: 1000 });
  await rejection(hub.link.create({ holder: DEVICE, hostname: HOSTNAME }));
  const stop = finishUnfinished({ ...hub.shop, link: hub.link });
  hub.fake.calls.length = 0;
  await hub.time.advance(60 * 60_000);
  const tries = hub.fake.calls.filter((call) => call.startsWith("POST")).length;
  expect(tries).toBeGreaterThan(5);
  expect(tries).toBeLessThan(20);
  hub.fake.heal();
  await hub.time.advance(11 * 60_000);
  stop();
  expect(await hub.link.status(DEVICE)).toMatchObject({ state: "ready", reason: null });
});

test("without settings a link is refused, and what is there is marked for the day when they are back", async () => {
  await using hub = await testHub();
  const off = unconfiguredNamedLink(hub.db, hub.time.clock);
  const refused = await rejection(off.create({ holder: DEVICE, hostname: HOSTNAME }));
  expect(refused).toMatchObject({ code: "unavailable", status: 503 });
  expect(await off.remove(DEVICE)).toMatchObject({ state: "none" });
  await hub.link.create({ holder: DEVICE, hostname: HOSTNAME });
  expect(await off.remove(DEVICE)).toMatchObject({
    state: "revoking",
    reason: expect.stringContaining("not configured"),
  });
  expect(await hub.link.resume(DEVICE)).toMatchObject({ state: "none" });
});
