// What was taken from a person arrives once and in order, through cuts, kills and restarts of both devices and
// of the hub between them.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
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
  await using fleet = new TestFleet();
  const [anna, ben] = await twoPaired(fleet);
  ben.kill();
  const id = await anna.say(ben, "a secret that only ben may read");
  await fleet.until(async () => (await anna.life.post.messageState(id))?.state === "relayed");
  fleet.killHub();
  anna.kill();
  const kept = readFileSync(`${fleet.folder}/hub.db`);
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.includes("only ben may read")).toBe(false);
  await fleet.startHub();
  await ben.start();
  ben.connect();
  await fleet.until(async () => (await ben.inbox()).length === 1);
  expect(await ben.inbox()).toEqual(["a secret that only ben may read"]);
  await anna.start();
  anna.connect();
  await fleet.until(async () => (await anna.life.post.messageState(id))?.state === "delivered");
});

for (const seed of [1, 2, 3]) {
  test(`cuts and kills at any moment lose nothing and double nothing (seed ${seed})`, async () => {
    await using fleet = new TestFleet();
    const random = seeded(seed);
    const [anna, ben] = await twoPaired(fleet);
    const taken = new Map<TestDevice, string[]>([
      [anna, []],
      [ben, []],
    ]);
    const MESSAGES = 60;
    let faults = 0;
    for (
      let step = 0;
      (taken.get(anna)?.length ?? 0) < MESSAGES || (taken.get(ben)?.length ?? 0) < MESSAGES;
      step++
    ) {
      for (const [device, other] of [
        [anna, ben],
        [ben, anna],
      ] as const) {
        const list = taken.get(device) ?? [];
        if (list.length >= MESSAGES || !device.isAlive) continue;
        const text = `${device.name} ${list.length}`;
        // Only what was acknowledged to the person counts; a kill may come before that.
        await device.say(other, text);
        list.push(text);
      }
      await fault(fleet, random);
      faults += 1;
      for (let turn = Math.floor(random() * 12); turn > 0; turn--) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      fleet.time.advance(Math.floor(random() * 400));
      await heal(fleet);
    }
    await fleet.until(async () => {
      await heal(fleet);
      return (await anna.inbox()).length >= MESSAGES && (await ben.inbox()).length >= MESSAGES;
    });
    await fleet.settle();
    expect(await ben.inbox()).toEqual(taken.get(anna) ?? []);
    expect(await anna.inbox()).toEqual(taken.get(ben) ?? []);
    expect(faults).toBeGreaterThanOrEqual(MESSAGES);
  }, 60_000);
}

async function fault(fleet: TestFleet, random: () => number): Promise<void> {
  const victim = fleet.devices[Math.floor(random() * fleet.devices.length)];
  const kind = random();
  if (kind < 0.6) victim?.cut();
  else if (kind < 0.8) victim?.kill();
  else if (kind < 0.9) fleet.killHub();
}

async function heal(fleet: TestFleet): Promise<void> {
  if (fleet.hub === undefined) await fleet.startHub();
  for (const device of fleet.devices) {
    if (!device.isAlive) await device.start();
    if (!device.isConnected) device.connect();
  }
}
