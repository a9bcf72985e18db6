import { describe, expect, test } from "bun:test";
import { appendEntry, type OwnerLog } from "../../identity/owner-log.ts";
import { makeClaim, makeInvite } from "../../identity/setup-token.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import { findDevice } from "../../store/devices.ts";
import { findLabel } from "../../store/labels.ts";
import type { EntryBody } from "../../protocol/owner-log.ts";
import { HUB, testHub, type TestHub } from "../api/hub.fixture.ts";
import { Removals } from "./removals.ts";

/** A device that has joined by a token, with its key, and whose row was not read yet. */
async function written(hub: TestHub, name: string): Promise<{ deviceId: string; publicKey: Uint8Array }> {
  const { crypto, home, clock, hubSigner } = hub;
  const made = await makeInvite(crypto, {
    log: home.log(),
    hubKey: hubSigner.publicKey,
    names: [],
    expiresAtMs: clock.now() + 60_000,
    signer: home.signer,
  });
  await hub.logs.append(made.entry);
  const signer = crypto.ed25519Signer(crypto.randomBytes(32));
  const linkKey = crypto.x25519PublicKey(crypto.randomBytes(32));
  const device = {
    signer,
    linkKey,
    name,
    kind: "laptop",
    platform: "linux-x86_64",
    sshHostKeys: [],
  } as const;
  const hubKey = hubSigner.publicKey;
  const { entry } = await makeClaim(crypto, { token: made.token, log: home.log(), hubKey, device });
  const body = { entry, name, kind: "laptop", platform: "linux-x86_64", version: "0.1.0" };
  expect((await hub.call("/api/device/register", { at: HUB, body })).status).toBe(200);
  return { deviceId: deviceIdOf(crypto.sha256(signer.publicKey)), publicKey: signer.publicKey };
}

/** The same, known to the hub. */
async function joined(hub: TestHub, name: string): ReturnType<typeof written> {
  const device = await written(hub, name);
  await hub.devices.refresh(device.deviceId);
  return device;
}

async function writeRemoval(hub: TestHub, publicKey: Uint8Array): Promise<void> {
  const longer = await appendEntry(hub.crypto, hub.home.log(), {
    kind: "remove",
    body: { public_key: toBase64Url(publicKey) },
    signer: hub.home.signer,
  });
  const entry = longer.entries.at(-1);
  if (entry !== undefined) await hub.logs.append(entry);
}

describe("an entry that takes a device out", () => {
  test("revokes it at the hub, and frees its names", async () => {
    await using hub = await testHub();
    const { deviceId, publicKey } = await joined(hub, "pi");
    await hub.home.share(deviceId, "blog", "public");
    await writeRemoval(hub, publicKey);
    await hub.life.removals.finish();
    expect((await findDevice(hub.store.db, deviceId))?.revoked_at).toBe(hub.clock.now());
    expect(await findLabel(hub.store.db, "pi")).toBeUndefined();
    expect(await findLabel(hub.store.db, "blog")).toBeUndefined();
  });

  test("revokes it too where its row is read only after the entry", async () => {
    await using hub = await testHub();
    const { deviceId, publicKey } = await written(hub, "pi");
    await writeRemoval(hub, publicKey);
    await hub.devices.refresh(deviceId);
    const isRevoked = (): boolean => hub.devices.byId(deviceId)?.revoked_at === hub.clock.now();
    for (let looks = 0; looks < 1_000 && !isRevoked(); looks += 1) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    expect(isRevoked()).toBe(true);
    expect(await findLabel(hub.store.db, "pi")).toBeUndefined();
  });

  test("is shown to the key that it took out, from the beginning, and to nobody else", async () => {
    await using hub = await testHub();
    const { publicKey } = await joined(hub, "pi");
    const other = await joined(hub, "nas");
    expect(hub.life.removals.proofFor(publicKey)).toEqual([]);
    await writeRemoval(hub, publicKey);
    const shown = hub.life.removals.proofFor(publicKey);
    expect(shown.flatMap((page) => page.entries)).toEqual([...hub.home.log().entries]);
    expect(hub.life.removals.proofFor(other.publicKey)).toEqual([]);
  });
});

test("a guest that may no longer use what it was let use stays connected, and a controller that is out does not", async () => {
  await using hub = await testHub();
  const { crypto, logs, home } = hub;
  const [guest, laptop] = [crypto.randomBytes(32), crypto.randomBytes(32)].map((seed) =>
    crypto.ed25519Signer(seed),
  );
  const closed: string[] = [];
  const sessions = [guest, laptop].map((of) => ({
    key: toBase64Url(of?.publicKey ?? new Uint8Array()),
    send: () => true,
    close: (code: string) => closed.push(`${of === guest ? "guest" : "laptop"} ${code}`),
  }));
  const parts = {
    ownerLogs: logs,
    devices: { byKey: () => undefined, onNew() {} },
    directory: { all: () => sessions },
  };
  // Of its parts these are looked at.
  const removals = new Removals(parts as unknown as ConstructorParameters<typeof Removals>[0]);
  expect(removals).toBeDefined();
  const write = async (made: Promise<OwnerLog>) => {
    const entry = (await made).entries.at(-1);
    if (entry !== undefined) await logs.append(entry);
  };
  const [guestKey = "", laptopKey = ""] = sessions.map(({ key }) => key);
  const key: EntryBody<"key"> = {
    public_key: guestKey,
    name: "ben",
    holder: "device",
    scopes: ["capabilities"],
    capabilities: ["llm.chat"],
    devices: [laptopKey],
    until: null,
  };
  await write(appendEntry(crypto, home.log(), { kind: "key", body: key, signer: home.signer }));
  const controller: EntryBody<"controller"> = {
    public_key: laptopKey,
    link_key: toBase64Url(crypto.x25519PublicKey(crypto.randomBytes(32))),
    name: "laptop",
    kind: "laptop",
    platform: "linux-x86_64",
    scopes: ["command"],
    since: hub.clock.now(),
    until: null,
    named: false,
  };
  await write(appendEntry(crypto, home.log(), { kind: "controller", body: controller, signer: home.signer }));
  for (const signer of [guest, laptop]) if (signer !== undefined) await writeRemoval(hub, signer.publicKey);
  expect(closed).toEqual(["laptop forbidden"]);
});

describe("DELETE /api/devices/:id", () => {
  test("revokes by the hub's word, may be repeated, and writes nothing into the log", async () => {
    await using hub = await testHub();
    const { deviceId, publicKey } = await joined(hub, "pi");
    const { token } = await hub.home.person("anna");
    const length = hub.home.log().length;
    const ask = () => hub.call(`/api/devices/${deviceId}`, { method: "DELETE", token, at: HUB });
    for (let time = 0; time < 2; time++) {
      const answer = await ask();
      expect([answer.status, await answer.json()]).toEqual([200, { device_id: deviceId, status: "revoked" }]);
    }
    expect((await findDevice(hub.store.db, deviceId))?.revoked_at).not.toBeNull();
    expect(hub.home.log().length).toBe(length);
    // So the device is shown nothing that would make it forget its key.
    expect(hub.life.removals.proofFor(publicKey)).toEqual([]);
  });

  test("is held back after twenty in an hour", async () => {
    await using hub = await testHub();
    const { deviceId } = await joined(hub, "pi");
    const { token } = await hub.home.person("anna");
    const ask = () => hub.call(`/api/devices/${deviceId}`, { method: "DELETE", token, at: HUB });
    for (let time = 0; time < 20; time++) expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "180"]);
  });
});
