import { expect, test } from "bun:test";
import type { Kysely } from "kysely";
import { SHARES_PER_DEVICE } from "../protocol/limits.ts";
import { addDevice, revokeDevice } from "./devices.ts";
import type { HubDatabase } from "./hub-schema.ts";
import { findLabel, listLabels } from "./labels.ts";
import {
  type HubShareRow,
  type Publication,
  findShare,
  listDeviceShares,
  listShares,
  publishShare,
  removeExpiredShares,
  removeShare,
} from "./shares.ts";
import { NOW, ROOT, hubStore, newDevice, rejection } from "./testing.ts";

test("publishing again changes the share and keeps its label and first moment", async () => {
  const { db, close } = await hubWithDevices();
  await publish(db, { shareId: "other" });
  expect(await publish(db, { shareId: "mine" })).toMatchObject({ label: "blog-2", published_at: NOW });
  const changed = await publish(db, { shareId: "mine", access: "public" }, NOW + 9);
  expect(changed).toMatchObject({ label: "blog-2", access: "public", published_at: NOW });
  expect(await publish(db, { shareId: "mine", wish: "shop" })).toMatchObject({ label: "shop" });
  expect(await findLabel(db, "blog-2")).toBeUndefined();
  await close();
});

test("a device can neither change nor remove another's share", async () => {
  const { db, close } = await hubWithDevices();
  await publish(db, { shareId: "mine" });
  expect(await rejection(publish(db, { shareId: "mine", deviceId: "id-bb" }))).toMatchObject({
    code: "conflict",
  });
  expect(await removeShare(db, { deviceId: "id-bb", shareId: "mine", now: NOW })).toBe(false);
  expect((await findShare(db, "mine"))?.device_id).toBe("id-aa");
  await close();
});

test("the share past the hundredth is refused; changing one of them isn't", async () => {
  const { db, close } = await hubWithDevices();
  for (let index = 0; index < SHARES_PER_DEVICE; index++) {
    await publish(db, { shareId: `s${index}`, wish: `site${index}` });
  }
  expect(await rejection(publish(db, { shareId: "more" }))).toMatchObject({ code: "too_many" });
  expect(await publish(db, { shareId: "s7", wish: "site7", access: "login" })).toMatchObject({
    access: "login",
  });
  expect(await publish(db, { shareId: "theirs", deviceId: "id-bb" })).toMatchObject({ label: "blog" });
  await close();
});

test("a share that was removed, has expired or whose device is revoked is gone with its label", async () => {
  const { db, close } = await hubWithDevices();
  await publish(db, { shareId: "removed", wish: "one" });
  await publish(db, { shareId: "expired", wish: "two", expiresAt: NOW + 1 });
  await publish(db, { shareId: "revoked", wish: "three" });
  await publish(db, { shareId: "stays", wish: "four", deviceId: "id-bb", expiresAt: NOW + 2 });
  expect(await removeShare(db, { deviceId: "id-aa", shareId: "removed", now: NOW })).toBe(true);
  const expired = await removeExpiredShares(db, NOW + 1);
  expect(expired.map(({ share_id }) => share_id)).toEqual(["expired"]);
  await revokeDevice(db, "id-aa", NOW);
  expect(await listDeviceShares(db, "id-aa")).toEqual([]);
  expect((await listShares(db)).map(({ share_id }) => share_id)).toEqual(["stays"]);
  expect((await listLabels(db)).map(({ label }) => label)).toEqual(["bb", "four"]);
  await close();
});

async function hubWithDevices() {
  const store = await hubStore();
  for (const name of ["aa", "bb"]) await addDevice(store.db, newDevice(name), NOW);
  return store;
}

function publish(db: Kysely<HubDatabase>, changes: Partial<Publication>, now = NOW): Promise<HubShareRow> {
  const publication: Publication = {
    shareId: "share",
    deviceId: "id-aa",
    ownerRoot: ROOT,
    wish: "blog",
    kind: "page",
    access: "password",
    description: null,
    proofKey: new Uint8Array(32),
    createdAt: NOW,
    expiresAt: null,
    ...changes,
  };
  return publishShare(db, publication, now);
}
