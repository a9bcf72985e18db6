import { afterEach, expect, test } from "bun:test";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { signCommand } from "../client/command.ts";
import { Ticker } from "../http1/ticker.ts";
import { nodeCrypto } from "../identity/crypto-node.ts";
import { beginLog, verifyLog } from "../identity/owner-log.ts";
import { parseSetupToken } from "../protocol/setup-token.ts";
import { toBase64Url } from "../protocol/bytes.ts";
import { LOCAL_API, type HubFile, type LocalCall, type LocalResponse } from "../protocol/local-api.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import type { HubMessage } from "../protocol/messages.ts";
import { Pulse } from "../trunk/liveness.ts";
import { realWorld } from "../world/real.ts";
import type { SqliteDatabase, SqliteStatement } from "../world/world.ts";
import type { AgentOptions } from "./agent-options.ts";
import { startAgent, type Agent } from "./agent.ts";
import { FakeHub, plainHasher, rejection, tempHome, until, type TempHome } from "./testing.ts";

const crypto = nodeCrypto((length) => realWorld.random.bytes(length));
const running: { agent: Agent; home: TempHome }[] = [];

afterEach(async () => {
  for (const { agent, home } of running.splice(0)) {
    await agent.stop("stop");
    await home[Symbol.asyncDispose]();
  }
});

async function prepared() {
  const home = await tempHome();
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  const log = await beginLog(crypto, signer, {
    name: "laptop",
    kind: "laptop",
    platform: "linux-x86_64",
    link_key: toBase64Url(crypto.randomBytes(32)),
  });
  const hub = new FakeHub();
  hub.entries = [...log.entries];
  hub.ownerRoot = toBase64Url(log.id);
  const joined: HubFile = {
    hub_url: "http://localhost:8080",
    hub_id: "hub",
    hub_key: toBase64Url(crypto.randomBytes(32)),
    device_id: "my-device",
    name: "laptop",
    owner_root: toBase64Url(log.id),
    controller: true,
    embedded: true,
  };
  let stopAsked = 0;
  const options: AgentOptions = {
    world: realWorld,
    crypto,
    log: SILENT_LOG,
    version: "0.1.0",
    pid: 4711,
    paths: {
      // Sites of these tests lie beside it: a home is never a page.
      home: home.file("own"),
      stateDatabase: home.file("state.db"),
      token: home.file("token"),
      agentFile: home.file("agent.json"),
      logs: home.file("logs"),
      sockets: home.file("run"),
    },
    signer,
    linkKey: crypto.x25519PublicKey(crypto.randomBytes(32)),
    subtle: globalThis.crypto.subtle,
    hub: joined,
    about: { name: "laptop", platform: "linux-x86_64", kind: "laptop" },
    health: () => ({
      uptime_s: 1,
      load_1m: 0,
      cpus: 2,
      memory_used: 1,
      memory_total: 2,
      disk_free: 1,
      disk_total: 2,
    }),
    hasher: plainHasher,
    pulse: new Pulse(realWorld.timers, realWorld.clock),
    ticker: new Ticker(realWorld),
    localPort: 0,
    forbiddenPorts: () => [8080],
    onStopAsked: () => stopAsked++,
    environment: {},
    openSession: hub.open,
  };
  return { home, hub, options, signer, stopAsked: () => stopAsked };
}

