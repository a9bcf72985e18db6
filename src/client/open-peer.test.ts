import { expect, test } from "bun:test";
import { rejection } from "../identity/refusal.fixture.ts";
import { toBase64Url, utf8 } from "../protocol/bytes.ts";
import type { ReceivedMessage } from "./peer.ts";
import { loadRing } from "./peers/receive-ring.ts";
import { changed, device, twoPaired } from "./two-peers.fixture.ts";

test("two peers pair by a code and have the same words; each has its own name for the other", async () => {
  const { anna, ben, ofAnna, ofBen } = await twoPaired();
  expect(ofAnna.id).toBe(ben.peer.id);
  expect(ofBen.key).toBe(anna.peer.key);
  expect(ofAnna.safetyWords).toBe(ofBen.safetyWords);
  expect([ofAnna.petname, ofAnna.nickname, ofBen.petname]).toEqual(["my-ben", "Ben", "anna-page"]);
  expect(ofAnna.compared).toBe(false);
  expect((await anna.peer.verified(ofAnna.key)).compared).toBe(true);
  expect((await anna.peer.setPetname(ofAnna.key, "ben")).petname).toBe("ben");
  expect((await anna.peer.find(ben.peer.id.slice(0, 7))).petname).toBe("ben");
});

test("pairings that have ended well do not count as under way", async () => {
  const { hub, anna } = await twoPaired();
  for (let number = 1; number <= 10; number += 1) {
    const guest = await device(hub, `Guest ${number}`);
    const { code, done } = await anna.peer.pair();
    await Promise.all([guest.peer.join(code), done]);
  }
  expect(await anna.peer.peers()).toHaveLength(11);
});

test("texts and files arrive once, in order, and the sender hears so from the peer itself", async () => {
  const { anna, ben, ofAnna } = await twoPaired();
  const got: ReceivedMessage[] = [];
  ben.peer.onMessage((message) => void got.push(message));
  const sent = [
    await anna.peer.send(ofAnna.key, { text: "one" }),
    await anna.peer.send(ofAnna.key, { file: { name: "../../two.txt", bytes: utf8("two") } }),
  ];
  for (const { id } of sent) expect((await anna.peer.delivered(id)).state).toBe("delivered");
  await changed(ben.peer, () => got.length === 2);
  expect(got).toMatchObject([
    { type: "text", text: "one", from: anna.peer.key },
    { type: "file", name: "two.txt", bytes: utf8("two") },
  ]);
  expect(await ben.store.inbox.list({ after: 0, limit: 9, unread: true })).toEqual([]);
});

test("what a program could not take, or had not finished, is handed to it again", async () => {
  const { anna, ben, hub, ofAnna } = await twoPaired();
  const tried: string[] = [];
  const failed = Promise.withResolvers<void>();
  ben.peer.onMessage((message) => {
    tried.push(message.id);
    failed.resolve();
    throw new Error("not now");
  });
  const { id } = await anna.peer.send(ofAnna.key, { text: "again" });
  await anna.peer.delivered(id);
  await failed.promise;
  ben.peer.close();
  hub.cut(ben.peer);

  const later = ben.again();
  const taken = Promise.withResolvers<ReceivedMessage>();
  later.onMessage((message) => taken.resolve(message));
  expect(await taken.promise).toMatchObject({ id, text: "again" });
  expect(tried).toEqual([id]);
});

test("for one who is away it waits, under states that say so", async () => {
  const { anna, ben, hub, ofAnna } = await twoPaired();
  hub.cut(ben.peer);
  const { id, state } = await anna.peer.send(ofAnna.key, { text: "later" });
  expect(state).toBe("queued");
  await changed(anna.peer, async () => (await anna.peer.sent(id))?.state === "relayed");
  hub.connect(ben.peer);
  expect((await anna.peer.delivered(id)).state).toBe("delivered");
  expect((await ben.peer.received()).map((message) => message.id)).toEqual([id]);
});

