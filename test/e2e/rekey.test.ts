// New keys for a device: by its own right or by a token, it stays who it was for the fleet and its visitors, and is
// nobody any more for those it was paired with.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { agentIn, Home, hubIn, type Json } from "./harness.ts";
import { until } from "./until.ts";

function identityOf(home: Home): string {
  return readFileSync(join(home.path, "identity"), "utf8");
}

async function statusOf(home: Home): Promise<Json> {
  return home.ok(["status"]);
}

test("a member gets new keys by a token: its name and its addresses stay, its pairings end", async () => {
  await using owner = new Home();
  await using pi = new Home();
  await using phone = new Home();
  const { hub_url } = await hubIn(owner);
  await agentIn(pi, { owner, hubUrl: hub_url, name: "pi" });
  await agentIn(phone, { owner, hubUrl: hub_url, name: "phone" });
  pi.write("site/index.html", "<h1>here</h1>");
  const { url } = await pi.add(join(pi.folder, "site"), "--public", "--name", "garden");
  const making = pi.spawn(["pair", "--json"]);
  const { code } = await making.firstJson();
  await phone.ok(["pair", code]);
  expect(await making.exited).toBe(0);

  const before = await statusOf(pi);
  const key = identityOf(pi);
  expect(await pi.refused(["device", "rekey", "--yes"])).toMatchObject({ code: "forbidden" });
  expect([identityOf(pi), (await statusOf(pi)).device.id]).toEqual([key, before.device.id]);

  expect((await pi.ok(["device", "peers"])).items).toMatchObject([{ peer_name: "phone" }]);

  const { token } = await owner.ok(["device", "token"]);
  const changed = await pi.ok(["device", "rekey", "--yes", "--token", token]);
  expect(changed).toMatchObject({ name: "pi", former_id: before.device.id, former_removed: true, untold: 0 });
  expect(identityOf(pi)).not.toBe(key);

  const after = await statusOf(pi);
  expect(after.device).toEqual({ id: changed.device_id, name: "pi" });
  expect(after.shares).toMatchObject([{ name: "garden", url }]);
  await until("its page", async () => (await fetch(url).catch(() => undefined))?.status === 200);
  const devices = (await owner.ok(["device", "ls"])).items as Json[];
  expect(devices.filter(({ status }) => status !== "revoked").map(({ name }) => name)).toContain("pi");
  expect(devices.find(({ id }) => id === before.device.id)?.status ?? "revoked").toBe("revoked");
  expect((await phone.ok(["device", "peers"])).items).toEqual([]);
  expect((await pi.ok(["device", "peers"])).items).toEqual([]);
}, 90_000);

test("a controller lets its own new key in, and commands with it", async () => {
  await using owner = new Home();
  await using laptop = new Home();
  const { hub_url } = await hubIn(owner);
  await agentIn(laptop, { owner, hubUrl: hub_url, name: "laptop" });
  await owner.ok(["device", "promote", "laptop", "--admin", "--yes"]);
  await until("its right", async () => (await laptop.ok(["device", "owners"])).items.length === 2);
  const former = (await statusOf(laptop)).device.id;
  const changed = await laptop.ok(["device", "rekey", "--yes"]);
  expect(changed).toMatchObject({ name: "laptop", former_id: former, former_removed: true });
  expect((await statusOf(laptop)).device).toEqual({ id: changed.device_id, name: "laptop" });
  const { items } = (await laptop.ok(["device", "owners"])) as { items: Json[] };
  expect(items.find(({ self }) => self)).toMatchObject({ role: "controller", scopes: ["admin", "command"] });
  expect(items.map(({ device_id }) => device_id)).not.toContain(former);
  expect((await laptop.ok(["device", "token"])).token).toStartWith("mst1_");
}, 90_000);

test("the home that runs the hub keeps its key, and says what to do instead", async () => {
  await using owner = new Home();
  await hubIn(owner);
  const refused = await owner.refused(["device", "rekey", "--yes"]);
  expect(refused).toMatchObject({ code: "conflict", exit: 1 });
  expect(refused.hint).toContain("device owners recover");
}, 30_000);
