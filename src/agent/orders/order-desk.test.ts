import { afterEach, beforeEach, expect, test } from "bun:test";
import { SILENT_LOG } from "../../protocol/log.ts";
import { readOrderFrames, type OrderEvent } from "../../protocol/order-frames.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { realWorld } from "../../world/real.ts";
import type { RunningCommand } from "../exec/command-kind.ts";
import {
  begin,
  controller,
  crypto,
  device,
  endDevices,
  grow,
  memberEntry,
  party,
  TestHub,
  type Party,
  type TestDevice,
} from "../sessions/fleet.fixture.ts";
import { stateStore, until } from "../testing.ts";
import { OrderDesk, type OrderDeskOptions } from "./order-desk.ts";
import { OrderQueue } from "./order-queue.ts";

const AGAIN_EVERY_MS = 500;
const DEAF = { data() {}, drain() {}, end() {}, close() {} };
const TERM = { type: "signal", name: "TERM" } as const;

let pi: Party;
let hub: TestHub;
let far: TestDevice;
let time: FakeTime;
let options: OrderDeskOptions;

beforeEach(async () => {
  const home = party("home", "desktop");
  pi = party("pi", "raspberry_pi");
  const log = await grow(await begin(home), memberEntry(pi, home));
  hub = new TestHub();
  far = await device(hub, pi, { log });
  const near = await controller(hub, home, log);
  time = new FakeTime();
  const after: typeof time.after = (ms, run) =>
    ms === AGAIN_EVERY_MS ? time.after(ms, run) : realWorld.timers.after(ms, run);
  const devices = [{ id: pi.id, name: pi.name, kind: pi.kind, status: "online", last_seen: null }];
  options = {
    clock: realWorld.clock,
    network: realWorld.network,
    random: realWorld.random,
    crypto,
    book: near.book,
    controller: { ...near, timers: { ...realWorld.timers, after } },
    own: () => ({ id: home.id, name: home.name }),
    // What a look at the fleet reads of it.
    hub: { request: () => Promise.resolve({ type: "fleet", fleet: { devices } }) } as never,
  };
});

afterEach(endDevices);

const wish = (script: string, isFar = true) => ({
  ...(isFar ? { device: pi.name } : {}),
  request: { script, stdin: false },
  wait_ms: 60_000,
  queue: false,
});

/** Its events, one after the other. */
function account(body: ReadableStream<Uint8Array>) {
  const frames = readOrderFrames(body);
  return async <Type extends OrderEvent["type"]>(type: Type): Promise<OrderEvent & { type: Type }> => {
    for await (const frame of { [Symbol.asyncIterator]: () => ({ next: () => frames.next() }) }) {
      // Compared here; TypeScript does not narrow by a type parameter.
      if (frame.type === "event" && frame.event.type === type) return frame.event as never;
    }
    throw new Error(`it ended without "${type}"`);
  };
}

const tasksThere = async () => (await far.tasks.tasks.desk.list({ limit: 10 })).items;

test("what is taken back while its device is away is not given when that comes", async () => {
  hub.devices.delete(pi.id);
  const desk = new OrderDesk(options);
  const next = account(desk.run(wish("true")));
  const { order } = await next("opened");
  await next("waiting");
  desk.tell(order, TERM);
  hub.devices.set(pi.id, far.sessions);
  time.advance(AGAIN_EVERY_MS);
  expect(await next("failed")).toMatchObject({ error: { code: "device_offline" } });
  expect(await tasksThere()).toEqual([]);
});

test("a program that is told to end while its device is lost ends when that is back", async () => {
  const desk = new OrderDesk(options);
  const next = account(desk.run(wish("exec sleep 300")));
  const { order } = await next("opened");
  await next("accepted");
  hub.streams.at(-1)?.[0].close();
  await next("lost");
  desk.tell(order, TERM);
  await until(() => {
    time.advance(AGAIN_EVERY_MS);
    return hub.streams.length > 1;
  });
  expect(await next("ended")).toMatchObject({ outcome: { result: { status: "cancelled" } } });
});

test("a task that waits here for its device stays when this agent ends while it asks for it", async () => {
  const store = await stateStore(realWorld);
  const { controller: near, ...rest } = options;
  const state = { at: "connected" } as const;
  // Of the hub a queue asks no more than its state, and who is there.
  const queue = new OrderQueue({
    ...rest,
    db: store.db,
    log: SILENT_LOG,
    hub: { ...rest.hub, state } as never,
    controller: { ...near, timers: time },
  });
  hub.devices.delete(pi.id);
  const desk = new OrderDesk({ ...options, queue });
  const next = account(desk.run({ ...wish("true"), queue: true }));
  await next("queued");
  const asked = Promise.withResolvers<void>();
  const open = (): typeof DEAF => {
    asked.resolve();
    return DEAF;
  };
  hub.devices.set(pi.id, { open } as unknown as TestDevice["sessions"]); // there, and silent
  time.advance(AGAIN_EVERY_MS);
  await asked.promise;
  desk.close();
  await next("ended");
  expect(await queue.all()).toHaveLength(1);
  queue.close();
  await store.close();
});

test("whoever tells it to end, or goes, before it has begun here is heard when it has", async () => {
  for (const how of ["told", "gone"]) {
    const asked = Promise.withResolvers<void>();
    const starts = Promise.withResolvers<void>();
    const heard: unknown[] = [];
    const exec: OrderDeskOptions["exec"] = {
      async start(): Promise<RunningCommand> {
        asked.resolve();
        await starts.promise;
        const message = (said: unknown): void => void heard.push(said);
        const nothing = (): void => {};
        const outcome = new Promise<never>(nothing);
        return {
          facts: {},
          outcome,
          message,
          input: nothing,
          drain: nothing,
          left: nothing,
          revoke: nothing,
        };
      },
    };
    const desk = new OrderDesk({ ...options, exec });
    const body = desk.run(wish("true", false));
    await asked.promise;
    if (how === "gone") await body.cancel();
    else desk.tell((await account(body)("opened")).order, TERM);
    starts.resolve();
    await until(() => heard.length > 0).catch(() => {});
    expect({ how, heard }).toEqual({ how, heard: [TERM] });
  }
});
