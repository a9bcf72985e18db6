import { describe, expect, test } from "bun:test";
import { makeClaim, makeInvite, type ClaimingDevice } from "../../identity/setup-token.ts";
import { Secret } from "../../identity/secret.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { OwnerLogEntry } from "../../protocol/owner-log.ts";
import { parseSetupToken } from "../../protocol/setup-token.ts";
import { findDevice } from "../../store/devices.ts";
import { HUB, testHub, type TestHub } from "./hub.fixture.ts";

const HOUR_MS = 3_600_000;

async function invite(hub: TestHub, hubKey = hub.hubSigner.publicKey): Promise<Secret<string>> {
  const { signer } = hub.home;
  const expiresAtMs = hub.clock.now() + HOUR_MS;
  const made = await makeInvite(hub.crypto, { log: hub.home.log(), hubKey, names: [], expiresAtMs, signer });
  await hub.logs.append(made.entry);
  return made.token;
}

function newDevice(hub: TestHub, name = "pi"): ClaimingDevice {
  const signer = hub.crypto.ed25519Signer(hub.crypto.randomBytes(32));
  const linkKey = hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32));
  return { signer, linkKey, name, kind: "raspberry_pi", platform: "linux-arm64", sshHostKeys: [] };
}

async function claim(
  hub: TestHub,
  token: Secret<string>,
  device = newDevice(hub),
  hubKey = hub.hubSigner.publicKey,
): Promise<OwnerLogEntry> {
  return (await makeClaim(hub.crypto, { token, log: hub.home.log(), hubKey, device })).entry;
}

function register(hub: TestHub, entry: OwnerLogEntry, visitor = "192.0.2.7"): Promise<Response> {
  const body = { entry, name: "pi", kind: "raspberry_pi", platform: "linux-arm64", version: "0.1.0" };
  return hub.call("/api/device/register", { at: HUB, body, visitor });
}

describe("a device with a setup token", () => {
  test("fetches the log that the token names and takes its place", async () => {
    await using hub = await testHub();
    const token = await invite(hub);
    const pin = toBase64Url(parseSetupToken(token.reveal()).pin);
    const fetched = await hub.call("/api/device/log", { at: HUB, body: { pin } });
    expect(await fetched.json()).toEqual({ owner_root: hub.home.root, entries: [...hub.home.log().entries] });
    const device = newDevice(hub);
    const response = await register(hub, await claim(hub, token, device));
    const deviceId = deviceIdOf(hub.crypto.sha256(device.signer.publicKey));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      device_id: deviceId,
      name: "pi",
      hostname: "pi.localhost",
      owners: [hub.home.root],
    });
    expect(hub.home.log().participant(device.signer.publicKey)).toMatchObject({ member: true });
    expect(await findDevice(hub.store.db, deviceId)).toMatchObject({
      name: "pi",
      confirmed: 1,
      agent_version: "0.1.0",
    });
  });

  test("gets the same answer when it asks again after a lost one", async () => {
    await using hub = await testHub();
    const entry = await claim(hub, await invite(hub));
    const first = await register(hub, entry);
    const again = await register(hub, entry);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(await again.text()).toBe(await first.text());
    expect(hub.home.log().length).toBe(3);
  });

  test("gets a numbered name where its own is taken, and is told so", async () => {
    await using hub = await testHub();
    await hub.home.device("pi");
    const answer = (await (await register(hub, await claim(hub, await invite(hub)))).json()) as {
      name: string;
    };
    expect(answer.name).toBe("pi-2");
  });

  test("a token is worth one device, also when fifty come at once", async () => {
    await using hub = await testHub();
    const token = await invite(hub);
    const entries = await Promise.all(Array.from({ length: 50 }, () => claim(hub, token)));
    const answers = await Promise.all(entries.map((entry, at) => register(hub, entry, `198.51.100.${at}`)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(new Set(statuses)).toEqual(new Set([200, 403]));
    expect(hub.home.log().length).toBe(3);
  });

  test("signs anew when the log moved on meanwhile; the token is not spent", async () => {
    await using hub = await testHub();
    const token = await invite(hub);
    const early = await claim(hub, token);
    await invite(hub);
    const refused = await register(hub, early);
    expect([refused.status, await refused.json()]).toMatchObject([409, { error: { code: "conflict" } }]);
    expect((await register(hub, await claim(hub, token))).status).toBe(200);
    expect((await register(hub, early)).status).toBe(403);
  });

  test("hears one and the same for spent, over, unknown, forged and foreign", async () => {
    await using hub = await testHub();
    const over = await invite(hub);
    const honest = await claim(hub, await invite(hub));
    expect((await register(hub, honest)).status).toBe(200);
    const overEntry = await claim(hub, over, newDevice(hub, "late"));
    const flipped = (text: string): string => (text.startsWith("A") ? "B" : "A") + text.slice(1);
    hub.clock.advance(HOUR_MS);
    const current = { number: hub.home.log().length, previous: toBase64Url(hub.home.log().head.hash) };
    const texts = new Set<string>();
    for (const entry of [
      overEntry,
      { ...honest, ...current },
      { ...overEntry, signature: flipped(overEntry.signature) },
      { ...overEntry, log: flipped(overEntry.log) },
      { ...overEntry, log: hub.other.root },
      { ...overEntry, by: flipped(overEntry.by) },
      { ...overEntry, kind: "controller" },
      { ...overEntry, kind: "share" },
      { ...overEntry, body: "{}" },
      { ...overEntry, body: overEntry.body.replace("late", "lake") },
      { ...honest, number: 4000 },
    ]) {
      const response = await register(hub, entry);
      expect(response.status).toBe(403);
      texts.add(await response.text());
      hub.clock.advance(60_000);
    }
    expect(texts.size).toBe(1);
    const nobody = await hub.call("/api/device/log", { at: HUB, body: { pin: "AAAAAAAAAAAAAAAAAAAAAA" } });
    expect([nobody.status, texts.has(await nobody.text())]).toEqual([403, true]);
  });

  test("can't join by a claim that was made for another hub", async () => {
    await using hub = await testHub();
    const elsewhere = hub.crypto.ed25519Signer(hub.crypto.randomBytes(32)).publicKey;
    const entry = await claim(hub, await invite(hub, elsewhere), newDevice(hub), elsewhere);
    expect((await register(hub, entry)).status).toBe(403);
  });

  test("is held back after ten tries a minute from one place", async () => {
    await using hub = await testHub();
    const entry = { ...(await claim(hub, await invite(hub))), body: "{}" };
    for (let attempt = 0; attempt < 10; attempt++) expect((await register(hub, entry)).status).toBe(403);
    const refused = await register(hub, entry);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "6"]);
    expect((await register(hub, entry, "192.0.2.8")).status).toBe(403);
  });
});
