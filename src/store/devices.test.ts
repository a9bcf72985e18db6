import { expect, test } from "bun:test";
import {
  addDevice,
  findDevice,
  findDeviceByKey,
  listDevices,
  noteSeen,
  raiseSession,
  raiseSessions,
  revokeDevice,
} from "./devices.ts";
import { groupCommit } from "./group-commit.ts";
import { listLabels } from "./labels.ts";
import { NOW, OTHER_ROOT, ROOT, hubStore, newDevice } from "./testing.ts";

test("a device takes its label; the same key joining again is the same row", async () => {
  const { db, close } = await hubStore();
  await addDevice(db, newDevice("pi"), NOW);
  const second = await addDevice(
    db,
    newDevice("pi", { deviceId: "second", publicKey: Uint8Array.of(2) }),
    NOW,
  );
  expect(second).toMatchObject({ outcome: "added", device: { name: "pi-2" } });
  const again = await addDevice(db, newDevice("pi", { kind: "vps" }), NOW + 5);
  expect(again).toMatchObject({ outcome: "known", device: { name: "pi", kind: "vps", created_at: NOW } });
  expect(await findDeviceByKey(db, newDevice("pi").publicKey)).toMatchObject({ device_id: "id-pi" });
  await close();
});

test("a key that belongs to another owner is refused", async () => {
  const { db, close } = await hubStore();
  await addDevice(db, newDevice("pi"), NOW);
  const stolen = await addDevice(db, newDevice("pi", { ownerRoot: OTHER_ROOT }), NOW);
  expect(stolen).toEqual({ outcome: "refused" });
  expect(await listDevices(db, [OTHER_ROOT])).toEqual([]);
  expect(await listDevices(db, [])).toEqual([]);
  await close();
});

test("a browser has a name and no label", async () => {
  const { db, close } = await hubStore();
  await addDevice(db, newDevice("Firefox on Linux", { kind: "browser" }), NOW);
  expect(await listDevices(db, [ROOT])).toMatchObject([{ name: "Firefox on Linux" }]);
  expect(await listLabels(db)).toEqual([]);
  await close();
});

test("a higher session number wins; equal, lower and unknown are refused", async () => {
  const { db, close } = await hubStore();
  await addDevice(db, newDevice("pi"), NOW);
  expect(await raiseSession(db, "id-pi", 7)).toBe(true);
  expect(await raiseSession(db, "id-pi", 7)).toBe(false);
  expect(await raiseSession(db, "id-pi", 6)).toBe(false);
  expect(await raiseSession(db, "nobody", 8)).toBe(false);
  const race = await Promise.all(Array.from({ length: 100 }, () => raiseSession(db, "id-pi", 8)));
  expect(race.filter(Boolean)).toHaveLength(1);
  await close();
});

test("a burst of sessions shares few commits, and each gets its own answer", async () => {
  const { db, close } = await hubStore();
  await addDevice(db, newDevice("pi"), NOW);
  let commits = 0;
  const raise = groupCommit({
    commit: (items: { deviceId: string; number: number }[]) => {
      commits++;
      return raiseSessions(db, items);
    },
  });
  const numbers = Array.from({ length: 400 }, (_, index) => index + 1);
  const raised = await Promise.all(numbers.map((number) => raise({ deviceId: "id-pi", number })));
  expect(raised.every(Boolean)).toBe(true);
  expect(commits).toBe(2);
  expect(await raise({ deviceId: "id-pi", number: 400 })).toBe(false);
  await close();
});

test("in one burst each device has its own number; one that is unknown or revoked has none", async () => {
  const { db, close } = await hubStore();
  for (const name of ["aa", "bb", "cc"]) await addDevice(db, newDevice(name), NOW);
  await revokeDevice(db, "id-cc", NOW);
  const wanted = [
    { deviceId: "id-aa", number: 5 },
    { deviceId: "nobody", number: 5 },
    { deviceId: "id-bb", number: 9 },
    { deviceId: "id-aa", number: 4 },
    { deviceId: "id-cc", number: 5 },
  ];
  expect(await raiseSessions(db, wanted)).toEqual([true, false, true, false, false]);
  expect(await findDevice(db, "id-aa")).toMatchObject({ session_number: 5 });
  expect(await findDevice(db, "id-bb")).toMatchObject({ session_number: 9 });
  expect(await raiseSessions(db, wanted)).toEqual([false, false, false, false, false]);
  await close();
});

test("what was seen of many devices is noted at once", async () => {
  const { db, close } = await hubStore();
  for (const name of ["aa", "bb"]) await addDevice(db, newDevice(name), NOW);
  await noteSeen(db, [
    { deviceId: "id-aa", at: NOW + 1, agentVersion: "0.2.0", facts: { cpus: 4 } },
    { deviceId: "id-bb", at: NOW + 2 },
  ]);
  expect(await findDevice(db, "id-aa")).toMatchObject({
    last_seen: NOW + 1,
    agent_version: "0.2.0",
    facts: '{"cpus":4}',
  });
  expect(await findDevice(db, "id-bb")).toMatchObject({
    last_seen: NOW + 2,
    agent_version: null,
    facts: "{}",
  });
  await close();
});
