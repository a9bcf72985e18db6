import { expect, test } from "bun:test";
import type { Kysely } from "kysely";
import type { HubDatabase } from "./hub-schema.ts";
import { NOW, hubStore } from "./testing.ts";
import {
  addTunnel,
  beginTunnelStep,
  changeTunnel,
  endTunnelStep,
  findTunnel,
  forgetTunnelStep,
  giveTunnel,
  listTunnelSteps,
  listUnfinishedTunnels,
  removeTunnel,
  settleTunnel,
  turnTunnel,
} from "./tunnel-rows.ts";

function add(db: Kysely<HubDatabase>, holder: string, changes: { name?: string; hostname?: string } = {}) {
  const tunnel = {
    holder,
    name: `muster-${holder}`,
    hostname: `${holder}.example.com`,
    secret: null,
    ...changes,
  };
  return addTunnel(db, tunnel, NOW);
}

test("a holder has one tunnel, and a name or host name has one holder, whoever asks at once", async () => {
  const { db, close } = await hubStore();
  const outcomes = await Promise.all([
    add(db, "pi"),
    add(db, "pi"),
    add(db, "nas", { hostname: "pi.example.com" }),
  ]);
  expect(outcomes).toEqual([true, false, false]);
  expect(await add(db, "nas", { name: "muster-pi" })).toBe(false);
  expect(await add(db, "nas")).toBe(true);
  await close();
});

test("a step is in the journal from before it is taken until its work is done", async () => {
  const { db, close } = await hubStore();
  await add(db, "pi");
  await beginTunnelStep(db, { holder: "pi", step: "create", now: NOW });
  expect(await listTunnelSteps(db, "pi")).toMatchObject([{ step: "create", begun_at: NOW, done_at: null }]);
  await endTunnelStep(db, { holder: "pi", step: "create", now: NOW + 1 }, { tunnel_id: "t" });
  expect(await listTunnelSteps(db, "pi")).toMatchObject([{ done_at: NOW + 1 }]);
  expect(await findTunnel(db, "pi")).toMatchObject({ tunnel_id: "t", state: "creating" });
  await beginTunnelStep(db, { holder: "pi", step: "create", now: NOW + 2 });
  expect(await listTunnelSteps(db, "pi")).toMatchObject([{ begun_at: NOW + 2, done_at: null }]);
  await forgetTunnelStep(db, { holder: "pi", step: "create" });
  expect(await listTunnelSteps(db, "pi")).toEqual([]);
  await close();
});

test("other work forgets the steps that ended and keeps those whose outcome isn't known", async () => {
  const { db, close } = await hubStore();
  await add(db, "pi");
  await beginTunnelStep(db, { holder: "pi", step: "ended", now: NOW });
  await endTunnelStep(db, { holder: "pi", step: "ended", now: NOW }, {});
  await beginTunnelStep(db, { holder: "pi", step: "open", now: NOW });
  await turnTunnel(db, "pi", { state: "revoking" });
  expect((await listTunnelSteps(db, "pi")).map(({ step }) => step)).toEqual(["open"]);
  await settleTunnel(db, "pi", { state: "ready" });
  expect(await listTunnelSteps(db, "pi")).toEqual([]);
  await close();
});

test("only what is begun and due is unfinished, longest due first", async () => {
  const { db, close } = await hubStore();
  for (const holder of ["a", "b", "c", "d"]) await add(db, holder);
  await changeTunnel(db, "a", { state: "ready" });
  await changeTunnel(db, "b", { state: "revoking", next_try_at: NOW - 5 });
  await changeTunnel(db, "c", { next_try_at: NOW + 5 });
  expect(await listUnfinishedTunnels(db, { now: NOW, limit: 9 })).toEqual(["b", "d"]);
  expect(await listUnfinishedTunnels(db, { now: NOW + 5, limit: 1 })).toEqual(["b"]);
  await close();
});

test("a set-up's tunnel and its open steps become the device's, once", async () => {
  const { db, close } = await hubStore();
  await add(db, "setup");
  await beginTunnelStep(db, { holder: "setup", step: "create", now: NOW });
  const secret = Uint8Array.of(1, 2, 3);
  expect(await giveTunnel(db, { from: "setup", to: "pi", secret })).toBe(true);
  expect(await findTunnel(db, "setup")).toBeUndefined();
  expect(await findTunnel(db, "pi")).toMatchObject({ name: "muster-setup", secret });
  expect(await listTunnelSteps(db, "pi")).toHaveLength(1);
  await add(db, "setup");
  expect(await giveTunnel(db, { from: "setup", to: "pi", secret })).toBe(false);
  expect(await removeTunnel(db, "pi")).toBe(true);
  expect(await removeTunnel(db, "pi")).toBe(false);
  expect(await db.selectFrom("tunnel_steps").selectAll().execute()).toEqual([]);
  await close();
});
