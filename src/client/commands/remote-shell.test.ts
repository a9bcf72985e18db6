// A terminal by a browser's keys on a real shell.
import { afterEach, expect, test } from "bun:test";
import {
  begin,
  browserParty,
  codeOf,
  controller,
  controllerEntry,
  DAY_MS,
  device,
  endDevices,
  grow,
  memberEntry,
  party,
  removeEntry,
  TestHub,
  until,
} from "../../agent/sessions/fleet.fixture.ts";
import type { MusterError } from "../../protocol/errors.ts";
import { utf8 } from "../../protocol/bytes.ts";
import { realWorld } from "../../world/real.ts";
import { RemoteShell, type ShellEnd } from "./remote-shell.ts";

afterEach(endDevices);

const home = party("home", "desktop");
const pi = party("pi", "raspberry_pi");

async function fleet() {
  const browser = await browserParty("firefox");
  const entry = controllerEntry(browser, home, { until: Date.now() + DAY_MS });
  const log = await grow(await begin(home), memberEntry(pi, home), entry);
  const hub = new TestHub();
  const far = await device(hub, pi, { log });
  const near = await controller(hub, browser, log);
  const target = {
    id: pi.id,
    name: "pi",
    publicKey: pi.signer.publicKey,
    linkKey: pi.link.linkKey.publicKey,
  };
  const { clock, random } = realWorld;
  const open = (session?: string) => {
    const told = { session: "", past: 0, screen: "", end: undefined as ShellEnd | undefined, failed: "" };
    const shell = new RemoteShell(
      { controller: near, device: target, clock, random },
      { session, cols: 80, rows: 24 },
      {
        opened: (name, past) => Object.assign(told, { session: name, past }),
        output: (bytes) => (told.screen += new TextDecoder().decode(bytes)),
        ended: (end) => (told.end = end),
        failed: (problem: MusterError) => (told.failed = problem.code),
      },
    );
    return { shell, told };
  };
  const remove = async (): Promise<void> => far.show(await grow(log, removeEntry(browser, home)));
  return { hub, open, remove };
}

test("what is typed before it is open arrives, and a new size as well", async () => {
  const { open } = await fleet();
  const { shell, told } = open();
  shell.input(utf8("stty size; echo mark$((20+3))\n"));
  shell.resize({ cols: 100, rows: 40 });
  await until(() => told.screen.includes("mark23"));
  shell.input(utf8("stty size; exit 4\n"));
  await until(() => told.end !== undefined);
  expect(told.screen).toContain("40 100");
  expect(told.end).toEqual({ how: "code 4", reason: undefined });
});

test("one that was cut or left is taken up again with what it showed, and another is not there", async () => {
  const { hub, open } = await fleet();
  const first = open();
  first.shell.input(utf8("echo mark$((20+3))\n"));
  await until(() => first.told.screen.includes("mark23"));
  hub.streams.at(-1)?.[0].close();
  await until(() => first.told.failed !== "");
  expect(first.told.failed).toBe("session_cut");
  const second = open(first.told.session);
  await until(() => second.told.screen.includes("mark23"));
  expect(first.told.past).toBe(0);
  expect(second.told.screen.slice(0, second.told.past)).toContain("mark23");
  second.shell.leave();
  await until(() => second.told.failed !== "");
  const third = open(first.told.session);
  await until(() => third.told.screen.includes("mark23"));
  // Who takes it sends away who sat there.
  const fourth = open(first.told.session);
  await until(() => third.told.end !== undefined);
  expect(third.told.end).toMatchObject({
    how: undefined,
    reason: expect.stringContaining("another session"),
  });
  fourth.shell.input(utf8("exit\n"));
  await until(() => fourth.told.end !== undefined);
  const gone = open(first.told.session);
  await until(() => gone.told.failed !== "");
  expect(gone.told.failed).toBe("not_found");
});

test("a key that leaves the log loses its shell within a second", async () => {
  const { open, remove } = await fleet();
  const { told } = open();
  await until(() => told.session !== "");
  const began = performance.now();
  await remove();
  await until(() => told.failed !== "");
  expect(told.failed).toBe("forbidden");
  expect(performance.now() - began).toBeLessThan(1000);
});

test("what waits to be typed is bounded", async () => {
  const { hub, open } = await fleet();
  hub.tamper = () => {};
  const { shell } = open();
  shell.input(new Uint8Array(200_000));
  const more = Promise.resolve().then(() => shell.input(new Uint8Array(100_000)));
  expect(await codeOf(more)).toBe("too_large");
  shell.leave();
});
