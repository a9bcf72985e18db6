// A shell on another device, typed into as a person does: through a terminal of its own, with what a terminal
// brings along: a prompt, its size, Ctrl-C, and a connection that is cut in the middle.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { agentIn, Home, hubIn, portOf, type Running } from "./harness.ts";
import { Typist } from "./typist.ts";
import { until } from "./until.ts";

let owner: Home;
let pi: Home;
let hub: Running;
let hubUrl: string;

beforeAll(async () => {
  owner = new Home();
  pi = new Home();
  const begun = await hubIn(owner);
  hub = begun.hub;
  hubUrl = begun.hub_url;
  await agentIn(pi, { owner, hubUrl, name: "pi" });
}, 60_000);
afterAll(async () => {
  await pi[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
});

test("a prompt, the terminal's size as it changes, Ctrl-C for what runs there alone, and the exit code", async () => {
  using person = new Typist(owner, ["shell", "pi"]);
  // What is typed is echoed as typed; only what is answered has the sum in it.
  await person.line("echo mark$((20+3))", "mark23");
  await person.line("stty size", "24 80");
  person.resize(100, 40);
  await until("the new size", async () => {
    await person.line("echo [$(stty size)]", "]\r");
    return person.shown.includes("[40 100]");
  });
  await person.line("echo began$((1+1)); sleep 1000", "began2");
  person.press("\u0003");
  await person.line("echo code$?", "code130");
  await person.line("test -t 0 && echo tty$((2+2))", "tty4");
  person.press("exit 6\r");
  expect(await person.exited).toBe(6);
}, 60_000);

test("a cut says how to go on, and the shell is still there with all that was in it", async () => {
  using person = new Typist(owner, ["shell", "pi"]);
  await person.line("kept=treasure; echo ready$((40+2))", "ready42");
  await hub.kill();
  expect(await person.exited).toBe(125);
  const session = /muster shell pi --session (\S+)/.exec(person.shown)?.[1] ?? "";
  expect(session).not.toBe("");
  expect(person.shown).toContain("it is kept for ten minutes");
  ({ hub } = await hubIn(owner, portOf(hubUrl)));
  await until("pi is back", async () => (await pi.ok(["status"])).hub.state === "connected");

  using again = new Typist(owner, ["shell", "pi", "--session", session]);
  await again.line("echo [$kept]", "[treasure]");
  again.press("exit\r");
  expect(await again.exited).toBe(0);
}, 60_000);

test("input that is no terminal is typed, and its end ends whatever still reads", async () => {
  expect(await owner.run(["shell", "pi"])).toMatchObject({ code: 0 });
  const typed = await owner.run(["shell", "pi"], { input: "cat; echo read$((1+1)); exit 9\n" });
  expect(typed.stdout).toContain("read2");
  expect(typed.code).toBe(9);
}, 60_000);

test("a device that takes no commands says so, and leaves the terminal as it was", async () => {
  await using closed = new Home();
  closed.configure('[policy]\nexec = "off"\n');
  await agentIn(closed, { owner, hubUrl, name: "closed" });
  using person = new Typist(owner, ["shell", "closed"]);
  expect(await person.exited).toBe(125);
  expect(person.shown).toContain("muster: error:");
  expect(person.shown).toContain("exec");
}, 60_000);
