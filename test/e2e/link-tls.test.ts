// Devices that come to their hub from elsewhere: by TLS that the hub ends, through proxies, through a load
// balancer that strips what it does not know, and by plain HTTP that both sides accepted.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { connect as connectTls } from "node:tls";
import { Authority, hasOpenssl } from "../../src/world/certificates.fixture.ts";
import { agent, Home, portOf, type Running } from "./harness.ts";
import { balancer, connectProxy, type Middle, OUTSIDE } from "./middle.fixture.ts";
import { until } from "./until.ts";
import { ask, text } from "./wire.ts";

const outside = OUTSIDE ?? "";
const DOMAIN = "hub.test";
/** Skipped, and said so, without openssl or without an address that is not loopback. */
const here = describe.skipIf(!hasOpenssl || OUTSIDE === undefined);

let authority: Authority;
let tls: { cert: string; key: string };
beforeAll(() => {
  if (!hasOpenssl) return;
  authority = new Authority();
  tls = authority.issue("hub", [DOMAIN, `*.${DOMAIN}`, outside]);
});
afterAll(() => authority?.[Symbol.dispose]());

async function hub(home: Home, args: readonly string[], env: Record<string, string> = {}) {
  const process = home.spawn(["hub", "--json", "--port", "0", ...args], { env });
  await process.firstJson();
  const { local_url: url } = (await Bun.file(`${home.path}/hub.json`).json()) as { local_url: string };
  return { process, port: portOf(url) };
}

async function token(owner: Home): Promise<string> {
  return ((await owner.ok(["device", "token"])) as { token: string }).token;
}

async function join(
  device: Home,
  owner: Home,
  url: string,
  more: readonly string[],
  env = {},
): Promise<void> {
  const args = ["init", url, "--token", await token(owner), "--yes", "--no-service", "--name", "attic"];
  await device.ok([...args, ...more], { env });
}

async function agentWith(home: Home, env: Record<string, string>): Promise<Running> {
  const running = home.spawn(["agent", "--json"], { env });
  await running.firstJson();
  await connected(home);
  return running;
}

async function connected(home: Home): Promise<void> {
  await until("its session with the hub", async () => (await state(home)).state === "connected");
}

async function state(home: Home): Promise<{ state: string; reason: string | null }> {
  return ((await home.ok(["status"])) as { hub: { state: string; reason: string | null } }).hub;
}

/** A page that the device publishes, fetched through the hub. */
async function publishes(device: Home, get: (host: string) => Promise<string>): Promise<void> {
  device.write("notes/index.html", "from the attic");
  const { name } = await device.add("notes", "--public");
  expect(await get(`${name}.${DOMAIN}`)).toBe("from the attic");
}

