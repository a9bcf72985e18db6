// Tasks of a fleet with the real program: a home that is hub and controller, and a device whose agent is killed.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { agent, agentIn, Home, type Json, type Running } from "./harness.ts";
import { until } from "./until.ts";

let owner: Home;
let pi: Home;
let running: Running;

beforeAll(async () => {
  owner = new Home();
  owner.configure("[limits]\nentries_per_minute = 1000\n");
  const { hub_url: hubUrl } = await owner.start("--no-tunnel");
  pi = new Home();
  pi.configure("[tasks]\nmax_running = 3\n");
  running = await agentIn(pi, { owner, hubUrl, name: "pi" });
}, 60_000);
afterAll(async () => {
  await pi[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

/** It must stand before `--`, so that it is not the program's own. */
async function detached(...command: string[]): Promise<string> {
  const ran = await owner.run(["run", "--device", "pi", "--detach", "--json", "--", ...command]);
  expect(ran.code).toBe(0);
  return ran.json.id;
}

function over(id: string): Promise<Json> {
  return until(`an end of ${id}`, async () => {
    const task = await owner.ok(["task", "show", id]);
    return ["pending", "running"].includes(task.status) ? false : task;
  });
}

test("a detached task is found, followed and forgotten, wherever it runs", async () => {
  const id = await detached("sh", "-c", "echo out; echo err >&2; exit 4");
  const followed = await owner.run(["task", "logs", "-f", id]);
  expect(followed).toMatchObject({ stdout: "out\n", stderr: "err\n", code: 0 });
  expect(await over(id)).toMatchObject({ device: "pi", status: "failed", exit_code: 4, logs_bytes: 8 });
  const listed = await owner.ok(["task", "ls", "--status", "failed"]);
  expect(listed.items.map((task: Json) => task.id)).toContain(id);
  expect(listed.answered).toHaveLength(2);
  expect(listed).toMatchObject({ timed_out: [], failed: {}, offline: {} });
  const found = await owner.ok(["task", "search", "echo", "out"]);
  expect(found.items[0]).toMatchObject({ id, device: "pi" });
  expect((await owner.ok(["task", "stats", "--device", "pi"])).stats.failed).toBeGreaterThan(0);
  expect(await owner.ok(["task", "rm", id.slice(-12)])).toMatchObject({ id, device: "pi" });
  expect(await owner.refused(["task", "show", id])).toMatchObject({ code: "not_found" });
});

test("cancel ends the whole group, and what waits for its turn at once", async () => {
  const first = await detached("sh", "-c", "sleep 301 & sleep 302");
  const others = [await detached("sleep", "303"), await detached("sleep", "304")];
  const waiting = await detached("sleep", "305");
  await until(
    "three that run",
    async () => (await owner.ok(["task", "stats", "--device", "pi"])).stats.running === 3,
  );
  expect(await owner.ok(["task", "show", waiting])).toMatchObject({ status: "pending" });
  for (const id of [waiting, first, ...others]) {
    expect(await owner.ok(["task", "cancel", id])).toMatchObject({
      id,
      status: "cancelled",
      reason: "cancelled",
    });
  }
  expect(await owner.refused(["task", "cancel", first])).toMatchObject({ code: "conflict" });
  const left = await owner.run([
    "run",
    "--device",
    "pi",
    "--",
    "sh",
    "-c",
    "pgrep -f 'sleep 30[1-5]' || true",
  ]);
  expect(left.stdout).toBe("");
});

test("an agent that is killed again and again loses no task, starts none twice and finds each one's end", async () => {
  const runs = pi.write("runs", "");
  const ids: string[] = [];
  const order = async (number: number): Promise<void> => {
    const script = `echo ${number} >> ${runs}; sleep 0.${number % 7}; exit ${number % 3}`;
    const ran = await pi.run(["run", "--detach", "--json", "--", "sh", "-c", script]);
    // One that is refused, or whose answer was lost, may be there or not.
    if (ran.code === 0) ids.push(ran.json.id);
  };
  for (let round = 0; round < 3; round++) {
    const orders = Array.from({ length: 5 }, (_, at) => order(round * 5 + at));
    await Promise.race(orders);
    await running.kill();
    await Promise.all(orders);
    running = await agent(pi);
  }
  expect(ids.length).toBeGreaterThan(0);
  const ended = await Promise.all(ids.map(over));
  for (const task of ended) expect(task.exit_code).toBe(Number(/echo (\d+)/.exec(task.command[2])?.[1]) % 3);
  const started = readFileSync(runs, "utf8").trim().split("\n");
  expect(new Set(started).size).toBe(started.length);
  await until("an end of all", async () => {
    const { stats } = await owner.ok(["task", "stats", "--device", "pi"]);
    return stats.running + stats.pending === 0;
  });
}, 60_000);

test("without its agent a task keeps its time limit and the bounds of its output, and is not started again", async () => {
  const runs = pi.write("hostile-runs", "");
  const script = `echo run >> ${runs}; trap '' HUP INT; yes without-end`;
  const ran = await pi.run(["run", "--detach", "--json", "--timeout", "2s", "--", "sh", "-c", script]);
  const folder = join(pi.path, "tasks", ran.json.id, "1");
  await until("its start", () => existsSync(join(folder, "child")));
  await running.kill();
  const sizes = () => readdirSync(folder).map((name) => statSync(join(folder, name)).size);
  await until("its end, as its keeper wrote it", () => readdirSync(folder).includes("end"), 20_000);
  expect(sizes().reduce((sum, size) => sum + size, 0)).toBeLessThan(10 * 1024 * 1024);
  running = await agent(pi);
  expect(await over(ran.json.id)).toMatchObject({
    status: "failed",
    reason: "timeout",
    logs_truncated: true,
  });
  expect(readFileSync(runs, "utf8")).toBe("run\n");
}, 40_000);

test("who waits for a task hears its end, though its agent was killed meanwhile", async () => {
  const gate = `${pi.folder}/gate`;
  const script = `echo begun; while [ ! -e ${gate} ]; do sleep 0.1; done; exit 3`;
  const waiting = owner.spawn(["run", "--device", "pi", "--", "sh", "-c", script]);
  await until("its first word", () => waiting.stdout.includes("begun"));
  await running.kill();
  running = await agent(pi);
  pi.write("gate", "open");
  expect(await waiting.exited).toBe(3);
  expect(waiting.stderr).toContain("it runs on");
}, 30_000);

test("for a device that is away a task waits at its sender, through a restart of it, and starts once", async () => {
  await running.kill();
  const runs = pi.write("once", "");
  const asked = ["run", "--device", "pi", "--json"];
  const refused = await owner.run([...asked, "--no-queue", "--", "true"]);
  expect([refused.error?.code, refused.code]).toEqual(["device_offline", 125]);
  const queued = await owner.run([...asked, "--detach", "--", "sh", "-c", `echo ran >> ${runs}`]);
  expect(queued.json).toMatchObject({ device: "pi", status: "pending", queued: true });
  const other = await owner.run([...asked, "--detach", "--", "true"]);
  expect(await owner.ok(["task", "cancel", other.json.id])).toMatchObject({ status: "cancelled" });
  const listed = await owner.ok(["task", "ls"]);
  expect(listed.items[0]).toMatchObject({ id: queued.json.id, queued: true });
  expect(Object.keys(listed.offline)).toEqual(["pi"]);
  expect((await owner.run(["task", "ls", "--strict"])).code).toBe(1);
  process.kill(owner.agentPid(), "SIGKILL");
  // On the port that it remembers.
  await owner.ok(["start", "--no-tunnel"]);
  running = await agent(pi);
  await until("its end on the device", async () => {
    const task = await owner.run(["task", "show", queued.json.id, "--json"]);
    return task.json?.queued !== true && task.json?.status === "completed";
  });
  expect(readFileSync(runs, "utf8")).toBe("ran\n");
  expect((await owner.run(["task", "show", other.json.id])).code).toBe(1);
}, 40_000);

test("what can't be run says why, with the codes of a shell", async () => {
  const run = (...words: string[]) => owner.run(["run", "--device", "pi", ...words]);
  expect((await run("--", "no-such-program-here")).code).toBe(127);
  expect((await run("--", pi.write("plain", "no program"))).code).toBe(126);
  const missing = await run("--cwd", "/no/such/folder", "--", "true");
  expect(missing.code).toBe(125);
  expect(missing.stderr).toContain("no folder");
  const long = await run("--", "echo", ...Array.from({ length: 15 }, () => "x".repeat(100_000)));
  expect(long.code).toBe(125);
  expect(long.stderr).toContain("too large");
  expect((await run("--timeout", "1s", "--", "sleep", "300")).code).toBe(143);
}, 20_000);
