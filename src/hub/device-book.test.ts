import { expect, test } from "bun:test";
import { sql } from "kysely";
import { nodeCrypto } from "../identity/crypto-node.ts";
import { addDevice, findDevice, renameDevice } from "../store/devices.ts";
import { ROOT, hubStore } from "../store/testing.ts";
import { realWorld } from "../world/real.ts";
import { DeviceBook } from "./device-book.ts";
import { OwnerLogs } from "./owner-logs.ts";

/** A book with one device in it. */
async function opened() {
  const { db, close } = await hubStore({ path: ":memory:" });
  const crypto = nodeCrypto((length) => realWorld.random.bytes(length));
  const ownerLogs = new OwnerLogs({ db, crypto, hubKey: new Uint8Array(32), now: () => 1 });
  const devices = new DeviceBook({ db, ownerLogs, now: () => 7, changed() {} });
  const added = await addDevice(
    db,
    {
      deviceId: "d1",
      publicKey: new Uint8Array(32),
      linkKey: new Uint8Array(32),
      name: "vm",
      kind: "desktop",
      platform: "linux",
      ownerRoot: ROOT,
      confirmed: true,
    },
    1,
  );
  if (added.outcome === "refused") throw new Error("a new device is not refused");
  devices.keep(added.device);
  return { db, devices, close };
}

test("a row that is read again keeps what was seen of the device and is not saved yet", async () => {
  const { db, devices, close } = await opened();
  devices.seen("d1", { version: "1.2.3", location: "attic" });
  await renameDevice(db, { deviceId: "d1", name: "server" }, 2);
  await devices.refresh("d1");
  const seen = { last_seen: 7, agent_version: "1.2.3", location: "attic" };
  expect(devices.byId("d1")).toMatchObject({ name: "server", ...seen });
  await devices.save();
  await devices.refresh("d1");
  expect(devices.byId("d1")).toMatchObject({ name: "server", ...seen });
  await close();
});

test("what could not be written of a device that was seen is written the next time, unless it said more since", async () => {
  const { db, devices, close } = await opened();
  devices.seen("d1", { at: 7, version: "1.2.3", location: "attic" });
  await sql`alter table devices rename to away`.execute(db);
  const saving = devices.save();
  devices.seen("d1", { at: 9, location: "cellar" });
  expect(await saving.catch((error: unknown) => String(error))).toContain("no such table");
  await sql`alter table away rename to devices`.execute(db);
  await devices.save();
  const seen = { last_seen: 9, agent_version: "1.2.3", location: "cellar" };
  expect(await findDevice(db, "d1")).toMatchObject(seen);
  await close();
});