here("a hub that ends TLS itself", () => {
  let owner: Home;
  let device: Home;
  let port: number;
  beforeAll(async () => {
    owner = new Home();
    device = new Home();
    copyFileSync(tls.cert, `${owner.folder}/cert.pem`);
    copyFileSync(tls.key, `${owner.folder}/key.pem`);
    ({ port } = await hub(owner, ["--domain", DOMAIN, "--cert", "cert.pem", "--key", "key.pem"]));
  });
  afterAll(async () => {
    await device[Symbol.asyncDispose]();
    await owner[Symbol.asyncDispose]();
  });

  test("is refused by whoever does not know its authority", async () => {
    const args = ["init", `https://${outside}:${port}`, "--token", await token(owner), "--yes"];
    const hint = expect.stringContaining("--ca FILE");
    expect(await device.refused(args)).toMatchObject({ code: "hub_unreachable", hint });
  });

  test("takes a device whose registration is bound to its TLS connection", async () => {
    await join(device, owner, `https://${outside}:${port}`, ["--ca", authority.ca]);
    await agent(device);
    await publishes(device, (host) => getTls(port, host));
  });

  test("proves the share through its own TLS listener", async () => {
    await until(
      "a live proof",
      async () => {
        const { shares } = (await owner.ok(["ls"])) as { shares: { proof: { state: string } }[] };
        return shares.some((share) => share.proof.state === "live");
      },
      15_000,
    );
  });

  test("serves a renewed certificate within seconds and keeps its connections", async () => {
    const { since } = (await device.ok(["status"])).hub as { since: string };
    const renewed = authority.issue("renewed", [DOMAIN, `*.${DOMAIN}`, outside]);
    copyFileSync(renewed.key, `${owner.folder}/key.pem`);
    copyFileSync(renewed.cert, `${owner.folder}/cert.pem`);
    await until("the new certificate", async () => (await subjectAt(port)) === "renewed", 15_000);
    expect((await device.ok(["status"])).hub).toMatchObject({ state: "connected", since });
    expect(await getTls(port, `notes.${DOMAIN}`)).toBe("from the attic");
  });

  test("is reached through a proxy that wants a password, which nobody is told", async () => {
    await using proxy = await connectProxy("attic:p@ss:word");
    const env = { HTTPS_PROXY: `http://attic:p%40ss%3Aword@127.0.0.1:${proxy.port}` };
    await using second = new Home();
    await join(second, owner, `https://${outside}:${port}`, ["--ca", authority.ca], env);
    const running = await agentWith(second, env);
    expect(proxy.asked.length).toBeGreaterThan(1);
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${outside}:${port} HTTP/1.1`]));
    expect(running.stdout + running.stderr).not.toContain("p@ss");
    expect(running.stdout + running.stderr).not.toContain("p%40ss");
  });

  test("is not reached through a proxy that says no, and the agent says why", async () => {
    await using proxy = await connectProxy("attic:secret");
    await using second = new Home();
    await join(second, owner, `https://${outside}:${port}`, ["--ca", authority.ca], {
      HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
      NO_PROXY: `example.com, ${outside}`,
    });
    expect(proxy.asked).toEqual([]);
    const running = second.spawn(["agent", "--json"], {
      env: { HTTPS_PROXY: `http://attic:wrong@127.0.0.1:${proxy.port}` },
    });
    await running.firstJson();
    const { reason } = await until("the reason", async () => {
      const now = await state(second);
      return now.reason?.includes("407") === true && now;
    });
    expect(reason).not.toContain("wrong");
    expect(running.stderr).not.toContain("wrong");
  });

  test("ends with an error that names the file when its certificate is missing or another's", async () => {
    await using home = new Home();
    const start = (cert: string, key: string) =>
      home.refused(["hub", "--port", "0", "--domain", DOMAIN, "--cert", cert, "--key", key]);
    expect((await start("/nowhere.pem", tls.key)).message).toContain("/nowhere.pem");
    const other = authority.issue("other", [DOMAIN]);
    expect((await start(tls.cert, other.key)).message).toContain("is not that of the certificate");
  });
});

here("a load balancer that ends TLS and strips upgrades it does not know", () => {
  let owner: Home;
  let device: Home;
  let box: Middle;
  let url: string;
  beforeAll(async () => {
    owner = new Home();
    device = new Home();
    const args = ["--behind-proxy", "--domain", DOMAIN];
    const { port } = await hub(owner, args);
    box = await balancer({ hub: port, tls, unknownUpgrades: "stripped" });
    url = `https://${outside}:${box.port}`;
  });
  afterAll(async () => {
    await box[Symbol.asyncDispose]();
    await device[Symbol.asyncDispose]();
    await owner[Symbol.asyncDispose]();
  });

  test("lets the device in by WebSocket, and its shares work", async () => {
    await join(device, owner, url, ["--ca", authority.ca]);
    await agent(device);
    expect(box.asked.filter((line) => line.includes("/trunk"))).toHaveLength(1);
    expect(box.asked).toContain("GET /ws HTTP/1.1");
    await publishes(device, (host) => getTls(box.port, host));
  });

  test("is remembered: after a cut the WebSocket is dialled at once", async () => {
    box.asked.length = 0;
    box.cut();
    await until("a new WebSocket", () => box.asked.includes("GET /ws HTTP/1.1"));
    await connected(device);
    expect(box.asked.filter((line) => line.includes("/trunk"))).toEqual([]);
  });

  test("where upgrades pass, the trunk is taken", async () => {
    await using home = new Home();
    const { local_url: local } = (await Bun.file(`${owner.path}/hub.json`).json()) as { local_url: string };
    await using open = await balancer({ hub: portOf(local), tls, unknownUpgrades: "passed" });
    await join(home, owner, `https://${outside}:${open.port}`, ["--ca", authority.ca]);
    await agent(home);
    expect(open.asked.filter((line) => line.includes("/ws"))).toEqual([]);
  });
});

