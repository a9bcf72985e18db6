// What becomes of a device after it has joined: it is renamed, removed, leaves, or is refused by its hub; with
// the real program throughout.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { app } from "./app.ts";
import { agentIn, Home, hubIn, type Running } from "./harness.ts";
import { until } from "./until.ts";
import { ask, text } from "./wire.ts";

let owner: Home;
let hubUrl: string;

beforeAll(async () => {
  owner = new Home();
  hubUrl = (await hubIn(owner)).hub_url;
});
afterAll(async () => {
  await owner[Symbol.asyncDispose]();
});

test("a renamed device keeps its shares, and a taken name gets a number", async () => {
  await using device = new Home();
  await agentIn(device, { owner, hubUrl, name: "shed" });
  device.write("notes/index.html", "from the shed");
  const share = await device.add("notes", "--public");
  const other = await joined("barn");
  await using _ = other.home;

  expect(await owner.ok(["device", "rename", "shed", "attic"])).toMatchObject({
    from: "shed",
    name: "attic",
  });
  expect(text(await ask(share.url))).toBe("from the shed");
  expect((await device.ok(["device", "rename", "attic", "barn"])).name).toBe("barn-2");
  expect((await device.ok(["device", "rename", "barn-2", "attic"])).name).toBe("attic");
  const names = (await owner.ok(["device", "ls"])).items.map((one: { name: string }) => one.name);
  expect(names).toContain("attic");
  expect(names).not.toContain("shed");
  expect(await owner.refused(["device", "rename", "nobody", "x1"])).toMatchObject({ code: "not_found" });
});

test("a removed device is cut within a second, wipes its key and says so", async () => {
  const { home, running } = await joined("doomed");
  await using _ = home;
  home.write("page/index.html", "still here");
  const page = await home.add("page", "--public");
  const { port } = await app(home);
  const stream = await home.add(String(port), "--public", "--name", "stream");
  expect(text(await ask(page.url))).toBe("still here");
  // An answer that would never end by itself.
  const endless = ask(`${stream.url}events`).then(
    () => "answered",
    () => "cut",
  );
  const began = performance.now();
  expect(await owner.ok(["device", "remove", "doomed", "--yes"])).toMatchObject({ by: "owner_log" });
  await until("its address to be gone", async () => (await ask(page.url)).status === 404, 1000);
  expect(await endless).toBe("cut");
  expect(performance.now() - began).toBeLessThan(2500);

  await until("its key to be wiped", () => !existsSync(join(home.path, "identity")));
  expect(existsSync(join(home.path, "hub.json"))).toBe(false);
  expect((await home.ok(["status"])).notices.join(" ")).toContain("was removed from the fleet");
  expect(statusOf(await owner.ok(["device", "ls"]), "doomed")).toBe("revoked");
  await running.kill();
  const again = await home.refused(["agent"]);
  expect(again.code).toBe("not_joined");
  expect(again.message).toContain("was removed from the fleet");
});

test("one that was away when it was removed learns it from the log at its next contact", async () => {
  const { home, running } = await joined("away");
  await using _ = home;
  await running.kill();
  await owner.ok(["device", "remove", "away", "--yes"]);
  expect(existsSync(join(home.path, "identity"))).toBe(true);
  const next = home.spawn(["agent", "--json"]);
  await next.firstJson();
  await until("its key to be wiped", () => !existsSync(join(home.path, "identity")));
});

test("a device leaves by itself and forgets all of it", async () => {
  const { home } = await joined("leaver");
  await using _ = home;
  const left = await home.ok(["device", "remove", "--yes"]);
  expect(left).toMatchObject({ name: "leaver" });
  for (const name of ["identity", "hub.json", "state.db", "agent.json"]) {
    expect(existsSync(join(home.path, name))).toBe(false);
  }
  await until(
    "the hub to know",
    async () => statusOf(await owner.ok(["device", "ls"]), "leaver") === "revoked",
  );
});

test("a member removes nobody, and the hub's own home can't leave", async () => {
  const { home } = await joined("meek");
  await using _ = home;
  const other = await joined("target");
  await using __ = other.home;
  expect(await home.refused(["device", "remove", "target", "--yes"])).toMatchObject({ code: "forbidden" });
  expect(await owner.refused(["device", "remove", "--yes"])).toMatchObject({ code: "conflict" });
  expect(await owner.refused(["device", "remove", "target"])).toMatchObject({ exit: 2, code: "usage" });
});

async function joined(name: string): Promise<{ home: Home; running: Running }> {
  const home = new Home();
  return { home, running: await agentIn(home, { owner, hubUrl, name }) };
}

function statusOf(
  { items }: { items: { name: string; status: string }[] },
  name: string,
): string | undefined {
  return items.find((one) => one.name === name)?.status;
}
