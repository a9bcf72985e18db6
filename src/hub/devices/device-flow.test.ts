import { describe, expect, test } from "bun:test";
import { joiningWords, signJoining } from "../../identity/joining.ts";
import type { Signer } from "../../identity/crypto.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { DeviceCodeResponse } from "../../protocol/joining-api.ts";
import { findDevice } from "../../store/devices.ts";
import { HUB, PAGE, testHub, type CallInit, type TestHub } from "../api/hub.fixture.ts";

const MINUTE_MS = 60_000;
const HERE = "127.0.0.1";

interface Waiting {
  begun: DeviceCodeResponse;
  signer: Signer;
  linkKey: Uint8Array;
  device: ReturnType<typeof about>;
}

function about(name: string, keys: { publicKey: Uint8Array; linkKey: Uint8Array }) {
  return {
    public_key: toBase64Url(keys.publicKey),
    link_key: toBase64Url(keys.linkKey),
    name,
    kind: "raspberry_pi" as const,
    platform: "linux-arm64",
    version: "0.1.0",
  };
}

async function asks(hub: TestHub, name = "pi"): Promise<Waiting> {
  const signer = hub.crypto.ed25519Signer(hub.crypto.randomBytes(32));
  const linkKey = hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32));
  const device = about(name, { publicKey: signer.publicKey, linkKey });
  const answer = await hub.call("/api/device/code", { at: HUB, body: device });
  expect(answer.status).toBe(200);
  return { begun: (await answer.json()) as DeviceCodeResponse, signer, linkKey, device };
}

async function poll(hub: TestHub, waiting: Waiting, signer = waiting.signer): Promise<[number, unknown]> {
  const { begun, device } = waiting;
  const code = begun.device_code;
  const signature = await signJoining(hub.crypto, signer, { code, hubKey: hub.hubSigner.publicKey, device });
  const body = { device_code: code, signature };
  const answer = await hub.call("/api/device/token", { at: HUB, body });
  return [answer.status, await answer.json()];
}

function page(hub: TestHub, path: string, init: CallInit): Promise<Response> {
  return hub.call(`/api/device/${path}`, { at: PAGE, origin: PAGE, ...init });
}

function decide(hub: TestHub, token: string, body: object, visitor = "192.0.2.9"): Promise<Response> {
  return page(hub, "decide", { token, body, visitor });
}

const refusal = (error: string) => [400, expect.objectContaining({ error })] as const;