describe.skipIf(OUTSIDE === undefined)("plain HTTP from elsewhere", () => {
  test("is refused by init, and by a hub that was not started for it", async () => {
    await using owner = new Home();
    await using device = new Home();
    const { port } = await hub(owner, ["--host", "0.0.0.0"]);
    const url = `http://${outside}:${port}`;
    const args = ["init", url, "--token", await token(owner), "--yes"];
    expect(await device.refused(args)).toMatchObject({ code: "hub_insecure" });
    await join(device, owner, url, ["--insecure"]);
    device.spawn(["agent", "--json"]);
    await until("the hub's refusal", async () => {
      const now = await state(device).catch(() => undefined);
      return now?.reason?.includes("not bound to its TLS connection");
    });
  });

  test("works where both accepted it, and both say so", async () => {
    await using owner = new Home();
    await using device = new Home();
    const { port } = await hub(owner, ["--host", "0.0.0.0", "--insecure"]);
    await join(device, owner, `http://${outside}:${port}`, ["--insecure"]);
    await agent(device);
    for (const home of [owner, device]) {
      const { notices } = (await home.ok(["status"])) as { notices: string[] };
      expect(notices.join("\n")).toContain("--insecure");
    }
  });
});

describe("public pages at the hub's own address", () => {
  let owner: Home;
  let port: number;
  let id: string;
  const get = (path: string, headers: Record<string, string> = {}, host = "127.0.0.1") =>
    ask(`http://${host}:${port}${path}`, { headers });
  beforeAll(async () => {
    owner = new Home();
    const facts = await owner.start();
    port = Number(new URL(facts.hub_url).port);
    owner.write("notes/index.html", "hello");
    owner.write("notes/sub/index.html", "below");
    id = (await owner.add("notes", "--public")).id;
  });
  afterAll(() => owner[Symbol.asyncDispose]());

  test("are shut in a sandbox", async () => {
    const answer = await get(`/p/${id}/`);
    expect(text(answer)).toBe("hello");
    expect(answer.fields.get("content-security-policy")).toContain(
      "sandbox allow-scripts allow-forms allow-popups",
    );
    expect(answer.fields.get("x-content-type-options")).toEqual(["nosniff"]);
    expect(answer.fields.has("set-cookie")).toBe(false);
  });

  test("keep their redirects below their own place", async () => {
    const bare = await get(`/p/${id}?a=1`);
    expect([bare.status, bare.fields.get("location")]).toEqual([301, [`/p/${id}/?a=1`]]);
    const folder = await get(`/p/${id}/sub`);
    expect(new URL(folder.fields.get("location")?.[0] ?? "", `http://hub/p/${id}/sub`).pathname).toBe(
      `/p/${id}/sub/`,
    );
    expect(text(await get(`/p/${id}/sub/`))).toBe("below");
  });

  test("are never at the host of the hub's own page", async () => {
    expect((await get(`/p/${id}/`, {}, "muster.localhost")).status).toBe(403);
  });

  test("are nothing for unknown ids, and never apps or what is protected", async () => {
    expect((await get("/p/unknown/")).status).toBe(404);
    expect((await get("/p/..%2f/")).status).not.toBe(200);
    owner.write("mine/index.html", "secret");
    const hidden = await owner.add("mine");
    const answer = await get(`/p/${hidden.id}/`);
    expect(answer.status).toBe(403);
    expect(text(answer)).not.toContain("secret");
  });
});

function getTls(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: outside, port, servername: host, ca: readCa() }, () => {
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    });
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => (answer += piece));
    socket.on("end", () => resolve(answer.slice(answer.indexOf("\r\n\r\n") + 4)));
    socket.on("error", reject);
  });
}

/** Common name of what the hub serves. */
function subjectAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: outside, port, servername: DOMAIN, ca: readCa() }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

function readCa(): string {
  return Bun.spawnSync(["cat", authority.ca]).stdout.toString();
}
