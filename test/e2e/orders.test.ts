// Orders from one home to another through a hub in a third: run, forward, shell; with the real program.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { agent, agentIn, Home, hubIn, type Running } from "./harness.ts";
import { app } from "./app.ts";
import { until } from "./until.ts";

let owner: Home;
let pi: Home;
let hubUrl: string;
let servicePort: number;

beforeAll(async () => {
  owner = new Home();
  hubUrl = (await hubIn(owner)).hub_url;
  pi = new Home();
  servicePort = (await app(pi)).port;
  await joined(pi, "pi", `[services.web]\nport = ${servicePort}\n`);
}, 60_000);
afterAll(async () => {
  await pi[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

async function joined(home: Home, name: string, config: string): Promise<Running> {
  const { token } = await owner.ok(["device", "token"]);
  await home.ok(["init", hubUrl, "--token", token, "--yes", "--no-service", "--name", name]);
  home.write("home/muster.toml", config);
  return agent(home);
}

test("a command runs on another device: its outputs apart, its exit code ours", async () => {
  const ran = await owner.run(
    ["run", "--device", "pi", "--", "sh", "-c", "echo out; echo err >&2; cat; exit 7"],
    { input: "from here" },
  );
  expect(ran).toMatchObject({ stdout: "out\nfrom here", stderr: "err\n", code: 7 });
});

test("with --json it is the task at its end", async () => {
  const ran = await owner.run(["run", "--device", "pi", "--json", "--", "sh", "-c", "echo hello; exit 3"]);
  expect(ran.json).toMatchObject({ device: "pi", status: "failed", exit_code: 3, logs: "hello\n" });
  expect(ran.json.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  expect(ran.code).toBe(3);
});

test("without a device it runs here, in the folder one stands in", async () => {
  const ran = await pi.run(["run", "--", "pwd"]);
  expect(ran).toMatchObject({ stdout: `${pi.folder}\n`, code: 0 });
});

test("Muster's own failures exit 125, wrong usage 2", async () => {
  expect(await refused(owner, ["run", "--json", "--device", "nobody", "--", "true"])).toEqual([
    "not_found",
    125,
  ]);
  expect(await owner.refused(["run", "--device", "pi"])).toMatchObject({ code: "usage", exit: 2 });
});

test("Ctrl-C ends what runs there, the whole group of it", async () => {
  const running = owner.spawn(["run", "--device", "pi", "--", "sh", "-c", "echo begun; sleep 300 & wait"]);
  await until("its first word", () => running.stdout.includes("begun"));
  running.signal("SIGINT");
  expect(await running.exited).toBe(143);
  await until("an end of all of it", async () => {
    const { stdout } = await owner.run([
      "run",
      "--device",
      "pi",
      "--",
      "sh",
      "-c",
      "pgrep -f 'sleep 30[0]' || true",
    ]);
    return stdout === "";
  });
});

test("a service of a device is on this machine, for requests of its own name alone", async () => {
  const running = owner.spawn(["forward", "pi/web", "--json"]);
  const { local_port, type } = await running.firstJson();
  expect(type).toBe("http");
  const url = `http://127.0.0.1:${local_port}/`;
  // The page of a name that leads here may not use it.
  const rebound = { headers: { host: "evil.example", connection: "close" } };
  expect((await fetch(url, rebound)).status).toBe(421);
  expect((await fetch(url)).status).toBe(200);
  running.signal("SIGINT");
  await running.exited;
  expect(await owner.refused(["forward", "pi/22"])).toMatchObject({ code: "not_found" });
});

test("a shell speaks both ways and ends with its code", async () => {
  const running = owner.spawn(["shell", "pi"]);
  running.process.stdin?.write("echo mark$((20+3))\n");
  await until("an answer", () => running.stdout.includes("mark23"));
  running.process.stdin?.write("exit 6\n");
  expect(await running.exited).toBe(6);
});

test("a controller that is removed loses its open shell within a second", async () => {
  await using laptop = new Home();
  await agentIn(laptop, { owner, hubUrl, name: "laptop" });
  await owner.ok(["device", "promote", "laptop", "--yes"]);
  const running = laptop.spawn(["shell", "pi"]);
  running.process.stdin?.write("echo mark$((20+3))\n");
  await until("an answer", () => running.stdout.includes("mark23"));
  const began = performance.now();
  await owner.ok(["device", "remove", "laptop", "--yes"]);
  await running.exited;
  // The command that removes takes some of it itself.
  expect(performance.now() - began).toBeLessThan(2500);
}, 20_000);

test("a device that is away is waited for, or not", async () => {
  await using away = new Home();
  const gone = await agentIn(away, { owner, hubUrl, name: "away" });
  await gone.kill();
  const asked = ["run", "--json", "--device", "away", "--no-queue", "--", "true"];
  expect(await refused(owner, asked)).toEqual(["device_offline", 125]);
  const waiting = owner.spawn(["run", "--device", "away", "--", "echo", "here"]);
  await until("word that it waits", () => waiting.stderr.includes("away is offline"));
  await agent(away);
  expect(await waiting.exited).toBe(0);
  expect(waiting.stdout).toBe("here\n");
}, 20_000);

/** `--json` has to stand before what is run. */
async function refused(home: Home, args: string[]): Promise<[string | undefined, number]> {
  const { error, code } = await home.run(args);
  return [error?.code, code];
}