describe("a device that a person lets in", () => {
  test("gets codes, waits, and joins once it is approved: unconfirmed, and once", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    const waiting = await asks(hub);
    const { begun } = waiting;
    expect(begun).toMatchObject({
      verification_uri: `${PAGE}/device`,
      verification_uri_complete: `${PAGE}/device#${begun.user_code}`,
      expires_in: 600,
      interval: 5,
    });
    expect(begun.user_code).toMatch(/^[2-9A-HJKMNP-Z]{4}-[2-9A-HJKMNP-Z]{4}$/);
    expect(await poll(hub, waiting)).toEqual([...refusal("authorization_pending")]);

    const shown = await page(hub, "lookup", { token, body: { user_code: begun.user_code.toLowerCase() } });
    const keys = { publicKey: waiting.signer.publicKey, linkKey: waiting.linkKey };
    const words = joiningWords(hub.crypto, { ...keys, hubKey: hub.hubSigner.publicKey });
    expect(await shown.json()).toMatchObject({
      name: "pi",
      kind: "raspberry_pi",
      platform: "linux-arm64",
      source: "192.0.2.7",
      words,
      can_confirm: false,
    });
    const approved = await decide(hub, token, { user_code: begun.user_code, decision: "approve" });
    expect([approved.status, await approved.json()]).toEqual([
      200,
      { decision: "approve", name: "pi", confirmed: false },
    ]);

    hub.clock.advance(5000);
    const deviceId = deviceIdOf(hub.crypto.sha256(keys.publicKey));
    expect(await poll(hub, waiting)).toEqual([
      200,
      {
        device_id: deviceId,
        name: "pi",
        hostname: "pi.localhost",
        owners: [hub.home.root],
        owner_root: hub.home.root,
        confirmed: false,
      },
    ]);
    expect(await findDevice(hub.store.db, deviceId)).toMatchObject({ confirmed: 0, name: "pi" });
    expect(hub.home.log().participant(keys.publicKey)).toBeUndefined();
    expect(await poll(hub, waiting)).toEqual([...refusal("expired_token")]);
  });

  test("is confirmed, in whatever turn of its joining the owner's log comes to name it", async () => {
    await using hub = await testHub();
    hub.parts.joined = (deviceId) => void hub.devices.refresh(deviceId);
    const { token } = await hub.home.person("anna");
    for (let turns = 0; turns < 132; turns += 12) {
      const waiting = await asks(hub, `pi-${turns}`);
      const decision = { user_code: waiting.begun.user_code, decision: "approve" };
      expect((await decide(hub, token, decision)).status).toBe(200);
      const { publicKey } = waiting.signer;
      const joining = poll(hub, waiting);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await hub.parts.home.admitMember({ ...waiting.device, publicKey, linkKey: waiting.linkKey });
      expect((await joining)[0]).toBe(200);
      for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
      const row = await findDevice(hub.store.db, deviceIdOf(hub.crypto.sha256(publicKey)));
      expect({ turns, confirmed: row?.confirmed }).toEqual({ turns, confirmed: 1 });
      hub.clock.advance(MINUTE_MS);
    }
  });

  test("is told to slow down, ever more, when it asks too often", async () => {
    await using hub = await testHub();
    const waiting = await asks(hub);
    expect(await poll(hub, waiting)).toEqual([...refusal("authorization_pending")]);
    expect(await poll(hub, waiting)).toEqual([
      400,
      expect.objectContaining({ error: "slow_down", interval: 10 }),
    ]);
    hub.clock.advance(5000);
    expect(await poll(hub, waiting)).toEqual([
      400,
      expect.objectContaining({ error: "slow_down", interval: 15 }),
    ]);
    hub.clock.advance(15_000);
    expect(await poll(hub, waiting)).toEqual([...refusal("authorization_pending")]);
  });

  test("is told when it was denied, and when its time is over", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    const denied = await asks(hub);
    const answer = await decide(hub, token, { user_code: denied.begun.user_code, decision: "deny" });
    expect(answer.status).toBe(200);
    expect(await poll(hub, denied)).toEqual([...refusal("access_denied")]);
    const late = await asks(hub, "late");
    hub.clock.advance(10 * MINUTE_MS);
    expect(await poll(hub, late)).toEqual([...refusal("expired_token")]);
    expect((await decide(hub, token, { user_code: late.begun.user_code, decision: "approve" })).status).toBe(
      404,
    );
  });

  test("is let in by its own key only: an approved code is worth nothing to another", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    const waiting = await asks(hub);
    await decide(hub, token, { user_code: waiting.begun.user_code, decision: "approve" });
    const thief = hub.crypto.ed25519Signer(hub.crypto.randomBytes(32));
    expect(await poll(hub, waiting, thief)).toEqual([...refusal("expired_token")]);
    expect((await poll(hub, waiting))[0]).toBe(200);
  });

  test("is a member at once where its words were compared in the page on the hub's own machine", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    const waiting = await asks(hub);
    const compared = { user_code: waiting.begun.user_code, decision: "approve", words_compared: true };
    expect((await decide(hub, token, compared, "198.51.100.4")).status).toBe(403);
    expect(await (await decide(hub, token, compared, HERE)).json()).toMatchObject({ confirmed: true });
    expect((await poll(hub, waiting))[1]).toMatchObject({ confirmed: true });
    expect(hub.home.log().participant(waiting.signer.publicKey)).toMatchObject({ member: true });
  });
});

