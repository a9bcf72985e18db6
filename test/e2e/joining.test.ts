// A machine that joins: by itself with a registration file, twice with `init`, and kept running without a
// service manager. Real services run on a booted machine, elsewhere.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Home, hubIn, portOf, type Running } from "./harness.ts";
import { until } from "./until.ts";

const owner = new Home();
let hub: Running;
let hubUrl = "";

beforeAll(async () => {
  const begun = await hubIn(owner);
  hub = begun.hub;
  hubUrl = begun.hub_url;
}, 60_000);

afterAll(async () => {
  await hub.kill();
  await owner[Symbol.asyncDispose]();
});

async function token(): Promise<string> {
  return (await owner.ok(["device", "token"])).token as string;
}

async function healthOf(name: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${portOf(hubUrl)}/health`, {
    headers: { Host: `${name}.localhost:${portOf(hubUrl)}` },
  });
  return response.ok ? await response.json() : response.status;
}

test("an agent with a registration file joins at its first start, and the file is gone", async () => {
  await using machine = new Home();
  const file = join(machine.folder, "registration");
  writeFileSync(file, `hub_url = "${hubUrl}"\ntoken = "${await token()}"\nname = "field-pi"\n`, {
    mode: 0o600,
  });
  const running = machine.spawn(["agent", "--json"], { env: { MUSTER_REGISTRATION_FILE: file } });
  expect(await running.firstJson()).toMatchObject({ device_name: "field-pi", hub_url: hubUrl });
  expect(existsSync(file)).toBe(false);
  await until("its answer to everyone", async () => {
    const health = await healthOf("field-pi");
    return JSON.stringify(health) === '{"status":"healthy"}';
  });
  running.signal("SIGTERM");
  expect(await running.exited).toBe(0);
  expect(await healthOf("no-such-device")).toBe(404);
}, 60_000);

test("a refused one is said and set aside", async () => {
  await using machine = new Home();
  const file = join(machine.folder, "registration");
  const spent = await token();
  await using first = new Home();
  await first.ok(["init", hubUrl, "--token", spent, "--no-service"]);
  writeFileSync(file, `hub_url = "${hubUrl}"\ntoken = "${spent}"\n`, { mode: 0o600 });
  const error = await machine.refused(["agent"], { env: { MUSTER_REGISTRATION_FILE: file } });
  expect(error).toMatchObject({ exit: 1, code: "token_invalid" });
  expect(existsSync(file)).toBe(false);
  expect(existsSync(`${file}.refused`)).toBe(true);
}, 60_000);

test("init starts the agent, twice changes nothing, and uninstall leaves nothing", async () => {
  await using machine = new Home();
  const args = ["init", hubUrl, "--token", await token(), "--name", "twice", "--location", "attic", "--yes"];
  const first = await machine.ok(args);
  expect(first).toMatchObject({ name: "twice" });
  const pid = machine.agentPid();
  const config = readFileSync(join(machine.path, "muster.toml"), "utf8");
  expect(config).toContain('location = "attic"');

  expect(await machine.ok(["init", hubUrl, "--yes"])).toMatchObject({
    name: "twice",
    device_id: first.device_id,
  });
  expect(machine.agentPid()).toBe(pid);
  expect(readFileSync(join(machine.path, "muster.toml"), "utf8")).toBe(config);
  expect(await machine.ok(["service", "status"])).toMatchObject({ installed: false, state: "running", pid });
  await until("its place in the fleet's list", async () => {
    const { devices } = await owner.ok(["status"]);
    const device = devices.find((each: { name: string }) => each.name === "twice");
    return device?.location === "attic";
  });
  const told = await machine.run(["status", "-v"]);
  expect(told.stderr).toContain("/api/status");
  expect((await machine.run(["status"])).stderr).toBe("");
  const shown = await machine.ok(["config", "show"]);
  expect(shown.values).toContainEqual({
    key: "location",
    value: "attic",
    origin: `${join(machine.path, "muster.toml")}:2`,
  });

  await machine.ok(["uninstall", "--state", "--yes"]);
  expect(existsSync(machine.path)).toBe(false);
  expect(machine.processes()).toEqual([]);
  expect(await machine.ok(["uninstall", "--state", "--yes"])).toEqual({ removed: [], notes: [] });
}, 60_000);

test("a wrong setting stops every program, with file and line", async () => {
  await using machine = new Home();
  const file = machine.write("own.toml", "[server]\nport = 'x'\n");
  const error = await machine.refused(["start", "--config", file]);
  expect(error.message).toContain(`${file}:2: \`server.port\` must be a whole number`);
}, 60_000);