test("a receive key is replaced daily while connected, and goes eight days later although nothing comes", async () => {
  const { anna, ben, hub, ofAnna } = await twoPaired();
  hub.cut(ben.peer);
  const keys = async () => (await loadRing(anna.store, ofAnna.key)).rows;
  const hours = async (count: number): Promise<void> => {
    for (let hour = 0; hour < count; hour++) await anna.world.advance(3_600_000);
  };
  const ids = async () => (await keys()).map(({ id }) => toBase64Url(id));
  const [was = ""] = await ids();
  await hours(25);
  await changed(anna.peer, async () => (await ids()).at(-1) !== was);
  expect(await ids()).toContain(was);
  await hours(8 * 24 + 2);
  await changed(anna.peer, async () => !(await ids()).includes(was));
  expect((await keys()).at(-1)?.replacedAtMs).toBeNull();
});

test("a wait for a delivery ends with the device", async () => {
  const { anna, hub, ben, ofAnna } = await twoPaired();
  hub.cut(ben.peer);
  const { id } = await anna.peer.send(ofAnna.key, { text: "never" });
  const waiting = rejection(anna.peer.delivered(id));
  anna.peer.close();
  expect(await waiting).toBe("unavailable: this device was closed");
  expect(await rejection(anna.peer.delivered(id))).toBe("unavailable: this device was closed");
  expect(await rejection(ben.peer.delivered("unknown"))).toBe("not_found: that message is not known here");
});

test("unpairing is said, sealed, and drops what waits", async () => {
  const { anna, ben, hub, ofAnna, ofBen } = await twoPaired();
  hub.cut(anna.peer);
  const waiting = await anna.peer.send(ofAnna.key, { text: "never read" });
  hub.connect(anna.peer);
  await anna.peer.delivered(waiting.id);
  hub.cut(ben.peer);
  const dropped = await ben.peer.send(ofBen.key, { text: "too late" });
  await anna.peer.unpair(ofAnna.key);
  expect(await anna.peer.peers()).toEqual([]);
  hub.connect(ben.peer);
  expect((await ben.peer.delivered(dropped.id)).state).toBe("dropped");
  await changed(ben.peer, async () => (await ben.peer.peers()).length === 0);
  expect(ben.peer.notices()).toEqual(["anna-page has ended the pairing; 1 messages to it were dropped"]);
  expect(await rejection(ben.peer.send(ofBen.key, { text: "no" }))).toBe(
    "not_found: this device is not paired with that key",
  );
});

test("what comes while the other side has not heard of the end is neither kept nor acknowledged", async () => {
  const { anna, ben, hub, ofAnna, ofBen } = await twoPaired();
  await changed(anna.peer, async () => (await anna.store.peers.find(ofAnna.key))?.state === "paired");
  hub.deafen(ben.peer);
  await anna.peer.unpair(ofAnna.key);
  const { id } = await ben.peer.send(ofBen.key, { text: "too late" });
  await changed(ben.peer, async () => (await ben.peer.sent(id))?.state === "relayed");
  await changed(anna.peer, () => hub.hasTakenAll(anna.peer));
  expect(await anna.store.inbox.list({ after: 0, limit: 9, unread: false })).toEqual([]);
  hub.connect(ben.peer);
  expect((await ben.peer.delivered(id)).state).toBe("dropped");
});

test("a pairing that ends before the hub relays is told to the other side all the same", async () => {
  const { anna, ben, ofAnna } = await twoPaired();
  // Neither has heard yet that the hub relays.
  await anna.peer.unpair(ofAnna.key);
  await changed(ben.peer, async () => (await ben.peer.peers()).length === 0);
  expect(ben.peer.notices()).toEqual(["anna-page has ended the pairing"]);
});

test("what does not fit into a message is refused before anything is stored", async () => {
  const { anna, ofAnna } = await twoPaired();
  const bytes = new Uint8Array(1024 * 1024);
  const problem = await rejection(anna.peer.send(ofAnna.key, { file: { name: "big", bytes } }));
  expect(problem).toBe('too_large: cannot send "big": it has 1048576 bytes');
});