describe("a code that a person types", () => {
  test("is over after five that are wrong, and the right one is then refused like any", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    const { begun } = await asks(hub);
    const wrong = `${begun.user_code.slice(0, 5)}${begun.user_code.endsWith("2222") ? "3333" : "2222"}`;
    const texts = new Set<string>();
    for (let time = 0; time < 5; time++) {
      const answer = await page(hub, "lookup", { token, body: { user_code: wrong } });
      expect(answer.status).toBe(404);
      texts.add(await answer.text());
    }
    for (const user_code of [begun.user_code, "not a code", "2222-2222"]) {
      const answer = await page(hub, "lookup", { token, body: { user_code } });
      expect(answer.status).toBe(404);
      texts.add(await answer.text());
    }
    expect(texts.size).toBe(1);
  });

  test("is the first person's who typed it: another one finds nothing and approves nothing", async () => {
    await using hub = await testHub();
    const anna = await hub.home.person("anna");
    const bert = await hub.other.person("bert");
    const waiting = await asks(hub);
    const { user_code } = waiting.begun;
    expect((await page(hub, "lookup", { token: anna.token, body: { user_code } })).status).toBe(200);
    expect((await page(hub, "lookup", { token: bert.token, body: { user_code } })).status).toBe(404);
    expect((await decide(hub, bert.token, { user_code, decision: "approve" })).status).toBe(404);
    expect(await poll(hub, waiting)).toEqual([...refusal("authorization_pending")]);
  });

  test("is nobody's who is not signed in, and is held back after ten a minute", async () => {
    await using hub = await testHub();
    const { begun } = await asks(hub);
    const { user_code } = begun;
    expect((await page(hub, "lookup", { body: { user_code } })).status).toBe(401);
    const { token } = await hub.home.person("anna");
    for (let time = 0; time < 10; time++) await page(hub, "lookup", { token, body: { user_code } });
    expect((await page(hub, "lookup", { token, body: { user_code } })).status).toBe(429);
  });

  test("stands nowhere in the database, nor does what the device polls with", async () => {
    await using hub = await testHub();
    const { begun } = await asks(hub);
    const rows = await hub.store.db.selectFrom("device_codes").selectAll().execute();
    const all = JSON.stringify(rows.map((row) => Object.values(row).map(String)));
    expect(all).not.toContain(begun.device_code);
    expect(all).not.toContain(begun.user_code.replace("-", ""));
    expect(all).not.toContain(begun.user_code.slice(5));
  });
});

