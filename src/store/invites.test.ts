import { expect, test } from "bun:test";
import { findDevice, listDevices, revokeDevice } from "./devices.ts";
import { addInvite, claimInvite, findInvite, spendInvite } from "./invites.ts";
import { appendLogEntry, logHead } from "./owner-log-rows.ts";
import { NOW, OTHER_ROOT, ROOT, digest, hubStore, logEntry, newDevice } from "./testing.ts";

const CLAIM_KEY = digest("claim");
const EXPIRES_AT = NOW + 900_000;

test("of a thousand claims at once, one wins", async () => {
  const { db, close } = await hubWithInvite();
  const outcomes = await Promise.all(
    Array.from({ length: 1000 }, (_, index) =>
      claimInvite(db, {
        claimKey: CLAIM_KEY,
        device: newDevice(`d${index}`),
        entry: logEntry(1, `-${index}`),
        now: NOW,
      }),
    ),
  );
  expect(outcomes.filter(({ outcome }) => outcome === "joined")).toHaveLength(1);
  expect(outcomes.filter(({ outcome }) => outcome === "refused")).toHaveLength(999);
  const devices = await listDevices(db, [ROOT]);
  expect(devices).toHaveLength(1);
  expect((await findInvite(db, CLAIM_KEY))?.device_id).toBe(devices[0]?.device_id ?? "");
  await close();
});

test("of a thousand who only spend it, one wins", async () => {
  const { db, close } = await hubWithInvite();
  const spends = await Promise.all(
    Array.from({ length: 1000 }, (_, index) =>
      spendInvite(db, { claimKey: CLAIM_KEY, deviceId: `d${index}`, now: NOW }),
    ),
  );
  expect(spends.filter((invite) => invite !== undefined)).toHaveLength(1);
  await close();
});

test("an invite that is over, unknown or another owner's is refused and nothing is left behind", async () => {
  const { db, close } = await hubWithInvite();
  const claim = { claimKey: CLAIM_KEY, device: newDevice("pi"), entry: logEntry(1), now: NOW };
  const refused = { outcome: "refused" } as const;
  expect(await claimInvite(db, { ...claim, now: EXPIRES_AT })).toEqual(refused);
  expect(await claimInvite(db, { ...claim, claimKey: digest("other") })).toEqual(refused);
  const stranger = newDevice("pi", { ownerRoot: OTHER_ROOT });
  expect(await claimInvite(db, { ...claim, device: stranger })).toEqual(refused);
  expect(await claimInvite(db, { ...claim, entry: logEntry(1, "", OTHER_ROOT) })).toEqual(refused);
  expect((await logHead(db, ROOT))?.number).toBe(0);
  expect(await listDevices(db, [ROOT, OTHER_ROOT])).toEqual([]);
  expect((await claimInvite(db, claim)).outcome).toBe("joined");
  await close();
});

test("a log that has moved on spends nothing: signed anew, the claim succeeds", async () => {
  const { db, close } = await hubWithInvite();
  await appendLogEntry(db, logEntry(1));
  const claim = { claimKey: CLAIM_KEY, device: newDevice("pi"), now: NOW };
  expect(await claimInvite(db, { ...claim, entry: logEntry(1, "late") })).toEqual({
    outcome: "conflict",
    head: { number: 1, hash: logEntry(1).hash },
  });
  expect((await claimInvite(db, { ...claim, entry: logEntry(2) })).outcome).toBe("joined");
  await close();
});

test("a claim whose answer was lost gets the same answer again, and no second entry", async () => {
  const { db, close } = await hubWithInvite();
  const claim = { claimKey: CLAIM_KEY, device: newDevice("pi"), entry: logEntry(1), now: NOW };
  const first = await claimInvite(db, claim);
  expect(await claimInvite(db, { ...claim, now: EXPIRES_AT + 1 })).toEqual(first);
  expect(await claimInvite(db, { ...claim, entry: logEntry(2) })).toEqual({ outcome: "refused" });
  expect((await logHead(db, ROOT))?.number).toBe(1);
  await close();
});

test("a revoked device doesn't come back with a new invite", async () => {
  const { db, close } = await hubWithInvite();
  const device = newDevice("pi");
  await claimInvite(db, { claimKey: CLAIM_KEY, device, entry: logEntry(1), now: NOW });
  expect(await revokeDevice(db, device.deviceId, NOW)).toBe(true);
  expect(await revokeDevice(db, device.deviceId, NOW)).toBe(false);
  const claimKey = digest("second");
  await addInvite(db, { claimKey, ownerRoot: ROOT, number: 2, role: "member", expiresAt: EXPIRES_AT }, NOW);
  const outcome = await claimInvite(db, { claimKey, device, entry: logEntry(2), now: NOW });
  expect(outcome).toEqual({ outcome: "refused" });
  expect((await findDevice(db, device.deviceId))?.revoked_at).toBe(NOW);
  await close();
});

async function hubWithInvite() {
  const store = await hubStore();
  await appendLogEntry(store.db, logEntry(0));
  const invite = { claimKey: CLAIM_KEY, ownerRoot: ROOT, number: 1, role: "member", expiresAt: EXPIRES_AT };
  await addInvite(store.db, invite, NOW);
  await addInvite(store.db, invite, NOW);
  return store;
}
