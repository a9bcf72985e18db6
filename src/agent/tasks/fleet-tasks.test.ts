// Lists, searches and sums over devices with real sessions and stores, and a hub between them that only carries.
import { afterEach, expect, test } from "bun:test";
import type { OwnerLog } from "../../identity/owner-log.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { LocalRequest } from "../../protocol/local-api.ts";
import { FleetGathering } from "../../protocol/query-gather.ts";
import type { QueryReply } from "../../protocol/query-messages.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { realWorld } from "../../world/real.ts";
import {
  begin,
  codeOf,
  controller,
  crypto,
  device,
  endDevices,
  grow,
  memberEntry,
  order,
  party,
  TestHub,
  type Party,
  type TestDevice,
} from "../sessions/fleet.fixture.ts";
import type { TestTasks } from "./in-process.fixture.ts";
import { FleetTasks, type FleetTasksOptions } from "./fleet-tasks.ts";

afterEach(endDevices);

const LIMIT_MS = 5000;
const stays = new AbortController().signal;
const kept: TestTasks[] = [];
afterEach(async () => {
  for (const tasks of kept.splice(0)) await tasks[Symbol.asyncDispose]();
});

interface Given {
  /** Of the devices named here those that answer, each with a task of that title. */
  answering?: string[];
  /** There, and silent. */
  silent?: string[];
  offline?: string[];
  /** The home's own agent runs, with a task "here". */
  hasDesk?: boolean;
  hubAway?: boolean;
  /** Who asks is a member and no more. */
  asMember?: boolean;
  queued?: string;
}

async function fleet(given: Given) {
  const { answering = [], silent = [], offline = [], hasDesk = true } = given;
  const home = party("home", "desktop");
  const others = new Map([...answering, ...silent, ...offline].map((name) => [name, party(name)]));
  let log: OwnerLog = await begin(home);
  for (const one of others.values()) log = await grow(log, memberEntry(one, home));
  const hub = new TestHub();
  const called = (name: string): Party => others.get(name) ?? home;
  for (const name of answering) await withTask(hub, { log, home, who: called(name), title: name });
  for (const name of silent) hub.devices.set(called(name).id, SILENT);
  const own = await withTask(new TestHub(), { log, home, who: home, title: "here" });
  const asker = given.asMember === true ? called(answering[0] ?? "") : home;
  const near = await controller(hub, asker, log);
  const time = new FakeTime();
  const timers = {
    ...realWorld.timers,
    after: (ms: number, run: () => void) =>
      ms === LIMIT_MS ? time.after(ms, run) : realWorld.timers.after(ms, run),
  };
  const views = [home, ...others.values()].map(({ id, name, kind }) => ({
    id,
    name,
    kind,
    status: offline.includes(name) || (name === "home" && !hasDesk) ? "offline" : "online",
    last_seen: "2026-11-20T06:00:00.000Z",
  }));
  const options = {
    crypto,
    clock: realWorld.clock,
    random: realWorld.random,
    book: near.book,
    controller: { ...near, timers },
    own: () => ({ id: home.id, name: home.name }),
    hub: {
      request: () =>
        given.hubAway === true
          ? Promise.reject(new MusterError("hub_unreachable", "the hub is out of reach"))
          : Promise.resolve({ type: "fleet", fleet: { devices: views } }),
    },
    ...(hasDesk ? { desk: own.tasks.tasks.desk } : {}),
    ...(given.queued === undefined ? {} : { queue: queueOf(given.queued, others) }),
  } as unknown as FleetTasksOptions; // what is looked at
  const tasks = new FleetTasks(options);
  const heard: QueryReply[] = [];
  const ask = async (request: LocalRequest<"task_query">, left = stays) => {
    const { type, params } = request;
    const gathering = new FleetGathering({ type, params });
    for await (const reply of tasks.query(request, left)) {
      heard.push(reply);
      if (reply.type === "aggregate_query_part") gathering.take(reply);
      if (reply.type === "aggregate_query_done")
        return { ...gathering.merged(), ...gathering.completeness(reply) };
    }
    throw new Error("a query has an end");
  };
  return { ask, heard, time, home };
}

const SILENT = {
  open: () => ({ data() {}, drain() {}, end() {}, close() {} }),
} as unknown as TestDevice["sessions"];

async function withTask(
  hub: TestHub,
  { log, home, who, title }: { log: OwnerLog; home: Party; who: Party; title: string },
): Promise<TestDevice> {
  const made = await device(hub, who, { log });
  kept.push(made.tasks);
  const request = { script: "true", title, stdin: false, detach: true } as const;
  await order(await controller(hub, home, log), who, { kind: "exec", request }).order.outcome;
  return made;
}

function queueOf(title: string, others: ReadonlyMap<string, Party>): object {
  const [device] = [...others.values()].slice(-1).map(({ id, name }) => ({ id, name }));
  const id = "01936f7a-5555-7000-8000-0000000000ee";
  return {
    all: async () => [{ id, device, request: { title }, createdAt: Date.now() + 60_000, problem: null }],
  };
}

const list = { type: "ListTasks" as const, params: { limit: 10 } };
const titles = ({ items }: { items: readonly Record<string, unknown>[] }): string[] =>
  items.map(({ title, device: on }) => `${String(title)}@${String(on)}`).toSorted();

