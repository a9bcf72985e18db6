import { afterEach, beforeEach, expect, test } from "bun:test";
import { MusterError } from "../../protocol/errors.ts";
import type { HubMessage } from "../../protocol/messages.ts";
import { SILENT_LOG } from "../../protocol/log.ts";
import type { Store } from "../../store/open-store.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { realWorld } from "../../world/real.ts";
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
import type { StateDatabase } from "../state-migrations.ts";
import { newTaskId } from "../tasks/task-id.ts";
import { stateStore, until } from "../testing.ts";
import { OrderQueue, type OrderQueueOptions } from "./order-queue.ts";

const LOOK_EVERY_MS = 2000;

let queue: OrderQueue;
let time: FakeTime;
let pi: Party;
let far: TestDevice;
let store: Store<StateDatabase>;
/** The hub's answers to who is there, one after the other. */
let fleetAsked: PromiseWithResolvers<HubMessage<"fleet">>[];

beforeEach(async () => {
  const home = party("home", "desktop");
  pi = party("pi", "raspberry_pi");
  const log = await grow(await begin(home), memberEntry(pi, home));
  const hub = new TestHub();
  far = await device(hub, pi, { log });
  const near = await controller(hub, home, log);
  store = await stateStore(realWorld);
  time = new FakeTime();
  fleetAsked = [];
  const after: typeof time.after = (ms, run) =>
    ms === LOOK_EVERY_MS ? time.after(ms, run) : realWorld.timers.after(ms, run);
  const options = {
    db: store.db,
    clock: realWorld.clock,
    crypto,
    book: near.book,
    log: SILENT_LOG,
    controller: { ...near, timers: { ...realWorld.timers, after } },
    hub: {
      state: { at: "connected" },
      request() {
        const asked = Promise.withResolvers<HubMessage<"fleet">>();
        fleetAsked.push(asked);
        return asked.promise;
      },
    },
  };
  // Of the hub no more is asked than this.
  queue = new OrderQueue(options as unknown as OrderQueueOptions);
});

afterEach(async () => {
  queue.close();
  for (const { reject } of fleetAsked) reject(new MusterError("hub_unreachable", "the test is over"));
  await endDevices();
  await store.close();
});

async function queued(script: string): Promise<string> {
  const id = newTaskId(realWorld.clock, realWorld.random);
  await queue.add({ id, device: { id: pi.id, name: pi.name }, request: { script, stdin: false } });
  queue.release(id);
  return id;
}

/** Each time somebody asks: the device is there. */
function answer(): void {
  const devices = [{ id: pi.id, name: pi.name, kind: pi.kind, status: "online", last_seen: null }];
  // What a look at the fleet reads of it.
  for (const { resolve } of fleetAsked.splice(0))
    resolve({ type: "fleet", fleet: { devices } } as unknown as HubMessage<"fleet">);
}

const tasksThere = async () => (await far.tasks.tasks.desk.list({ limit: 10 })).items.map(({ id }) => id);

test("what is taken back before its turn is not given", async () => {
  const first = await queued("true");
  const second = await queued("true");
  time.advance(LOOK_EVERY_MS);
  await until(() => fleetAsked.length === 1);
  expect(await queue.drop(first)).toBe(true);
  await until(async () => {
    answer();
    return (await queue.all()).length === 0;
  });
  expect(await tasksThere()).toEqual([second]);
});

test("what is taken back while it is given is the device's to take back", async () => {
  const { runner } = far.tasks.tasks;
  const accept = runner.accept.bind(runner);
  const goesOn = Promise.withResolvers<void>();
  let isAsked = false;
  runner.accept = async (...given) => {
    isAsked = true;
    await goesOn.promise;
    return accept(...given);
  };
  const id = await queued("true");
  time.advance(LOOK_EVERY_MS);
  await until(() => {
    answer();
    return isAsked;
  });
  const dropped = queue.drop(id);
  goesOn.resolve();
  expect(await dropped).toBe(false);
  expect(await tasksThere()).toEqual([id]);
});
