// A hub that does what it likes with what it relays. Nothing of it is shown twice, out of order, changed or as
// someone else's, and what it did is named.
import { expect, test } from "bun:test";
import { fromBase64Url, toBase64Url } from "../../src/protocol/bytes.ts";
import type { HubToClient } from "../../src/protocol/messages.ts";
import { TestFleet, type TestDevice } from "./fleet.ts";

async function paired(fleet: TestFleet, ...names: string[]): Promise<TestDevice[]> {
  await fleet.startHub();
  const devices = names.map((name) => fleet.device(name));
  for (const device of devices) {
    await device.start();
    device.connect();
  }
  const [first, ...others] = devices;
  for (const other of others) if (first !== undefined) await fleet.pair(first, other);
  return devices;
}

const texts = (count: number): string[] => Array.from({ length: count }, (_, at) => `message ${at + 1}`);

async function sendAll(from: TestDevice, to: TestDevice, list: readonly string[]): Promise<void> {
  for (const text of list) await from.say(to, text);
}

function pair(devices: TestDevice[]): [TestDevice, TestDevice] {
  const [one, other] = devices;
  if (one === undefined || other === undefined) throw new Error("two devices were meant");
  return [one, other];
}

test("said twice and again later, a message is shown once", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  const old: HubToClient[] = [];
  fleet.meddle = (_, message) => {
    if (message.type !== "relay") return [message];
    old.push(message);
    return [message, message, ...old.slice(0, 3)];
  };
  await sendAll(anna, ben, texts(15));
  await fleet.until(async () => (await ben.inbox()).length >= 15);
  await fleet.settle();
  expect(await ben.inbox()).toEqual(texts(15));
});

test("turned around, messages are read in the order in which they were written", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  const held: HubToClient[] = [];
  fleet.meddle = (to, message) => {
    if (message.type !== "relay" || to !== ben.key) return [message];
    held.push(message);
    return held.length < 5 ? [] : held.splice(0).toReversed();
  };
  await sendAll(anna, ben, texts(10));
  await fleet.until(async () => (await ben.inbox()).length === 10);
  expect(await ben.inbox()).toEqual(texts(10));
});

test("a hole is asked for, and filled by the sender", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  let relayed = 0;
  fleet.meddle = (to, message) => {
    if (message.type !== "relay" || to !== ben.key) return [message];
    relayed += 1;
    return relayed === 3 || relayed === 4 ? [] : [message];
  };
  await sendAll(anna, ben, texts(8));
  await fleet.until(async () => (await ben.inbox()).length === 8);
  expect(await ben.inbox()).toEqual(texts(8));
});

test("one bit changed anywhere is refused and named, and shown to nobody", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  let at = 0;
  fleet.meddle = (to, message) => {
    if (message.type !== "relay" || to !== ben.key) return [message];
    const bytes = fromBase64Url(message.payload) ?? new Uint8Array(0);
    at = (at + 37) % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return [{ ...message, payload: toBase64Url(bytes) }];
  };
  await sendAll(anna, ben, texts(12));
  await fleet.until(() => ben.life.notices.all().join().includes("something from anna was refused"));
  await fleet.settle(5_000);
  expect(await ben.inbox()).toEqual([]);
});

test("as another's, or to another, a message is not taken", async () => {
  await using fleet = new TestFleet();
  const [anna, ben, carla] = await paired(fleet, "anna", "ben", "carla");
  if (anna === undefined || ben === undefined || carla === undefined) throw new Error("three were meant");
  await fleet.pair(ben, carla);
  fleet.meddle = (to, message) =>
    message.type === "relay" && to === ben.key && message.from === anna.key
      ? [{ ...message, from: carla.key }]
      : [message];
  await anna.say(ben, "from anna");
  await fleet.until(() => ben.life.notices.all().join().includes("something from carla was refused"));
  await fleet.settle(5_000);
  expect(await ben.inbox()).toEqual([]);
});

test("withheld, it shows as undelivered where it was sent from, whatever the hub says", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  fleet.meddle = (to, message) => (message.type === "relay" && to === ben.key ? [] : [message]);
  const id = await anna.say(ben, "never comes");
  await fleet.until(async () => (await anna.life.post.messageState(id))?.state === "relayed");
  await fleet.settle(20_000);
  expect((await anna.life.post.messageState(id))?.state).toBe("relayed");
  fleet.meddle = (_, message) => [message];
  ben.connect();
  await fleet.until(async () => (await anna.life.post.messageState(id))?.state === "delivered");
});

test("a bare word of the hub ends no pairing", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  ben.life.post.heard({ type: "not_paired", peer: anna.key });
  await fleet.until(() => ben.life.notices.all().join().includes("no longer relays to anna"));
  const id = await ben.say(anna, "still here");
  // Both say again that they are paired, and it goes on.
  ben.connect();
  await fleet.until(async () => (await ben.life.post.messageState(id))?.state === "delivered");
  expect(await anna.inbox()).toEqual(["still here"]);
});

test("a wrong code is one try: it ends for both, and the right one afterwards does too", async () => {
  await using fleet = new TestFleet();
  await fleet.startHub();
  const [anna, ben] = [fleet.device("anna"), fleet.device("ben")];
  for (const device of [anna, ben]) {
    await device.start();
    device.connect();
  }
  const wish = { petname: undefined, verified: false };
  const made = await fleet.wait(anna.life.pairing.make({ ...wish, reach: "anyone" }));
  const outcome = anna.life.pairing.outcome(made.mailbox);
  const failures: string[] = [];
  const note = (error: unknown): void => void failures.push(String(error));
  const wrong = `${made.mailbox}-${made.code.endsWith("2222") ? "3333" : "2222"}`;
  await fleet.wait(
    Promise.allSettled([outcome?.catch(note), ben.life.pairing.join(wrong, wish).catch(note)]),
  );
  await fleet.wait(Promise.allSettled([ben.life.pairing.join(made.code, wish).catch(note)]));
  expect(failures).toEqual(
    Array.from({ length: 3 }, () => "MusterError: That did not finish. Make a new code."),
  );
});
