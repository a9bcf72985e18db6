// The agent's own page over a real loopback port: who is heard there and who is not, and that it ends.
import { afterEach, expect, test } from "bun:test";
import { runCommand } from "../../client/command.ts";
import { connect, type Connection, type ConnectionState } from "../../client/connection.ts";
import { keyProver } from "../../client/prove-key.ts";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import type { Signer } from "../../identity/crypto.ts";
import { beginLog } from "../../identity/owner-log.ts";
import type { Assets } from "../../protocol/assets.ts";
import { toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { HubToClient } from "../../protocol/messages.ts";
import { realWorld } from "../../world/real.ts";
import type { Timers } from "../../world/world.ts";
import type { CommandActions } from "../command-actions.ts";
import { FakeHub, stateStore, tempHome, testWorld, until } from "../testing.ts";
import { PageDesk } from "./page-desk.ts";
import { PageServer } from "./page-server.ts";

const crypto = nodeCrypto((length) => realWorld.random.bytes(length));
const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function served() {
  const home = await tempHome();
  ends.push(async () => home[Symbol.asyncDispose]());
  const fake = testWorld();
  // Bytes go when the loop turns, as for real; only waiting is by hand.
  const { time } = fake;
  const timers: Timers = {
    after: (delayMs, run) => time.after(delayMs, run),
    every: (periodMs, run) => time.every(periodMs, run),
    soon: (run) => realWorld.timers.soon(run),
  };
  const world = { ...fake, timers };
  const store = await stateStore(world);
  ends.push(() => store.close());
  const hub = new FakeHub();
  hub.connect();
  const device = crypto.ed25519Signer(crypto.randomBytes(32));
  const link_key = toBase64Url(crypto.randomBytes(32));
  const log = await beginLog(crypto, device, { name: "pi", kind: "desktop", platform: "linux", link_key });
  const ordered: unknown[] = [];
  const refused = (): Promise<never> => Promise.reject(new Error("not in this test"));
  const actions: CommandActions = {
    "share.add": refused,
    "share.remove": async (request) => {
      ordered.push(request);
      return { id: "s1", name: request.share };
    },
    "app.start": refused,
    "app.stop": refused,
  };
  const ownerRoot = toBase64Url(log.id);
  const desk = new PageDesk({
    db: store.db,
    clock: world.clock,
    hub,
    book: { log },
    ownerRoot,
    deviceId: "pi-id",
    actions,
  });
  const server = new PageServer({
    world,
    crypto,
    log: SILENT_LOG,
    version: "0.1.0",
    hubUrl: () => "https://hub.example",
    device: () => ({ id: "pi-id", name: "pi" }),
    deviceKey: device.publicKey,
    desk,
    assets: async () => PAGE,
    leadFile: home.file("open.html"),
  });
  ends.push(() => server.close());
  return { server, hub, world, ordered, ownerRoot, device };
}

const PAGE: Assets = new Map([
  [
    "/index.html",
    { bytes: new Uint8Array(utf8("<!doctype html>page")), type: "text/html", etag: '"1"', immutable: false },
  ],
]);

/** A browser that opened a link: it spends it, and connects. */
async function enter(url: string, signer: Signer = crypto.ed25519Signer(crypto.randomBytes(32))) {
  const { origin, hash } = new URL(url);
  const [, id, secret] = hash.split(".");
  const body = {
    id,
    secret,
    name: "Test browser",
    public_key: toBase64Url(signer.publicKey),
    link_key: toBase64Url(crypto.randomBytes(32)),
  };
  const headers = { "content-type": "application/json", origin };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const { status } = await fetch(`${origin}/api/login`, init);
  return { status, ...join(origin, signer), signer };
}

function join(origin: string, signer: Signer, from = origin) {
  const states: ConnectionState[] = [];
  const told: HubToClient[] = [];
  const url = `${origin.replace("http", "ws")}/ws`;
  const connection: Connection = connect({
    url,
    openSocket: (address) => new WebSocket(address, { headers: { origin: from } } as never),
    world: realWorld,
    prove: keyProver({
      crypto,
      signer,
      url,
      hubKey: undefined,
      sessionKind: "person",
      name: "Test browser",
      platform: "browser",
      kind: "browser",
      version: "0.1.0",
    }),
    onState: (state) => void states.push(state),
    onMessage: (message) => void told.push(message),
  });
  ends.push(() => connection.close());
  return { connection, states, told };
}

test("a browser that spends the link sees the fleet and the log, and orders this device", async () => {
  const { server, hub, ordered, ownerRoot, device } = await served();
  const { url, file } = await server.open();
  expect(await Bun.file(file).text()).toContain(url.replaceAll("&", "&amp;"));
  const { connection, states, told, signer } = await enter(url);
  expect(await Bun.file(file).exists()).toBe(false);
  await until(() => states.at(-1)?.at === "ready");
  const served_by = { device_id: "pi-id", name: "pi", public_key: toBase64Url(device.publicKey) };
  expect(states.at(-1)).toMatchObject({ registered: { served_by, hub_url: "https://hub.example" } });
  await until(() => told.some(({ type }) => type === "log_entries"));
  expect(await connection.request({ type: "fleet_get" })).toMatchObject({ type: "fleet" });
  expect(hub.asked).toContainEqual({ type: "fleet_get" });
  const target = { deviceId: "pi-id", deviceKey: device.publicKey, ownerRoot };
  const order = { kind: "share.remove", request: { share: "blog" }, ...target } as const;
  expect(await runCommand(connection, order, { crypto, signer })).toEqual({ id: "s1", name: "blog" });
  expect(ordered).toEqual([{ share: "blog" }]);
  const other = runCommand(connection, { ...order, deviceId: "another" }, { crypto, signer });
  expect(await other.catch((error: unknown) => error)).toMatchObject({ code: "forbidden" });
  const pairing = connection.request({ type: "create_pairing", reach: "anyone" });
  expect(await pairing.catch((error: unknown) => error)).toMatchObject({ code: "unavailable" });
});

test("a link lets one browser in, once; another key is refused for good", async () => {
  const { server } = await served();
  const { url } = await server.open();
  const first = await enter(url);
  const second = await enter(url);
  expect([first.status, second.status]).toEqual([200, 403]);
  await until(() => second.states.at(-1)?.at === "ended");
  expect(second.states.at(-1)).toMatchObject({ problem: { code: "forbidden" } });
});

test("a wrong secret ends its link, and five minutes end one that nobody used", async () => {
  const { server, world } = await served();
  const { url } = await server.open();
  expect((await enter(`${url.slice(0, -4)}AAAA`)).status).toBe(403);
  expect((await enter(url)).status).toBe(403);
  const late = await server.open();
  world.time.advance(5 * 60_000 + 1);
  expect((await enter(late.url)).status).toBe(403);
});

test("nobody but its own origin is answered", async () => {
  const { server } = await served();
  const { url } = await server.open();
  const { origin, port } = new URL(url);
  const status = async (path: string, headers: Record<string, string>, method = "GET") =>
    (await fetch(origin + path, { method, headers })).status;
  expect(await status("/", {})).toBe(200);
  expect(await status("/any/place", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })).toBe(
    200,
  );
  for (const refused of [
    status("/", { host: `evil.example:${port}` }),
    status("/", { host: `localhost:${port}` }),
    status("/api/session", { origin: "https://evil.example" }),
    status("/api/session", { origin: "http://127.0.0.1:1" }),
    status("/api/session", { origin: "null" }),
    status("/api/session", { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }),
    status("/api/login", { "content-type": "application/json" }, "POST"),
    status("/ws", { connection: "upgrade", upgrade: "websocket" }),
  ]) {
    expect(await refused).toBe(403);
  }
  expect(await status("/api/device/setup", { origin }, "POST")).toBe(503);
  const page = await fetch(`${origin}/`);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(page.headers.get("set-cookie")).toBeNull();
  const { states } = join(origin, crypto.ed25519Signer(crypto.randomBytes(32)), "https://evil.example");
  await until(() => states.at(-1)?.at === "waiting");
  expect(states.map(({ at }) => at)).not.toContain("ready");
});

test("without a hub the page is told so, and is not shown what may be over", async () => {
  const { server, hub, world } = await served();
  const { url } = await server.open();
  const { connection, states, told } = await enter(url);
  await until(() => states.at(-1)?.at === "ready");
  await connection.request({ type: "fleet_watch" });
  hub.stop();
  world.time.advance(2_000);
  await until(() => states.at(-1)?.at === "waiting");
  expect(states.at(-1)).toMatchObject({ problem: { code: "hub_unreachable" } });
  expect(told.filter(({ type }) => type === "fleet")).toEqual([]);
});

test("it stops to listen ten minutes after the last page was closed, and with the agent", async () => {
  const { server, world } = await served();
  const { url } = await server.open();
  const { connection, states } = await enter(url);
  await until(() => states.at(-1)?.at === "ready");
  const first = server.port;
  expect(first).toBe(Number(new URL(url).port));
  connection.close();
  await until(() => {
    world.time.advance(60_000);
    return server.port === undefined;
  });
  const refused = await fetch(url).then(
    () => "answered",
    () => "refused",
  );
  expect(refused).toBe("refused");
  await server.open();
  expect(server.port).toBeDefined();
  await server.close();
  expect(server.port).toBeUndefined();
});
