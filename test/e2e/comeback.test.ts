// It comes back: a hub killed, an agent suspended, a trunk cut or gone silent. Meanwhile every place tells the
// truth, visitors get errors and never a wrong answer, and nothing that was acknowledged is lost.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { app } from "./app.ts";
import { FaultyNetwork } from "./faulty-network.ts";
import { agent as agentOf, Home, hubWithDevice, portOf, signal, type Running } from "./harness.ts";
import { until } from "./until.ts";
import { ask, text, Wire } from "./wire.ts";

let owner: Home;
let device: Home;
let network: FaultyNetwork;
let hub: Running;
let agent: Running;
let port: number;
let url: string;
let host: string;
let page: string;

beforeAll(async () => {
  ({ owner, device, hub, agent, port } = await hubWithDevice("away"));
  network = await FaultyNetwork.to(port);
  await throughNetwork();
  url = (await device.add(String((await app(device)).port), "--public", "--name", "app")).url;
  host = new URL(url).host;
  device.write("page/index.html", "a page");
  page = (await device.add("page", "--public")).url;
});
afterAll(async () => {
  await device[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
  await network[Symbol.asyncDispose]();
});

/** The agent again, dialling its hub over the faulty network. */
async function throughNetwork(): Promise<void> {
  await agent.kill();
  const file = `${device.path}/hub.json`;
  const facts = (await Bun.file(file).json()) as object;
  await Bun.write(file, JSON.stringify({ ...facts, hub_url: `http://localhost:${network.port}` }));
  agent = await agentOf(device);
  expect(network.connections).toBeGreaterThan(0);
}

const stateSeenBy = async (home: Home) => (await home.ok(["status"])).hub.state as string;

async function deviceStatus(): Promise<string | undefined> {
  const { devices } = (await owner.ok(["status"])) as { devices: { name: string; status: string }[] };
  return devices.find(({ name }) => name === "away")?.status;
}

async function proof(of = "page"): Promise<string | undefined> {
  const { shares } = (await owner.ok(["ls"])) as { shares: { name: string; proof: { state: string } }[] };
  return shares.find(({ name }) => name === of)?.proof.state;
}

/** Milliseconds until a visitor is served again. */
async function serving(withinMs: number): Promise<number> {
  const began = performance.now();
  await until(
    "an answer",
    async () => {
      const answer = await ask(page).catch(() => undefined);
      return answer?.status === 200;
    },
    withinMs,
  );
  return performance.now() - began;
}

describe("a trunk that is cut", () => {
  test("is there again in a moment", async () => {
    network.cut();
    expect(await serving(5_000)).toBeLessThan(3_000);
    await until("its session", async () => (await stateSeenBy(device)) === "connected");
    expect(await deviceStatus()).toBe("online");
  });

  test("cuts the answers in flight, and never completes one with something else", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(`GET /forever HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await wire.head();
    expect((await wire.exactly(14)).toString()).toBe("the first part");
    network.cut();
    expect((await wire.rest()).toString()).toBe("");
    await serving(5_000);
  });

  test("a GET of which nothing had come back is asked once more; a POST is not, and says so", async () => {
    const asked = async (path: string) => Number(text(await ask(`${url}seen?path=${path}`)));
    const again = ask(`${url}lost-once`);
    await until("its arrival", async () => (await asked("/lost-once")) === 1);
    network.cut();
    const answer = await again;
    expect([answer.status, text(answer)]).toEqual([200, "the second time"]);
    expect(await asked("/lost-once")).toBe(2);

    const once = ask(`${url}hang?post`, {
      method: "POST",
      body: "x",
      headers: { accept: "application/json" },
    });
    await until("its arrival", async () => (await asked("/hang")) === 1);
    network.cut();
    expect((await once).status).toBe(502);
    await serving(5_000);
    expect(await asked("/hang")).toBe(1);
  });

  test("upgraded streams end with it", async () => {
    await using wire = await Wire.connect(port);
    await wire.write(`GET /raw HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n`);
    expect((await wire.answer()).status).toBe(101);
    network.cut();
    expect((await wire.rest()).length).toBe(0);
    await serving(5_000);
  });

  test("twenty cuts under load: every answer is whole and its own, or an error", async () => {
    const over = new AbortController();
    let whole = 0;
    const visitors = Array.from({ length: 8 }, async (_, visitor) => {
      for (let number = 0; !over.signal.aborted; number++) {
        const answer = await ask(`${url}echo?${visitor}.${number}`).catch(() => undefined);
        if (answer === undefined || answer.status >= 500) continue;
        expect(answer.status).toBe(200);
        expect(JSON.parse(text(answer)).url).toBe(`/echo?${visitor}.${number}`);
        whole += 1;
      }
    });
    for (let cuts = 0; cuts < 20; cuts++) {
      const before = whole;
      network.cut();
      await until("an answer after a cut", () => whole > before + 8, 15_000);
    }
    over.abort();
    await Promise.all(visitors);
    expect(whole).toBeGreaterThan(100);
  }, 60_000);
});

describe("a trunk that goes silent", () => {
  test("is noticed at both ends within five seconds, told, and healed within two of the network's return", async () => {
    network.swallow();
    const began = performance.now();
    await until("the hub's notice", async () => (await deviceStatus()) === "offline", 12_000);
    await until("the agent's notice", async () => (await stateSeenBy(device)) !== "connected", 12_000);
    // Five seconds without a byte, and the time that the commands themselves take.
    expect(performance.now() - began).toBeLessThan(9_000);
    expect((await ask(page, { patienceMs: 10_000 })).status).toBe(503);
    await until("a dead proof", async () => (await proof()) === "dead", 16_000);
    network.heal();
    network.cut();
    expect(await serving(8_000)).toBeLessThan(4_000);
    await until("a live proof", async () => (await proof()) === "live", 15_000);
  }, 60_000);

  test("a slow network is not a dead one", async () => {
    network.delay(150);
    const began = performance.now();
    expect(text(await ask(page))).toBe("a page");
    expect(performance.now() - began).toBeLessThan(2_000);
    network.delay(0);
  });
});

describe("an agent that stands still", () => {
  test("shows as offline, its share as dead; and is back by itself when it goes on", async () => {
    agent.signal("SIGSTOP");
    try {
      await until("offline", async () => (await deviceStatus()) === "offline", 12_000);
      expect((await ask(page, { patienceMs: 10_000 })).status).toBe(503);
      await until("a dead proof", async () => (await proof()) === "dead", 16_000);
      // Its own CLI does not hang on it.
      const status = await device.run(["status", "--json"]);
      expect(status.ms).toBeLessThan(15_000);
    } finally {
      agent.signal("SIGCONT");
    }
    expect(await serving(8_000)).toBeLessThan(5_000);
    await until("online", async () => (await deviceStatus()) === "online");
    await until("a live proof", async () => (await proof()) === "live", 15_000);
  }, 60_000);
});

describe("a hub that is killed", () => {
  test("keeps what it acknowledged; its addresses are the same, and the device is back by itself", async () => {
    const acknowledged: string[] = [];
    for (let number = 0; number < 3; number++) {
      acknowledged.push((await device.add("page", "--public", "--name", `kept-${number}`)).url);
    }
    const { token } = await owner.ok(["device", "token"]);
    await hub.kill();
    expect(await stateSeenBy(owner)).toBe("stopped");
    await until("the agent's notice", async () => (await stateSeenBy(device)) !== "connected", 10_000);

    const began = performance.now();
    // No port is given: it comes back where it was.
    hub = owner.spawn(["hub", "--json", "--host", "127.0.0.1"]);
    expect(portOf((await hub.firstJson()).hub_url)).toBe(port);
    await serving(8_000);
    expect(performance.now() - began).toBeLessThan(8_000);
    for (const at of acknowledged) expect(text(await ask(at))).toBe("a page");
    await until("online", async () => (await deviceStatus()) === "online");

    await using late = new Home();
    await late.ok(["init", `http://localhost:${port}`, "--token", token, "--yes", "--no-service"]);
  }, 60_000);

  test("in the middle of adding: every share that was acknowledged is there afterwards", async () => {
    const acknowledged: string[] = [];
    const adding = (async () => {
      for (let number = 0; number < 8; number++) {
        const { code, json } = await device.run([
          "add",
          "page",
          "--public",
          "--name",
          `hasty-${number}`,
          "--json",
        ]);
        if (code === 0) acknowledged.push(json.name);
      }
    })();
    await until("some of them", () => acknowledged.length >= 2);
    await hub.kill();
    hub = owner.spawn(["hub", "--json", "--host", "127.0.0.1"]);
    await hub.firstJson();
    await adding;
    await serving(8_000);
    const { shares } = (await owner.ok(["ls"])) as { shares: { name: string }[] };
    expect(shares.map(({ name }) => name)).toEqual(expect.arrayContaining(acknowledged));
    for (const name of acknowledged)
      expect((await ask(`http://${name}.localhost:${port}/`)).status).toBe(200);
  }, 60_000);

  test("together with its agent, as `muster start` runs them: same address, same shares", async () => {
    await using home = new Home();
    const { pid, hub_url } = await home.start();
    home.write("site/index.html", "site");
    const added = await home.add("site", "--public");
    signal(pid, "SIGKILL");
    await until("its end", () => !home.processes().includes(pid));
    const status = await home.ok(["status"]);
    expect(status.hub.state).toBe("stopped");
    expect((await home.ok(["start"])).hub_url).toBe(hub_url);
    expect(text(await ask(added.url))).toBe("site");
  });
});

describe("an agent that is killed", () => {
  test("leaves its app running; the next one adopts it, and nothing is there twice", async () => {
    const idle = await app(device);
    await idle.process.kill();
    const file = `${import.meta.dir}/app.mjs`;
    const run = `APP_PORT=${idle.port} exec node ${file}`;
    const added = await device.add(
      ".",
      "--run",
      run,
      "--port",
      String(idle.port),
      "--public",
      "--name",
      "outlives",
    );
    await ask(`${added.url}part`);
    const before = device.processes().length;
    await agent.kill();
    expect((await ask(`http://127.0.0.1:${idle.port}/part`)).status).toBe(200);
    agent = await agentOf(device);
    await until("its address", async () => (await ask(`${added.url}seen?path=/part`)).status === 200);
    // The same process still counts.
    expect(text(await ask(`${added.url}seen?path=/part`))).toBe("2");
    expect(device.processes().length).toBe(before);
    await device.ok(["rm", "outlives"]);
    await until("the end of its process", () => device.processes().length === before - 1);
  });
});

test("two machines with one home: the newer is served, the older is told and stays away", async () => {
  await using clone = new Home();
  const running = /\/(run|agent\.json|lock\.db.*)$/;
  cpSync(device.path, clone.path, { recursive: true, filter: (path) => !running.test(path) });
  const second = await agentOf(clone);
  const told = await until("the first one's refusal", async () => {
    const { hub: seen } = await device.ok(["status"]);
    return seen.state === "refused" && seen;
  });
  expect(told.reason).toContain("two machines");
  expect(await stateSeenBy(clone)).toBe("connected");
  expect(second.process.exitCode).toBeNull();
  await second.kill();
});

test("1,000 health checks in a row, none fails", async () => {
  for (let number = 1; number <= 1000; number++) {
    const { status } = await ask(`http://localhost:${port}/health`);
    if (status !== 200) throw new Error(`Request ${number} failed: ${status}`);
  }
});
