import { expect, test } from "bun:test";
import { problemOf } from "../config/config.fixture.ts";
import { openService } from "./open-service.ts";
import { fakeMachine, ROOT } from "./service.fixture.ts";

const HOME = "/home/ada/.muster";

test("in a container nothing is installed, the reason is told, and removing removes files alone", async () => {
  const machine = fakeMachine({ container: true });
  machine.files.set(`${HOME}/identity`, "a key");
  const desk = await openService(machine.host, HOME);
  expect(desk.absent).toContain("systemd does not run here");
  expect(await desk.state()).toBeUndefined();
  expect(await problemOf(desk.install(() => {}))).toStartWith("unavailable: no service can be installed");
  expect(await desk.uninstall({ state: true })).toEqual({ removed: [HOME], notes: [] });
});

test("the log of a home without a service is the file of its agent in the background", async () => {
  for (const container of [true, false]) {
    const machine = fakeMachine({ container });
    const desk = await openService(machine.host, HOME);
    const options = { lines: 5, follow: true, write: () => {}, signal: new AbortController().signal };
    expect(await problemOf(desk.logs(options))).toStartWith("not_found: this home has no log");
    machine.files.set(`${HOME}/logs/agent.log`, "");
    await desk.logs(options);
    expect(machine.ran.at(-1)).toBe(`tail -n 5 -F ${HOME}/logs/agent.log`);
  }
  const machine = fakeMachine();
  const desk = await openService(machine.host, HOME);
  await desk.install(() => {});
  await desk.logs({ lines: 5, follow: false, write: () => {}, signal: new AbortController().signal });
  expect(machine.ran.at(-1)).toStartWith("journalctl");
});

test("a service is this home's or none", async () => {
  const machine = fakeMachine();
  const desk = await openService(machine.host, HOME);
  await desk.install(() => {});
  expect(await desk.state()).toMatchObject({
    manager: "systemd",
    scope: "user",
    state: "running",
    pid: 4711,
  });
  expect(await (await openService(machine.host, "/home/ada/second")).state()).toBeUndefined();
});

test("the hub's service is root's, of the built program, and twice is once", async () => {
  const options = { domain: "example.com", port: 443, insecure: false };
  const person = await openService(fakeMachine().host, HOME);
  expect(await problemOf(person.installHub(options))).toStartWith("forbidden:");
  const checkout = fakeMachine({ user: ROOT, program: { kind: "checkout", path: "/root/bin/muster" } });
  const fromCheckout = await openService(checkout.host, "/var/lib/muster");
  expect(await problemOf(fromCheckout.installHub(options))).toStartWith("usage:");
  const machine = fakeMachine({ user: ROOT });
  const desk = await openService(machine.host, "/var/lib/muster");
  expect(await desk.installHub(options)).toEqual({ changed: true, home: "/var/lib/muster-hub" });
  expect(machine.files.get("/etc/systemd/system/muster-hub.service")).toContain(
    "--port 443 --domain example.com",
  );
  expect(await desk.installHub(options)).toEqual({ changed: false, home: "/var/lib/muster-hub" });
});

test("the hub's service is taken away, and the program only where the machine's agent does not run it", async () => {
  const person = await openService(fakeMachine().host, HOME);
  expect(await problemOf(person.uninstallHub({ state: false }))).toStartWith("forbidden:");
  const machine = fakeMachine({ user: ROOT });
  const desk = await openService(machine.host, "/var/lib/muster");
  const unit = "/etc/systemd/system/muster-hub.service";
  const program = "/opt/muster/bin/muster";
  await desk.installHub({ domain: "example.com", insecure: false });
  await desk.install(() => {});
  // The agent goes first: the hub still runs the program.
  const agent = await desk.uninstall({ state: false });
  expect([agent.removed.includes(program), agent.notes]).toEqual([
    false,
    [`the hub's service runs ${program}, which stays`],
  ]);
  await desk.install(() => {});
  expect(await desk.uninstallHub({ state: false })).toEqual({
    removed: [unit],
    notes: [`this machine's agent runs ${program}, which stays`],
  });
  machine.files.set("/var/lib/private/muster-hub/hub/key", "a key");
  machine.links.set("/var/lib/muster-hub", "private/muster-hub");
  await desk.uninstall({ state: false });
  await desk.installHub({ domain: "example.com", insecure: false });
  expect((await desk.uninstallHub({ state: true })).removed).toEqual([
    unit,
    program,
    "/var/lib/private/muster-hub",
    "/var/lib/muster-hub",
  ]);
  expect(await desk.uninstallHub({ state: true })).toEqual({ removed: [], notes: [] });
});
