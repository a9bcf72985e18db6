// Ends that were planned: what is in flight is finished, what has come to its time is gone, and what many ask
// for at once is done for each.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { app, type App } from "./app.ts";
import { agent as agentOf, agentIn, Home, hubWithDevice, portOf, type Running } from "./harness.ts";
import { until } from "./until.ts";
import { ask, text, Wire } from "./wire.ts";

let owner: Home;
let device: Home;
let hub: Running;
let agent: Running;
let port: number;
let web: App;
let url: string;

beforeAll(async () => {
  ({ owner, device, hub, agent, port } = await hubWithDevice());
  web = await app(device);
  url = (await device.add(String(web.port), "--public", "--name", "app")).url;
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

/** A request that the app answers when it is told to, straight at its own port. */
async function inFlight(): Promise<{ answer: Promise<string>; release(): Promise<unknown> }> {
  const seen = async () => Number(text(await ask(`http://127.0.0.1:${web.port}/seen?path=/slowly`)));
  const before = await seen();
  const answer = ask(`${url}slowly`).then(text);
  await until("its arrival", async () => (await seen()) > before);
  return { answer, release: () => ask(`http://127.0.0.1:${web.port}/release`) };
}

test("an agent that is told to end finishes what it is at; what comes meanwhile is the next one's", async () => {
  const { answer, release } = await inFlight();
  agent.signal("SIGTERM");
  // It has told the hub by then.
  await until("its leaving", () => !existsSync(join(device.path, "agent.json")));
  const later = ask(`${url}part`, { method: "POST", body: "later" });
  await release();
  expect(await answer).toBe("released");
  expect(await agent.exited).toBe(0);
  agent = await agentOf(device);
  expect((await later).status).toBe(200);
});

test("an agent that is asked to stop waits for requests too, for a while", async () => {
  const { answer, release } = await inFlight();
  const stopping = device.ok(["stop"]);
  await until("its leaving", () => !existsSync(join(device.path, "agent.json")));
  await release();
  expect(await answer).toBe("released");
  expect(await stopping).toMatchObject({ stopped: true });
  agent = await agentOf(device);
});

test("a hub that is told to end finishes what it is at; its devices are back with the next", async () => {
  const { answer, release } = await inFlight();
  hub.signal("SIGTERM");
  // It takes no new visitors by then.
  await until("its leaving", async () => {
    const wire = await Wire.connect(port).catch(() => undefined);
    await wire?.[Symbol.asyncDispose]();
    return wire === undefined;
  });
  await release();
  expect(await answer).toBe("released");
  expect(await hub.exited).toBe(0);
  hub = owner.spawn(["hub", "--json", "--host", "127.0.0.1"]);
  await hub.firstJson();
  await until("an answer", async () => (await ask(`${url}part`).catch(() => undefined))?.status === 200);
});

test("twenty shares added at once are twenty shares, each with a name of its own", async () => {
  device.write("many/index.html", "one of many");
  const added = await Promise.all(Array.from({ length: 20 }, () => device.add("many", "--public")));
  expect(new Set(added.map(({ name }) => name)).size).toBe(20);
  for (const { url: at } of added) expect(text(await ask(at))).toBe("one of many");
  await Promise.all(added.map(({ id }) => device.ok(["rm", id])));
});

test("a share whose time comes is gone, at once and after a restart", async () => {
  device.write("brief/index.html", "brief");
  const soon = await device.add("brief", "--public", "--expires", "1h", "--name", "soon");
  const past = await device.add("brief", "--public", "--expires", "1h", "--name", "past");
  await agent.kill();
  const state = new Database(join(device.path, "state.db"));
  const expire = state.query("UPDATE shares SET expires_at = ? WHERE name = ?");
  expire.run(Date.now() + 4_000, "soon");
  expire.run(Date.now() - 1_000, "past");
  state.close();
  agent = await agentOf(device);
  await until("the end of the one", async () => (await ask(past.url)).status === 404);
  await until("the end of the other", async () => (await ask(soon.url)).status === 404);
  await until(
    "an end in the lists too",
    async () => {
      const { shares } = (await owner.ok(["ls"])) as { shares: { name: string }[] };
      return shares.every(({ name }) => name !== "soon" && name !== "past");
    },
    15_000,
  );
}, 30_000);

test("a password never travels over plain HTTP that others can read", async () => {
  const outside = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
  if (outside === undefined) return; // a machine without a network has nobody outside
  await using open = new Home();
  const everywhere = open.spawn(["hub", "--json", "--port", "0"]);
  const { hub_url: hubUrl } = await everywhere.firstJson();
  expect(hubUrl).not.toContain("0.0.0.0");
  await using second = new Home();
  await agentIn(second, { owner: open, hubUrl: `http://localhost:${portOf(hubUrl)}` });
  second.write("guarded/index.html", "guarded");
  const guarded = await second.add("guarded", "--password", "word");
  const published = await second.add("guarded", "--public", "--name", "published");
  const headers = { "muster-password": "word" };
  expect((await ask(guarded.url, { headers })).status).toBe(200);
  const refused = await ask(guarded.url, { headers, address: outside });
  expect(refused.status).toBe(403);
  expect(text(refused)).toMatch(/https|TLS/i);
  expect((await ask(published.url, { address: outside })).status).toBe(200);
});
