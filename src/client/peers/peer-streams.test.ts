import { expect, test } from "bun:test";
import { rejection } from "../../identity/refusal.fixture.ts";
import { fromUtf8, utf8 } from "../../protocol/bytes.ts";
import type { ByteStreamEvents } from "../../world/world.ts";
import { device, twoPaired } from "../two-peers.fixture.ts";

const NOTHING: ByteStreamEvents = { data() {}, drain() {}, end() {}, close() {} };

test("what one writes the other reads, and an end at both sides is no cut", async () => {
  const { anna, ben, ofAnna } = await twoPaired();
  ben.peer.onStream((from, stream) => ({
    ...NOTHING,
    data: (bytes) => void stream.write(utf8(`${from.nickname} wrote ${fromUtf8(bytes)}`)),
    end: () => stream.shutdown(),
  }));
  const heard = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<Error | undefined>();
  const stream = await anna.peer.openStream(ofAnna.key, {
    ...NOTHING,
    data: (bytes) => heard.resolve(fromUtf8(bytes) ?? ""),
    close: closed.resolve,
  });
  stream.write(utf8("hello"));
  expect(await heard.promise).toBe("Anna page wrote hello");
  stream.shutdown();
  expect(await closed.promise).toBeUndefined();
});

test("without a program that takes streams, or without the device, there is none", async () => {
  const { anna, ben, hub, ofAnna } = await twoPaired();
  const refused = "unavailable: the other device takes no streams";
  expect(await rejection(anna.peer.openStream(ofAnna.key, NOTHING))).toBe(refused);
  const leave = ben.peer.onStream(() => NOTHING);
  await anna.peer.openStream(ofAnna.key, NOTHING);
  leave();
  expect(await rejection(anna.peer.openStream(ofAnna.key, NOTHING))).toBe(refused);
  hub.cut(ben.peer);
  const away = await rejection(anna.peer.openStream(ofAnna.key, NOTHING));
  expect(away).toBe("device_offline: the other device is not online");
  hub.cut(anna.peer);
  const lost = await rejection(anna.peer.openStream(ofAnna.key, NOTHING));
  expect(lost).toBe("hub_unreachable: no stream to another device: closed");
});

test("a hub that names another caller, or brings a stranger, opens nothing", async () => {
  const { anna, ben, hub, ofAnna } = await twoPaired();
  const told: string[] = [];
  ben.peer.onStream((from) => {
    told.push(from.nickname);
    return NOTHING;
  });
  hub.calledBy = (await device(hub, "Stranger")).peer.key;
  const stranger = await rejection(anna.peer.openStream(ofAnna.key, NOTHING));
  expect(stranger).toBe("unavailable: the other device does not know this one: pair them again");

  const mallory = await device(hub, "Mallory");
  hub.calledBy = undefined;
  const made = await mallory.peer.pair();
  await Promise.all([made.done, ben.peer.join(made.code)]);
  // Ben knows both keys; the stream is Anna's, and is said to be Mallory's.
  hub.calledBy = mallory.peer.key;
  expect(await rejection(anna.peer.openStream(ofAnna.key, NOTHING))).toMatch(
    /^(session_cut|seal_broken|unavailable): /,
  );
  expect(told).toEqual([]);
});

test("of a device that was parted from there is no stream", async () => {
  const { anna, ben, ofAnna } = await twoPaired();
  ben.peer.onStream(() => NOTHING);
  await anna.peer.unpair(ofAnna.key);
  expect(await rejection(anna.peer.openStream(ofAnna.key, NOTHING))).toBe(
    "not_found: this device is not paired with that key",
  );
});

test("the end of the pairing ends what is open at both, though the hub goes on", async () => {
  const { anna, ben, ofAnna } = await twoPaired();
  const ends = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()] as const;
  const taken = Promise.withResolvers<void>();
  ben.peer.onStream(() => {
    taken.resolve();
    return { ...NOTHING, close: ends[1].resolve };
  });
  await anna.peer.openStream(ofAnna.key, { ...NOTHING, close: ends[0].resolve });
  await taken.promise;
  await anna.peer.unpair(ofAnna.key);
  expect(String(await ends[0].promise)).toBe("MusterError: the pairing is over");
  expect(await ends[1].promise).toBeInstanceOf(Error);
});
