// What one owner's device, or all of theirs, may use of another's, and a program of the whole fleet: given, used, and taken back in the
// middle of an answer. An owner with a device of theirs, and somebody with a home of their own at the same hub.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agent, agentIn, Home } from "./harness.ts";
import { signedIn } from "./person.ts";
import { until } from "./until.ts";

const owner = new Home();
const gpu = new Home();
const mate = new Home();
let hubUrl: string;
let loginUrl: string | null;

/** A plugin of the device gpu: answers at once, or part by part until nobody waits any more. */
let open = 0;
const served = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  idleTimeout: 0,
  async fetch(request) {
    const { id, method, params } = await request.json();
    const line = (said: object): string => `${JSON.stringify({ jsonrpc: "2.0", ...said })}\n`;
    if (method !== "capability.call" || params.payload.long !== true)
      return new Response(line({ id, result: "well" }));
    open += 1;
    request.signal.addEventListener("abort", () => (open -= 1));
    const part = line({ method: "capability.part", params: { request_id: params.request_id, data: "part" } });
    return new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(new TextEncoder().encode(part));
          await Bun.sleep(50);
        },
      }),
    );
  },
});

beforeAll(async () => {
  ({ hub_url: hubUrl, login_url: loginUrl } = await owner.start());
  const folder = join(gpu.path, "plugins", "own");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(
    join(folder, "plugin.toml"),
    `name = "own"\n[[capabilities]]\nprotocol = "x.own"\nversion = "1.0.0"\nclass = "compute"\n[run]\nurl = "http://127.0.0.1:${served.port}"\n`,
    { mode: 0o600 },
  );
  writeFileSync(join(gpu.path, "muster.toml"), '[policy]\nhub = "compute"\n', { mode: 0o600 });
  await agentIn(gpu, { owner, hubUrl, name: "gpu" });
  // Whoever claims a device becomes an owner at the hub, and stays one without it.
  const { token } = await owner.ok(["device", "token", "--share", "gpu"]);
  await mate.ok(["device", "claim", `${hubUrl}/claim#${token}`, "--as", "Mate"]);
  await agent(mate);
  await owner.ok(["device", "unshare", "gpu"]);
  const making = owner.spawn(["pair", "--json"]);
  const { code } = await making.firstJson();
  await mate.ok(["pair", code]);
  expect(await making.exited).toBe(0);
  await until("the plugin", async () => (await owner.run(CALL)).code === 0, 30_000);
}, 120_000);
afterAll(async () => {
  for (const home of [mate, gpu, owner]) await home[Symbol.asyncDispose]();
  await served.stop(true);
});

const CALL = ["call", "x.own", "{}", "--json"];
const LONG = ["call", "x.own", '{"long":true}'];

test("another owner's device uses what it was granted where it was, and loses it in the middle of an answer", async () => {
  expect((await mate.run(CALL)).error).toMatchObject({ code: "no_device" });
  const { name } = (await mate.ok(["status"])).device;
  const granted = ["grant", "gpu", "--capability", "x.own", "--to", name];
  expect(await owner.ok(granted)).toMatchObject({
    holder: "device",
    capabilities: ["x.own"],
    devices: ["gpu"],
  });
  expect((await mate.run(CALL)).json).toMatchObject({ from_device: "gpu", payload: "well" });
  // It is let use that, and commands nothing.
  expect((await mate.run(["run", "--json", "--device", "gpu", "--", "true"])).code).not.toBe(0);

  const long = mate.spawn(LONG);
  await until("its first part", () => long.stdout.includes("part"));
  await owner.ok(["revoke", name]);
  expect(await long.exited).toBe(1);
  expect(long.stderr).toContain("may not use this any more");
  await until("the plugin to be told", () => open === 0);
  expect((await mate.run(CALL)).error).toMatchObject({ code: "no_device" });

  // What was taken back may be given again, for a while.
  expect(await owner.ok([...granted, "--expires", "1h"])).toMatchObject({ expired: false });
  expect((await mate.run(CALL)).json).toMatchObject({ payload: "well" });
}, 60_000);

test("a person without a key asks by the session what a device lets the hub ask", async () => {
  using person = await signedIn(loginUrl ?? "");
  const { origin, cookie } = person.browser;
  const ask = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${origin}/api/capabilities/x.own`, {
      method: "POST",
      headers: { cookie, "content-type": "application/json", ...headers },
      body: "{}",
    });
  expect(await (await ask({ origin })).json()).toEqual({ from_device: "gpu", payload: "well" });
  expect([(await ask({})).status, (await ask({ origin: hubUrl })).status]).toEqual([403, 403]);
});

test("another owner uses it from each device of theirs, and a device that is removed there uses it no more", async () => {
  const { log: id } = await mate.ok(["device", "owners"]);
  const granted = ["grant", "gpu", "--capability", "x.own", "--to", id, "--as", "Mate"];
  const tablet = new Home();
  try {
    await agentIn(tablet, { owner: mate, hubUrl, name: "tablet" });
    await owner.ok(["revoke", (await mate.ok(["status"])).device.name]);
    for (const one of [mate, tablet])
      expect((await one.run(CALL)).error).toMatchObject({ code: "no_device" });
    expect(await owner.ok(granted)).toMatchObject({ id, name: "Mate", holder: "owner", devices: ["gpu"] });
    const listed = (await owner.ok(["key", "ls"])).items as { id: string }[];
    expect(listed.map((one) => one.id)).toContain(id);
    // The device has asked the hub for that log by then.
    await until("the other owner's log", async () => (await tablet.run(CALL)).code === 0);
    expect((await mate.run(CALL)).json).toMatchObject({ from_device: "gpu", payload: "well" });
    expect((await tablet.run(["run", "--json", "--device", "gpu", "--", "true"])).code).not.toBe(0);

    const removed = tablet.spawn(LONG);
    await until("its first part", () => removed.stdout.includes("part"));
    await mate.ok(["device", "remove", "tablet", "--yes"]);
    await until("the plugin to be told", () => open === 0);
    await removed.exited;

    const long = mate.spawn(LONG);
    await until("its first part", () => long.stdout.includes("part"));
    await owner.ok(["revoke", "Mate"]);
    expect(await long.exited).toBe(1);
    expect(long.stderr).toContain("may not use this any more");
    await until("the plugin to be told again", () => open === 0);
    expect((await mate.run(CALL)).error).toMatchObject({ code: "no_device" });
  } finally {
    await tablet[Symbol.asyncDispose]();
  }
}, 90_000);

test("a program's key that is taken back loses what it has open at the hub", async () => {
  const { token } = await owner.ok(["key", "create", "robot", "--scope", "capabilities:x.own"]);
  const ask = (payload: object): Promise<Response> =>
    fetch(`${hubUrl}/api/capabilities/x.own`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(payload),
    });
  expect(await (await ask({})).json()).toMatchObject({ from_device: "gpu", payload: "well" });
  // Nobody keeps it: not the hub that it was shown to, not the agent that made it, not the device that served it.
  const secret = String(token).slice("mk1_".length);
  for (const { path } of [owner, gpu]) {
    expect(Bun.spawnSync(["grep", "-rlsF", "-e", secret, path]).stdout.toString()).toBe("");
  }
  const long = ask({ long: true });
  await until("it to run", () => open === 1);
  await owner.ok(["revoke", "robot"]);
  const cut = await long;
  expect([cut.status, await cut.json()]).toMatchObject([403, { error: { code: "forbidden" } }]);
  await until("the plugin to be told", () => open === 0);
  expect((await ask({})).status).toBe(401);
}, 60_000);
