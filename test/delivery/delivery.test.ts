// What was taken from a person arrives once and in order, through cuts, kills and restarts of both devices and
// of the hub between them.
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusterError } from "../../src/protocol/errors.ts";
import { seeded, TestFleet, type TestDevice } from "./fleet.ts";

async function twoPaired(fleet: TestFleet): Promise<[TestDevice, TestDevice]> {
  await fleet.startHub();
  const [anna, ben] = [fleet.device("anna"), fleet.device("ben")];
  for (const device of [anna, ben]) {
    await device.start();
    device.connect();
  }
  await fleet.pair(anna, ben);
  return [anna, ben];
}

test("two devices pair, and what they send arrives both ways, in order, with the peer's word for it", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await twoPaired(fleet);
  const ids: string[] = [];
  for (let number = 1; number <= 20; number++) ids.push(await anna.say(ben, `to ben ${number}`));
  await ben.say(anna, "to anna");
  await fleet.until(async () => (await ben.inbox()).length === 20 && (await anna.inbox()).length === 1);
  expect(await ben.inbox()).toEqual(Array.from({ length: 20 }, (_, at) => `to ben ${at + 1}`));
  await fleet.until(async () => {
    const states = await Promise.all(ids.map((id) => anna.life.post.messageState(id)));
    return states.every((row) => row?.state === "delivered" && row.body.length === 0);
  });
});

test("for one who is away it waits, through a restart of all three; the hub holds nothing readable", async () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-delivery-"));
  await using fleet = new TestFleet(folder);
  const [anna, ben] = await twoPaired(fleet);
  ben.kill();
  const id = await anna.say(ben, "a secret that only ben may read");
  await fleet.until(async () => (await anna.life.post.messageState(id))?.state === "relayed");
  fleet.killHub();
  anna.kill();
  const kept = readdirSync(folder).filter((name) => name.startsWith("hub.db"));
  expect(kept).toContain("hub.db");
  for (const name of kept) expect(readFileSync(join(folder, name)).includes("only ben may read")).toBe(false);
  await fleet.startHub();
  await ben.start();
  ben.connect();
  await fleet.until(async () => (await ben.inbox()).length === 1);
  expect(await ben.inbox()).toEqual(["a secret that only ben may read"]);
  await anna.start();
  anna.connect();
  await fleet.until(async () => (await anna.life.post.messageState(id))?.state === "delivered");
  rmSync(folder, { recursive: true });
});

test("at the hub's bounds the sender is told, keeps the rest, and sends it once there is room", async () => {
  await using fleet = new TestFleet();
  fleet.relayLimits = { waiting: 3, waitingBytes: 2 ** 20, strangersBytes: 2 ** 20, largeBytes: 2 ** 20 };
  const [anna, ben] = await twoPaired(fleet);
  ben.cut();
  const texts = Array.from({ length: 8 }, (_, at) => `text ${at}`);
  for (const text of texts) await anna.say(ben, text);
  const notice = "messages to ben wait: too much waits at the hub for that device";
  await fleet.until(() => anna.life.notices.all().includes(notice));
  expect(await ben.inbox()).toEqual([]);
  ben.connect();
  await fleet.until(async () => (await ben.inbox()).length === texts.length);
  expect(await ben.inbox()).toEqual(texts);
  await fleet.until(() => !anna.life.notices.all().includes(notice));
});

test("a session that took another's place goes on when the older one ends", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = await twoPaired(fleet);
  const end = ben.leaveHanging();
  ben.connect();
  end();
  await anna.say(ben, "to the newer one");
  await fleet.until(async () => (await ben.inbox()).length === 1);
});

const SEEDS = [1, 2, 3];
/** Cuts, kills at any moment and at any statement, and restarts, in each run. */
const FAULTS = 1_000;
/** Of each side. */
const MESSAGES = 300;

interface Said {
  text: string;
  /** It was taken: the person was told so. What was not may have been kept all the same. */
  isSure: boolean;
}

test.each(SEEDS)(
  `${FAULTS} cuts and kills lose nothing, double nothing and turn nothing around (seed %i)`,
  async (seed) => {
    const { struck, said } = await storm(seed, FAULTS);
    expect(said).toEqual([MESSAGES, MESSAGES]);
    expect(struck.cuts + struck.devices + struck.hubs).toBeGreaterThan(FAULTS * 0.8);
    expect(Math.min(struck.devices, 3 * struck.hubs)).toBeGreaterThan(FAULTS * 0.1);
  },
  60_000,
);

