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
