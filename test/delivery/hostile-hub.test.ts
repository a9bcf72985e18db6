// A hub that does what it likes with what it relays. Nothing of it is shown twice, out of order, changed or as
// someone else's, and what it did is named.
import { expect, test } from "bun:test";
import { parseSealed } from "../../src/identity/sealed/message-bytes.ts";
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

test("a hole that stays is named to the person, and no longer once it is filled", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  const withheld = new Set<string>();
  fleet.meddle = (to, message) => {
    if (message.type !== "relay" || to !== ben.key) return [message];
    const sequence = sequenceOf(message.payload);
    if (sequence === 3) withheld.add(message.payload);
    return sequence === 3 ? [] : [message];
  };
  await sendAll(anna, ben, texts(6));
  await fleet.until(() => ben.life.notices.all().join().includes("messages of anna are missing (3)"));
  expect(await ben.inbox()).toEqual(texts(2));
  // It was asked for, and sealed anew.
  await fleet.until(() => withheld.size > 1);
  fleet.meddle = (_, message) => [message];
  await fleet.until(async () => (await ben.inbox()).length === 6);
  await fleet.until(() => !ben.life.notices.all().join().includes("missing"));
});

test("cut short, or with a byte more, a message is refused and named", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  const lengths = [-1, -64, -200, 1];
  let at = 0;
  fleet.meddle = (to, message) => {
    if (message.type !== "relay" || to !== ben.key) return [message];
    const bytes = fromBase64Url(message.payload) ?? new Uint8Array(0);
    const changed = new Uint8Array(bytes.length + (lengths[at++ % lengths.length] ?? 0));
    changed.set(bytes.subarray(0, changed.length));
    return [{ ...message, payload: toBase64Url(changed) }];
  };
  await sendAll(anna, ben, texts(8));
  await fleet.until(() => ben.life.notices.all().join().includes("something from anna was refused"));
  await fleet.settle(5_000);
  expect(await ben.inbox()).toEqual([]);
});

test("recorded and played again a thousand times, messages make a device ask for nothing and say little", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  const record: HubToClient[] = [];
  fleet.meddle = (to, message) => {
    if (message.type === "relay" && to === ben.key) record.push(message);
    return [message];
  };
  for (let number = 1; number <= 12; number++) {
    await anna.say(ben, `message ${number}`);
    await fleet.until(async () => (await ben.inbox()).length === number);
    await fleet.settle(200);
  }
  fleet.meddle = (_, message) => [message];
  const before = await queuedBy(ben);
  for (let again = 0; again < 80; again++) {
    for (const message of record) ben.life.post.heard(message);
    await fleet.settle(400);
  }
  expect(record.length * 80).toBeGreaterThan(900);
  expect(await ben.inbox()).toEqual(texts(12));
  expect(await queuedBy(ben)).toBe(before);
});

test("an old acknowledgement played again puts no old key in the place of the newest", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  const acknowledgements: HubToClient[] = [];
  fleet.meddle = (to, message) => {
    if (message.type === "relay" && to === anna.key) acknowledgements.push(message);
    return [message];
  };
  for (let number = 1; number <= 5; number++) {
    const id = await anna.say(ben, `message ${number}`);
    await fleet.until(async () => (await anna.life.post.messageState(id))?.state === "delivered");
  }
  const keyOfBen = async () =>
    toBase64Url((await anna.life.store.peers.list())[0]?.receive_key ?? new Uint8Array(0));
  const newest = await keyOfBen();
  for (const old of acknowledgements.slice(0, -1)) anna.life.post.heard(old);
  await fleet.settle(400);
  expect(acknowledgements.length).toBeGreaterThan(4);
  expect(await keyOfBen()).toBe(newest);
});

test("to one it was not paired with, or that is paired no more, a device sends nothing", async () => {
  await using fleet = new TestFleet();
  const [anna, ben] = pair(await paired(fleet, "anna", "ben"));
  const [row] = await anna.life.store.peers.list();
  if (row === undefined) throw new Error("they are paired");
  await anna.life.post.unpair(row);
  await fleet.until(async () => (await ben.life.store.peers.list()).length === 0);
  const sent: string[] = [];
  fleet.spy = (_, message) => void (message.type === "send" && sent.push(message.type));
  for (const device of [anna, ben])
    device.life.post.heard({ type: "paired", peer: device === anna ? ben.key : anna.key });
  await fleet.settle(5_000);
  expect(sent).toEqual([]);
  expect(ben.life.notices.all().join()).toContain("anna has ended the pairing");
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

function sequenceOf(payload: string): number {
  const sealed = parseSealed(fromBase64Url(payload) ?? new Uint8Array(0));
  return sealed.type === "message" ? sealed.sequence : 0;
}

/** How many numbers a device has given out so far. */
async function queuedBy(device: TestDevice): Promise<number> {
  return (await device.life.store.peers.list()).reduce((sum, { next_sequence }) => sum + next_sequence, 0);
}