/** Both still have much to say when the last fault strikes; after a long run it has all been said. */
const SHORT_SEEDS = Array.from({ length: 20 }, (_, at) => 100 + at);
const SHORT_FAULTS = 60;

test.each(SHORT_SEEDS)(
  `nor does anything stay behind after ${SHORT_FAULTS} that end in mid-sentence (seed %i)`,
  async (seed) => void (await storm(seed, SHORT_FAULTS)),
  20_000,
);

/** Returns what struck, and how much each side said. */
async function storm(seed: number, faults: number): Promise<{ struck: Struck; said: number[] }> {
  await using fleet = new TestFleet();
  const random = seeded(seed);
  const [anna, ben] = await twoPaired(fleet);
  const said = new Map<TestDevice, Said[]>([
    [anna, []],
    [ben, []],
  ]);
  const struck = { cuts: 0, devices: 0, hubs: 0 };
  for (let fault = 0; fault < faults; fault++) {
    for (const [device, other] of [
      [anna, ben],
      [ben, anna],
    ] as const) {
      const list = said.get(device) ?? [];
      if (list.length >= MESSAGES || !device.isAlive || random() < 0.5) continue;
      const text = `${device.name} ${list.length}`;
      const isSure = await device.say(other, text).then(() => true, wasKilled);
      list.push({ text, isSure });
    }
    strike(fleet, random, struck);
    for (let turn = Math.floor(random() * 12); turn > 0; turn--) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    fleet.time.advance(Math.floor(random() * 400));
    await heal(fleet);
  }
  fleet.databases.strike = undefined;
  await heal(fleet);
  const hasAll = async (device: TestDevice, list: readonly Said[] = []): Promise<boolean> => {
    const kept = new Set(await device.inbox());
    return list.every(({ text, isSure }) => kept.has(text) || !isSure);
  };
  await fleet.until(async () => (await hasAll(anna, said.get(ben))) && (await hasAll(ben, said.get(anna))));
  await fleet.settle();
  for (const [device, other] of [
    [anna, ben],
    [ben, anna],
  ] as const) {
    const list = said.get(device) ?? [];
    const inbox = await other.inbox();
    const kept = new Set(inbox);
    // Everything that is there was said, stands once, and stands in its place; nothing that was taken is missing.
    expect(inbox).toEqual(list.map(({ text }) => text).filter((text) => kept.has(text)));
    expect(list.filter(({ text, isSure }) => isSure && !kept.has(text))).toEqual([]);
  }
  return { struck, said: [...said.values()].map((list) => list.length) };
}

interface Struck {
  cuts: number;
  devices: number;
  hubs: number;
}

function strike(fleet: TestFleet, random: () => number, struck: Struck): void {
  const victim = fleet.devices[Math.floor(random() * fleet.devices.length)];
  const kind = random();
  if (kind < 0.45) {
    struck.cuts += 1;
    victim?.cut();
  } else if (kind < 0.58) {
    struck.devices += 1;
    victim?.kill();
  } else if (kind < 0.65) {
    struck.hubs += 1;
    fleet.killHub();
  } else if (fleet.databases.strike === undefined) {
    fleet.databases.strike = {
      after: Math.floor(random() * 60),
      takesEffect: random() < 0.5,
      killed(name) {
        const device = fleet.devices.find((one) => name === `${one.name}.db`);
        struck[device === undefined ? "hubs" : "devices"] += 1;
        if (device === undefined) fleet.killHub();
        else device.kill();
      },
    };
  }
}

/** Some of them may be killed again while they start: the next time, then. */
async function heal(fleet: TestFleet): Promise<void> {
  if (fleet.hub === undefined) await fleet.startHub().catch(wasKilled);
  for (const device of fleet.devices) {
    if (!device.isAlive) await device.start().catch(wasKilled);
    if (device.isAlive && !device.isConnected) device.connect();
  }
}

function wasKilled(error: unknown): false {
  if (error instanceof MusterError && error.code === "unavailable") return false;
  throw error;
}