async function started(changes: Partial<AgentOptions> = {}) {
  const setting = await prepared();
  const agent = await startAgent({ ...setting.options, ...changes });
  running.push({ agent, home: setting.home });
  const call = async <Name extends LocalCall>(name: Name, request: unknown): Promise<LocalResponse<Name>> => {
    const token = (await Bun.file(setting.home.file("token")).text()).trim();
    const response = await fetch(`http://127.0.0.1:${agent.port}/api/${name}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    const body: unknown = await response.json();
    if (!response.ok) throw body;
    return LOCAL_API[name].response.parse(body) as LocalResponse<Name>; // parsed by the schema of this name
  };
  return { ...setting, agent, call };
}

/** A session begins, and the device knows its owner's log. */
async function connected() {
  const setting = await started();
  setting.hub.connect();
  await until(() => setting.hub.askedFor("log_get").length >= 2);
  return setting;
}

test("it tells where it is in files of this user alone, and takes them back at its end", async () => {
  const { agent, home } = await started();
  const file: unknown = await Bun.file(home.file("agent.json")).json();
  expect(file).toEqual({ pid: 4711, port: agent.port, token_file: home.file("token") });
  for (const name of ["agent.json", "token", "state.db"]) {
    expect(statSync(home.file(name)).mode & 0o777).toBe(0o600);
  }
  const token = await Bun.file(home.file("token")).text();
  expect(token.trim()).toMatch(/^[\w-]{43}$/);
  await agent.stop("stop");
  expect(await Bun.file(home.file("agent.json")).exists()).toBe(false);
  expect(await Bun.file(home.file("token")).text()).toBe(token);
});

test("a start that fails leaves the home free", async () => {
  const { options, home } = await prepared();
  expect(await rejection(startAgent({ ...options, hub: { ...options.hub, hub_key: "AAAA" } }))).toMatchObject(
    {
      code: "state_corrupt",
    },
  );
  const agent = await startAgent(options);
  await agent.stop("leave");
  await home[Symbol.asyncDispose]();
});

test("the status says what is so: first that there is no session, then since when there is one", async () => {
  const { hub, call } = await started();
  expect((await call("status", {})).hub).toMatchObject({
    state: "connecting",
    since: null,
    url: "http://localhost:8080",
  });
  hub.connect();
  const { hub: shown, fleet } = await call("status", {});
  expect(shown).toMatchObject({ state: "connected", reason: null, owner_key_on_hub: true });
  expect(fleet?.hub.id).toBe("hub");
  hub.lose();
  expect((await call("status", {})).hub).toMatchObject({ state: "connecting", reason: "nothing answers" });
});

test("a full disk is told until something is written again", async () => {
  let full = false;
  const openSqlite = (path: string): SqliteDatabase => {
    const database = realWorld.openSqlite(path);
    const query = (sql: string): SqliteStatement => {
      if (full && sql.startsWith("insert")) throw Object.assign(new Error("full"), { code: "SQLITE_FULL" });
      return database.query(sql);
    };
    return { query, exec: (sql) => database.exec(sql), close: () => database.close() };
  };
  const { agent, hub, home, call } = await started({ world: { ...realWorld, openSqlite } });
  hub.connect();
  mkdirSync(home.file("site"));
  const add = () => call("add", { path: home.file("site"), access: "public" });
  full = true;
  expect(await rejection(add())).toMatchObject({ error: { code: "storage_full" } });
  expect((await call("status", {})).notices).toEqual([expect.stringContaining("disk is full")]);
  full = false;
  await add();
  expect(agent.notices).toEqual([]);
});

test("a session begins with the owner log, this machine's health and every share; the fleet is for who asks", async () => {
  const { hub, home, call } = await connected();
  mkdirSync(home.file("site"));
  const { share } = await call("add", { path: home.file("site"), access: "public" });
  hub.lose();
  hub.asked.length = 0;
  hub.connect();
  await until(() => hub.askedFor("share_publish").some(({ share_id }) => share_id === share.id));
  expect(hub.sent.some(({ type }) => type === "device_state")).toBe(true);
  expect([...hub.askedFor("fleet_watch"), ...hub.askedFor("fleet_get")]).toEqual([]);
  const { shares } = await call("status", {});
  expect(shares).toMatchObject([{ id: share.id, proof: { state: "unknown" } }]);
  expect(hub.askedFor("fleet_get")).toHaveLength(1);
  expect(hub.askedFor("fleet_watch")).toEqual([]);
});

test("a damaged database is set aside, and the status says so", async () => {
  const { options, home } = await prepared();
  writeFileSync(home.file("state.db"), "this is no database", { mode: 0o600 });
  const agent = await startAgent(options);
  running.push({ agent, home });
  expect(agent.notices).toEqual([expect.stringContaining("state.db.corrupt-")]);
});

test("a setup token is an invite that the hub has taken", async () => {
  const { hub, call, options } = await connected();
  const { token, install, expires_at } = await call("device_token", { expires_in_ms: 3_600_000, name: "pi" });
  expect(parseSetupToken(token).invite).toBe(1);
  expect(install).toBe(`curl -fsSL http://localhost:8080/install.sh | sh -s -- ${token}`);
  expect(verifyLog(crypto, hub.entries).invite(1)).toMatchObject({
    names: ["pi"],
    expiresAtMs: Date.parse(expires_at),
  });
  const secrets = await Bun.file(options.paths.stateDatabase).text();
  expect(secrets).not.toContain(token);
  expect(await rejection(call("device_token", { expires_in_ms: 60_000, name: "api" }))).toMatchObject({
    error: { code: "invalid" },
  });
});

test("a setup token is made behind what another controller wrote meanwhile", async () => {
  const { hub, call } = await connected();
  // The first answer of the hub is lost: the entry is there, and ours comes again behind it.
  let refused = false;
  hub.override = (asked) => {
    if (asked.type !== "log_append" || refused) return undefined;
    refused = true;
    hub.entries.push(asked.entry);
    return undefined;
  };
  const { token } = await call("device_token", { expires_in_ms: 60_000 });
  expect(parseSetupToken(token).invite).toBe(2);
});

test("the page's command reaches the shares, and its outcome goes back", async () => {
  const { hub, home, options, signer, call } = await connected();
  mkdirSync(home.file("site"));
  const command = await signCommand(
    {
      kind: "share.add",
      request: { path: home.file("site"), access: "public" },
      deviceId: options.hub.device_id,
      deviceKey: signer.publicKey,
      ownerRoot: options.hub.owner_root,
    },
    crypto,
    signer,
  );
  const message: HubMessage<"command"> = { ...command, id: "c1" };
  await until(async () => (await call("status", {})).hub.state === "connected");
  hub.say(message);
  await until(() => hub.sent.some(({ type }) => type === "command_outcome"));
  expect(hub.sent.find(({ type }) => type === "command_outcome")).toMatchObject({
    id: "c1",
    result: expect.any(String),
  });
  expect((await call("status", {})).shares).toMatchObject([{ name: "site" }]);
});

test("stop is answered before the process is told to end", async () => {
  const { call, stopAsked } = await started();
  expect(await call("stop", {})).toEqual({ pid: 4711 });
  expect(stopAsked()).toBe(0);
  await until(() => stopAsked() === 1);
});

test("the hub's and the agent's own ports are not shared", async () => {
  const { agent, call } = await connected();
  for (const port of [8080, agent.port]) {
    expect(await rejection(call("add", { port, access: "public" }))).toMatchObject({
      error: { code: "usage" },
    });
  }
});
