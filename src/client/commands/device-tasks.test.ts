// A browser's keys and this library against the real sessions of a device, with a hub between them that only carries.
import { afterEach, beforeAll, expect, test } from "bun:test";
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
  type Party,
} from "../../agent/sessions/fleet.fixture.ts";
import type { OwnerLog } from "../../identity/owner-log.ts";
import { realWorld } from "../../world/real.ts";
import { DeviceTasks, type LogPage } from "./device-tasks.ts";

let home: Party;
let browser: Party;
let pi: Party;
let log: OwnerLog;

beforeAll(async () => {
  home = party("home", "desktop");
  browser = await browserParty("firefox");
  pi = party("pi", "raspberry_pi");
  const until = Date.now() + DAY_MS;
  log = await grow(await begin(home), memberEntry(pi, home), controllerEntry(browser, home, { until }));
});

afterEach(endDevices);

async function fleet(change: Partial<Parameters<typeof device>[2]> = {}) {
  const hub = new TestHub();
  const far = await device(hub, pi, { log, ...change });
  const { clock, random } = realWorld;
  const target = {
    id: pi.id,
    name: "pi",
    publicKey: pi.signer.publicKey,
    linkKey: pi.link.linkKey.publicKey,
  };
  const near = await controller(hub, browser, log);
  const tasks = new DeviceTasks({ controller: near, device: target, clock, random });
  return { hub, far, tasks, [Symbol.dispose]: () => tasks.close() };
}

const ALL = { from: 0, latestBytes: 1_000_000 };
const stays = new AbortController().signal;

async function read(pages: AsyncIterable<LogPage>): Promise<string> {
  let text = "";
  for await (const { pieces } of pages) {
    for (const { from, bytes } of pieces) text += `${from}:${new TextDecoder().decode(bytes)}`;
  }
  return text;
}

test("a browser runs a task, follows what it writes, and finds it in the list", async () => {
  using given = await fleet();
  const { hub, tasks } = given;
  const task = await tasks.run("echo begun; sleep 0.2; echo wrong >&2; exit 3");
  expect(task).toMatchObject({ device_id: pi.id, title: expect.stringContaining("echo begun") });
  expect(await read(tasks.follow(task.id, ALL, stays))).toBe("stdout:begun\nstderr:wrong\n");
  const { items } = await tasks.ask("list", { limit: 10 });
  expect(items).toMatchObject([{ id: task.id, status: "failed", exit_code: 3 }]);
  // One session for all that was asked, one for the log; and the hub saw that something was said, and no word of it.
  expect(hub.streams.length).toBe(2);
  const seen = hub.seen.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
  for (const word of ["echo", "begun", "exec", "head", "task"]) expect(seen).not.toContain(word);
});

test("what was asked together is answered in turn, and a task is cancelled while its log is followed", async () => {
  using given = await fleet();
  const { tasks } = given;
  const task = await tasks.run("echo begun; sleep 60");
  const pages = tasks.follow(task.id, ALL, stays);
  expect((await pages.next()).value?.pieces).toHaveLength(1);
  const rest = read(pages);
  const [list, cancelled] = await Promise.all([
    tasks.ask("list", { limit: 10 }),
    tasks.ask("cancel", { task: task.id }),
  ]);
  expect(list.items).toHaveLength(1);
  expect(cancelled.task).toMatchObject({ status: "cancelled" });
  expect(await rest).toBe("");
  expect(await codeOf(tasks.ask("show", { task: "ffffff" }))).toBe("not_found");
});

test("a session that was cut while idle is opened anew, and nothing runs twice", async () => {
  using given = await fleet();
  const { hub, tasks } = given;
  await tasks.ask("stats", {});
  hub.streams.at(-1)?.[0].close();
  const task = await tasks.run("echo once");
  await read(tasks.follow(task.id, ALL, stays));
  // Cut while the answer is on its way.
  hub.tamper = (from, bytes, pass) => {
    if (from === "controller") return pass(bytes);
    hub.tamper = (_from, later, on) => on(later);
    hub.streams[1]?.[0].close();
  };
  const again = await tasks.run("echo twice");
  expect(await read(tasks.follow(again.id, ALL, stays))).toBe("stdout:twice\n");
  const { items } = await tasks.ask("list", { limit: 10 });
  expect(items.map(({ title }) => title).toSorted()).toEqual(["echo once", "echo twice"]);
});

test("of a log that has grown far ahead the latest bytes are read, and where they begin is told", async () => {
  using given = await fleet();
  const { tasks } = given;
  const task = await tasks.run("seq 1 60000");
  await read(tasks.follow(task.id, ALL, stays));
  const pages: LogPage[] = [];
  const latest = { from: 0, latestBytes: 10_000 };
  for await (const page of tasks.follow(task.id, latest, stays)) pages.push(page);
  const end = pages.at(-1)?.next ?? 0;
  expect(pages.map(({ at }) => at)).toEqual([0, end - 10_000]);
  const last = pages
    .at(-1)
    ?.pieces.map(({ bytes }) => new TextDecoder().decode(bytes))
    .join("");
  expect(last).toEndWith("59999\n60000\n");
});

test("who leaves a log ends its session, and more than eight are not followed", async () => {
  using given = await fleet();
  const { hub, tasks } = given;
  const task = await tasks.run("sleep 60");
  const left = new AbortController();
  const followed = Array.from({ length: 8 }, () => codeOf(tasks.follow(task.id, ALL, left.signal).next()));
  await until(() => hub.streams.length === 9);
  expect(await codeOf(tasks.follow(task.id, ALL, left.signal).next())).toBe("too_many");
  left.abort();
  expect(new Set(await Promise.all(followed))).toEqual(new Set(["unavailable"]));
  await tasks.ask("cancel", { task: task.id });
});

test("a browser's key that leaves the log loses its sessions at once", async () => {
  using given = await fleet();
  const { far, tasks } = given;
  const task = await tasks.run("echo begun; sleep 60");
  const pages = tasks.follow(task.id, ALL, stays);
  await pages.next();
  const waiting = codeOf(pages.next());
  const began = performance.now();
  await far.show(await grow(log, removeEntry(browser, home)));
  expect(await waiting).toBe("forbidden");
  expect(performance.now() - began).toBeLessThan(1000);
  expect(await codeOf(tasks.run("echo no"))).toBe("forbidden");
  await far.tasks.tasks.desk.cancel({ task: task.id });
});

test("a device may take commands from no browser", async () => {
  using given = await fleet({ policy: { exec: "owner", browser: "off" } });
  expect(await codeOf(given.tasks.run("echo no"))).toBe("forbidden");
});
