// `muster run` as one sits before it: input, signals, and what is said when the way to the device breaks. The hub is a
// process of its own, so that it can be killed while both agents stay.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { agent, agentIn, Home, hubIn, portOf, PROGRAM, type Running } from "./harness.ts";
import { until } from "./until.ts";

let hubHome: Home;
let desk: Home;
let pi: Home;
let hub: Running;
let hubUrl: string;
let onDesk: Running;

beforeAll(async () => {
  [hubHome, desk, pi] = [new Home(), new Home(), new Home()];
  ({ hub, hub_url: hubUrl } = await hubIn(hubHome));
  onDesk = await agentIn(desk, { owner: hubHome, hubUrl, name: "desk" });
  await agentIn(pi, { owner: hubHome, hubUrl, name: "pi" });
  await hubHome.ok(["device", "promote", "desk", "--yes"]);
  // Both learn of the new controller a moment later.
  await until("a first task", async () => (await there("true")).code === 0);
}, 60_000);
afterAll(async () => {
  for (const home of [desk, pi, hubHome]) await home[Symbol.asyncDispose]();
});

function there(...command: string[]) {
  return desk.run(["run", "--device", "pi", "--", ...command]);
}

async function hubAgain(): Promise<void> {
  await hub.kill();
  ({ hub } = await hubIn(hubHome, portOf(hubUrl)));
}

test("input of any size comes through, here and there", async () => {
  const input = "0123456789abcdef".repeat(200_000);
  for (const where of [["--device", "pi"], []]) {
    const ran = await desk.run(["run", ...where, "--", "sh", "-c", "cat; echo end >&2"], { input });
    expect([ran.code, ran.stdout.length, ran.stderr]).toEqual([0, input.length, "end\n"]);
    expect(ran.stdout === input).toBe(true);
  }
});

test("a program that reads none of its input ends all the same", async () => {
  const input = "x".repeat(3_000_000);
  const ran = await desk.run(["run", "--device", "pi", "--", "sh", "-c", "exit 6"], { input });
  expect(ran.code).toBe(6);
});

test("what did not end by itself says so, with the codes of a shell", async () => {
  const killed = await there("sh", "-c", "kill -USR1 $$");
  expect(killed).toMatchObject({ code: 138, stderr: expect.stringContaining("was ended by SIGUSR1") });
  const missing = await there("no-such-program");
  expect(missing).toMatchObject({ code: 127, stderr: "no-such-program: not found\n" });
  const plain = await there("/etc/passwd");
  expect(plain).toMatchObject({ code: 126, stderr: "/etc/passwd: permission denied\n" });
});

test("Ctrl-C asks, and a second one leaves it alone with that", async () => {
  const script = "trap '' TERM; echo begun; while :; do sleep 0.1; done";
  const running = desk.spawn(["run", "--device", "pi", "--", "sh", "-c", script]);
  await until("its first word", () => running.stdout.includes("begun"));
  running.signal("SIGINT");
  await until("what was done", () => running.stderr.includes("Ctrl-C again"));
  running.signal("SIGINT");
  expect(await running.exited).toBe(130);
});

test("a program whose output nobody reads any more is ended, and who only followed it leaves", async () => {
  const piped = (line: string) => desk.run(["-c", `${PROGRAM} ${line} | head -1`], { program: ["sh"] });
  expect(await piped("run --device pi -- yes")).toMatchObject({ stdout: "y\n", code: 0 });
  const { items } = await desk.ok(["task", "ls", "--device", "pi"]);
  expect(items).toContainEqual(expect.objectContaining({ title: "yes", status: "cancelled" }));
  const { json } = await desk.run(["run", "--device", "pi", "--detach", "--json", "--", "yes"]);
  expect((await piped(`task logs -f ${json.id}`)).stdout).toBe("y\n");
  expect(await desk.ok(["task", "show", json.id])).toMatchObject({ status: "running" });
  await desk.ok(["task", "cancel", json.id]);
}, 60_000);

test("a task that runs is not removed, and the refusal says what to do", async () => {
  const { json } = await desk.run(["run", "--device", "pi", "--detach", "--json", "--", "sleep", "300"]);
  await until("its start", async () => (await desk.ok(["task", "show", json.id])).status === "running");
  const refused = await desk.refused(["task", "rm", json.id]);
  expect(refused).toMatchObject({ code: "conflict", hint: expect.stringContaining("muster task cancel") });
  await desk.ok(["task", "cancel", json.id]);
  await desk.ok(["task", "rm", json.id]);
});

test("who follows a task's output misses nothing of it when the hub is killed", async () => {
  const gate = pi.write("gate", "");
  const script = `echo one; while [ -e ${gate} ]; do sleep 0.1; done; echo two`;
  const ran = await desk.run(["run", "--device", "pi", "--detach", "--json", "--", "sh", "-c", script]);
  const following = desk.spawn(["task", "logs", "-f", ran.json.id]);
  await until("its first word", () => following.stdout.includes("one"));
  await hub.kill();
  await until("what is said of it", () => following.stderr.includes("asked again"), 30_000);
  ({ hub } = await hubIn(hubHome, portOf(hubUrl)));
  await pi.run(["run", "--", "rm", gate]);
  expect(await following.exited).toBe(0);
  expect(following.stdout).toBe("one\ntwo\n");
}, 60_000);

test("when this home's agent is killed, where to find the task is said", async () => {
  const running = desk.spawn(["run", "--device", "pi", "--", "sh", "-c", "echo begun; sleep 0.5; exit 4"]);
  await until("its first word", () => running.stdout.includes("begun"));
  await onDesk.kill();
  expect(await running.exited).toBe(125);
  const task = /muster task logs -f (\S+)/.exec(running.stderr)?.[1] ?? "";
  onDesk = await agent(desk);
  await until("its end", async () => (await desk.ok(["task", "show", task])).exit_code === 4);
}, 60_000);

test("input that a broken session has lost has no gap: it ends there, and that is said", async () => {
  const running = desk.spawn(["run", "--device", "pi", "--", "sh", "-c", "cat; exit 5"]);
  running.process.stdin?.write("first\n");
  await until("its first word", () => running.stdout.includes("first"));
  await hubAgain();
  await until("what is said of it", () => running.stderr.includes("its input ends there"), 30_000);
  running.process.stdin?.end("second\n");
  expect(await running.exited).toBe(5);
  expect(running.stdout).toBe("first\n");
}, 60_000);