test("each device's tasks come as it answers, and who is silent delays nobody", async () => {
  const { ask, heard, time } = await fleet({ answering: ["pi"], silent: ["slow"], offline: ["nas"] });
  const asked = ask(list);
  while (heard.length < 3) await new Promise((resolve) => setImmediate(resolve));
  expect(heard[0]).toMatchObject({ expected: [{ name: "home" }, { name: "pi" }, { name: "slow" }] });
  time.advance(LIMIT_MS);
  const told = await asked;
  expect(titles(told)).toEqual(["here@home", "pi@pi"]);
  expect(told).toMatchObject({
    answered: ["home", "pi"],
    timed_out: ["slow"],
    failed: {},
    offline: { nas: "2026-11-20T06:00:00.000Z" },
  });
});

test("what waits here for a device that is away is a part of that device's", async () => {
  const { ask, heard } = await fleet({ offline: ["nas"], queued: "backup" });
  const told = await ask(list);
  expect(titles(told)).toEqual(["backup@nas", "here@home"]);
  expect(told.items[0]).toMatchObject({ queued: true, status: "pending" });
  expect(heard.map(({ type }) => type).slice(0, 2)).toEqual([
    "aggregate_query_expected",
    "aggregate_query_part",
  ]);
  // It stands on the page where it belongs, and on no other.
  const { cursor } = await ask({ ...list, params: { limit: 1 } });
  expect(titles(await ask({ ...list, params: { limit: 1, cursor } }))).toEqual(["here@home"]);
});

test("it is counted with that device's, and found by its words", async () => {
  const { ask } = await fleet({ offline: ["nas"], queued: "Backup photos" });
  const { items, total } = await ask({ type: "GetTaskStats", params: {} });
  expect(items).toContainEqual({
    device: "nas",
    pending: 1,
    running: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
  });
  expect(total?.["pending"]).toBeGreaterThan(0);
  const search = (q: string) => ask({ type: "SearchTasks", params: { q, limit: 5 } });
  expect((await search("photos BACKUP")).items).toMatchObject([{ device: "nas", queued: true, rank: 1 }]);
  expect((await search("photos other")).items).toEqual([]);
});

test("sums and searches go the same way", async () => {
  const { ask } = await fleet({ answering: ["pi"] });
  expect((await ask({ type: "GetTaskStats", params: {} })).items.map(({ device: on }) => on)).toEqual([
    "home",
    "pi",
  ]);
  expect(titles(await ask({ type: "SearchTasks", params: { q: "pi", limit: 5 } }))).toEqual(["pi@pi"]);
});

test("one device alone is asked where one is named, and told where it is away", async () => {
  const { ask, home } = await fleet({ answering: ["pi"], offline: ["nas"] });
  expect(titles(await ask({ ...list, device: "pi" }))).toEqual(["pi@pi"]);
  expect(titles(await ask({ ...list, device: "home" }))).toEqual(["here@home"]);
  expect(titles(await ask({ ...list, device: home.id.slice(0, 6) }))).toEqual(["here@home"]);
  const away = await ask({ ...list, device: "nas" });
  expect([away.answered, Object.keys(away.offline)]).toEqual([[], ["nas"]]);
  expect(await codeOf(ask({ ...list, device: "nobody" }))).toBe("not_found");
});

test("without the hub this device answers, and the others are named", async () => {
  const { ask } = await fleet({ answering: ["pi"], hubAway: true });
  const told = await ask(list);
  expect([titles(told), told.answered]).toEqual([["here@home"], ["home"]]);
  expect(told.failed).toEqual({ pi: "the hub is out of reach, and with it this device" });
});

test("without its agent this device is one that is away", async () => {
  const { ask } = await fleet({ answering: ["pi"], hasDesk: false });
  const told = await ask(list);
  expect([told.answered, Object.keys(told.offline)]).toEqual([["pi"], ["home"]]);
});

test("who may not command asks nobody else, and is told so", async () => {
  const { ask } = await fleet({ answering: ["pi"], asMember: true });
  const told = await ask(list);
  expect([told.answered, told.note]).toEqual([["home"], expect.stringContaining("only a controller")]);
});

test("who takes it back waits for nobody, and nothing stays open", async () => {
  const { ask, heard } = await fleet({ silent: ["slow"] });
  const left = new AbortController();
  const asked = codeOf(ask(list, left.signal));
  while (heard.length < 2) await new Promise((resolve) => setImmediate(resolve));
  left.abort(new MusterError("unavailable", "taken back"));
  expect(await asked).toBe("unavailable");
});

test("more silent devices than are asked at once are all told, in the time of one", async () => {
  const silent = Array.from({ length: 260 }, (_, at) => `slow-${at}`);
  const { ask, heard, time } = await fleet({ silent });
  const asked = ask(list);
  while (heard.length < 2) await new Promise((resolve) => setImmediate(resolve));
  time.advance(LIMIT_MS);
  const told = await asked;
  expect([told.answered, told.timed_out.length]).toEqual([["home"], 260]);
});

test("what does not fit is refused before anybody is asked", async () => {
  const { ask, heard } = await fleet({});
  expect(await codeOf(ask({ ...list, params: { limit: 0 } }))).toBe("invalid");
  expect(await codeOf(ask({ ...list, params: { cursor: "yesterday" } }))).toBe("invalid");
  expect(heard).toEqual([]);
});