describe("a prepared place", () => {
  const setup = (hub: TestHub, token: string, body: object) =>
    hub.call("/api/device/setup", { at: HUB, token, body });

  async function register(hub: TestHub, code: string): Promise<Response> {
    const signer = hub.crypto.ed25519Signer(hub.crypto.randomBytes(32));
    const linkKey = hub.crypto.x25519PublicKey(hub.crypto.randomBytes(32));
    const device = about("ignored", { publicKey: signer.publicKey, linkKey });
    const hubKey = hub.hubSigner.publicKey;
    const signature = await signJoining(hub.crypto, signer, { code, hubKey, device });
    return hub.call("/api/device/register", { at: HUB, body: { ...device, code, signature } });
  }

  test("shows as pending, is taken once, and its device is unconfirmed", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    const made = await setup(hub, token, { device_type: "linux_arm64", name: "attic" });
    const answer = (await made.json()) as { registration_code: string; setup_script: string };
    expect([made.status, answer]).toMatchObject([200, { hostname: "attic.localhost", tunnel_id: null }]);
    expect(answer.registration_code).toMatch(/^mrc1_[\w-]{43}$/);
    expect(answer.setup_script).toBe(`curl -fsSL ${HUB}/install.sh | sh -s -- ${answer.registration_code}`);
    const status = await hub.call("/api/device/status", { at: HUB, token });
    expect(await status.json()).toMatchObject({
      devices: [{ name: "attic", status: "pending", platform: "linux-arm64" }],
    });
    const joined = await register(hub, answer.registration_code);
    expect([joined.status, await joined.json()]).toMatchObject([
      200,
      { name: "attic", owners: [hub.home.root] },
    ]);
    expect((await register(hub, answer.registration_code)).status).toBe(403);
    expect((await register(hub, `mrc1_${"A".repeat(43)}`)).status).toBe(403);
  });

  test("is over after fifteen minutes", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    const made = await setup(hub, token, { device_type: "mac_arm64" });
    const { registration_code } = (await made.json()) as { registration_code: string };
    hub.clock.advance(15 * MINUTE_MS);
    expect((await register(hub, registration_code)).status).toBe(403);
  });

  test("that nobody took in time is forgotten, and its name is free", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    await setup(hub, token, { device_type: "mac_arm64", name: "attic" });
    hub.clock.advance(15 * MINUTE_MS);
    await hub.life.forgetEnded();
    expect(await hub.store.db.selectFrom("setups").selectAll().execute()).toEqual([]);
    const next = await setup(hub, token, { device_type: "mac_arm64", name: "attic" });
    expect(await next.json()).toMatchObject({ hostname: "attic.localhost" });
  });

  test("that nobody took in time waits for its tunnel's removal to be begun, however often that fails", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    for (const name of ["attic", "cellar"]) await setup(hub, token, { device_type: "mac_arm64", name });
    await hub.store.db.updateTable("setups").set({ link: "named" }).execute();
    hub.clock.advance(15 * MINUTE_MS);
    const { link } = hub.life.named;
    const removed: string[] = [];
    let isIll = true;
    const remove = async (holder: string) => {
      if (isIll) throw new Error("the disk is ill");
      removed.push(holder);
      return link.status(holder);
    };
    Object.assign(hub.life.named, { link: { ...link, remove } });
    expect(await hub.life.forgetEnded().catch((error: unknown) => String(error))).toContain("ill");
    isIll = false;
    await hub.life.forgetEnded();
    expect(removed).toHaveLength(2);
    expect(await hub.store.db.selectFrom("setups").selectAll().execute()).toEqual([]);
  });

  test("has a known type, and a link that this hub can make", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    expect((await setup(hub, token, { device_type: "amiga" })).status).toBe(422);
    const named = await setup(hub, token, { device_type: "mac_arm64", link: "named", name: "x1" });
    expect([named.status, await named.text()]).toEqual([
      503,
      expect.stringContaining("CLOUDFLARE_ACCOUNT_ID"),
    ]);
    const again = await setup(hub, token, { device_type: "mac_arm64", name: "x1" });
    expect(await again.json()).toMatchObject({ hostname: "x1.localhost" });
  });

  test("is one of twenty in an hour", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    for (let time = 0; time < 20; time++) {
      expect((await setup(hub, token, { device_type: "linux_x86_64" })).status).toBe(200);
    }
    expect((await setup(hub, token, { device_type: "linux_x86_64" })).status).toBe(429);
  });

  test("may be withdrawn, and its name is free again", async () => {
    await using hub = await testHub();
    const { token } = await hub.home.person("anna");
    const made = await setup(hub, token, { device_type: "linux_x86_64", name: "attic" });
    const { setup_id, registration_code } = (await made.json()) as Record<string, string>;
    const gone = await hub.call(`/api/devices/${setup_id}`, { method: "DELETE", at: HUB, token });
    expect(gone.status).toBe(200);
    expect((await register(hub, registration_code ?? "")).status).toBe(403);
    const next = await setup(hub, token, { device_type: "linux_x86_64", name: "attic" });
    expect(await next.json()).toMatchObject({ hostname: "attic.localhost" });
  });
});
