import { expect, test } from "bun:test";
import { findTunnel, listTunnelSteps } from "../../store/tunnel-rows.ts";
import { rejection } from "../../store/testing.ts";
import {
  atProvider,
  DEVICE,
  HOSTNAME,
  HUB_ID,
  journalLength,
  recorded,
  secretText,
  type TestHub,
  testHub,
} from "../testing.ts";
import type { TunnelCredentials } from "../link.ts";

const WISH = { holder: DEVICE, hostname: HOSTNAME };
const NAME = "muster-hubhubhu-abcdefgh";

test("a new link is one tunnel and one proxied record with our marks", async () => {
  await using hub = await testHub();
  expect(await hub.link.create(WISH)).toEqual({
    kind: "named",
    state: "ready",
    url: "https://pi.example.com",
    checkedAt: hub.time.clock.now(),
    reason: null,
  });
  expect(hub.fake.state.standing()).toMatchObject([{ name: NAME, configSrc: "local" }]);
  const [tunnel] = hub.fake.state.standing();
  expect([...hub.fake.state.records.values()]).toMatchObject([
    {
      type: "CNAME",
      name: HOSTNAME,
      content: `${tunnel?.id}.cfargotunnel.com`,
      proxied: true,
      ttl: 1,
      comment: `muster ${HUB_ID}`,
    },
  ]);
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
  expect(await journalLength(hub.db)).toBe(0);
  const credentials = await hub.link.credentials(DEVICE);
  expect(secretText(credentials)).toBe(tunnel?.secret ?? "none");
  expect(credentials).toMatchObject({
    accountTag: hub.fake.accountId,
    tunnelId: tunnel?.id,
    hostname: HOSTNAME,
  });
});

test("the secret is sealed in the record and forgotten once it was handed over", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  const secret = hub.fake.state.standing()[0]?.secret ?? "";
  const row = await findTunnel(hub.db, DEVICE);
  expect(Buffer.from(row?.secret ?? []).includes(Buffer.from(secret, "base64"))).toBe(false);
  await hub.link.delivered(DEVICE);
  expect((await findTunnel(hub.db, DEVICE))?.secret).toBeNull();
  expect(await hub.link.credentials(DEVICE)).toBeUndefined();
});

test("asking twice makes nothing twice", async () => {
  await using hub = await testHub();
  await Promise.all([hub.link.create(WISH), hub.link.create(WISH)]);
  await hub.link.create(WISH);
  expect(atProvider(hub.fake)).toHaveLength(2);
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
});

test("a tunnel of that name is adopted with a new secret, and who was connected is cut", async () => {
  await using hub = await testHub();
  const old = Buffer.alloc(32, 1).toString("base64");
  const there = hub.fake.state.addForeignTunnel(NAME, old);
  hub.fake.state.connect(there.id, old);
  await hub.link.create(WISH);
  expect(hub.fake.state.standing()).toHaveLength(1);
  expect(there.secret).not.toBe(old);
  expect(there.connectors).toEqual([]);
  expect(hub.fake.state.connect(there.id, old)).toBe(false);
  expect(secretText(await hub.link.credentials(DEVICE))).toBe(there.secret);
  const order = hub.fake.calls
    .filter((call) => call.includes(there.id))
    .map((call) => call.split(there.id).join("T"));
  expect(order.map((call) => call.replace(/\/accounts\/\w+\/cfd_tunnel/, ""))).toEqual([
    "PATCH /T",
    "GET /T/token",
    "DELETE /T/connections",
  ]);
});

test("a record that isn't ours is refused by name, never touched, and nothing is left behind", async () => {
  await using hub = await testHub();
  const records = [
    { type: "A", name: HOSTNAME, content: "192.0.2.1" },
    { type: "CNAME", name: HOSTNAME, content: "elsewhere.example.net", comment: `Muster ${HUB_ID}` },
    { type: "CNAME", name: HOSTNAME, content: "x.cfargotunnel.com", comment: "muster someone-else" },
  ];
  for (const record of records) {
    const foreign = hub.fake.state.addForeignRecord(record);
    const refused = await rejection(hub.link.create(WISH));
    expect(refused).toMatchObject({ code: "conflict" });
    expect(String(refused)).toContain(`${record.type} ${HOSTNAME}`);
    expect([...hub.fake.state.records.values()]).toEqual([foreign]);
    expect(hub.fake.state.standing()).toEqual([]);
    expect(await hub.link.status(DEVICE)).toMatchObject({ state: "none" });
    hub.fake.state.records.delete(foreign.id);
  }
});

test("a foreign record that appears while the tunnel is made leads to the tunnel's removal", async () => {
  await using hub = await testHub();
  const create = hub.shop.api.createTunnel;
  hub.shop.api.createTunnel = async (tunnel) => {
    const made = await create(tunnel);
    hub.fake.state.addForeignRecord({ type: "A", name: HOSTNAME, content: "192.0.2.1" });
    return made;
  };
  expect(await rejection(hub.link.create(WISH))).toMatchObject({ code: "conflict" });
  expect(hub.fake.state.standing()).toEqual([]);
  expect(hub.fake.state.records.size).toBe(1);
  expect(await hub.link.status(DEVICE)).toMatchObject({ state: "none" });
});

test("other records of the same name that don't collide stay", async () => {
  await using hub = await testHub();
  const text = hub.fake.state.addForeignRecord({ type: "TXT", name: HOSTNAME, content: "v=spf1 -all" });
  await hub.link.create(WISH);
  await hub.link.remove(DEVICE);
  expect([...hub.fake.state.records.values()]).toEqual([text]);
});

test("a removal voids the secret, ends connections, takes the name and then the tunnel", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  const [tunnel] = hub.fake.state.standing();
  if (tunnel === undefined) throw new Error("no tunnel");
  const { secret, id } = tunnel;
  hub.fake.state.connect(id, secret);
  hub.fake.calls.length = 0;
  expect(await hub.link.remove(DEVICE)).toMatchObject({ state: "none", url: null });
  const changes = hub.fake.calls.filter((call) => !call.startsWith("GET"));
  expect(changes.map((call) => call.replace(/\/(?:accounts|zones)\/\w+/, "").replace(id, "T"))).toEqual([
    "PATCH /cfd_tunnel/T",
    "DELETE /cfd_tunnel/T/connections",
    expect.stringMatching(/^DELETE \/dns_records\//),
    "DELETE /cfd_tunnel/T",
  ]);
  expect(tunnel.secret).not.toBe(secret);
  expect(await findTunnel(hub.db, DEVICE)).toBeUndefined();
  expect(await hub.link.remove(DEVICE)).toMatchObject({ state: "none" });
});

test("a tunnel that clings to its connections is asked again, and shown as revoking until it is gone", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  const [tunnel] = hub.fake.state.standing();
  if (tunnel === undefined) throw new Error("no tunnel");
  tunnel.clings = 6;
  expect(await hub.time.until(hub.link.remove(DEVICE))).toMatchObject({ state: "revoking" });
  expect(String((await hub.link.status(DEVICE)).reason)).toContain("still has connections");
  expect(await rejection(hub.link.repair(DEVICE))).toMatchObject({ code: "conflict" });
  expect(await hub.time.until(hub.link.resume(DEVICE))).toMatchObject({ state: "none" });
});

for (const on of ["DELETE /zones", "DELETE /accounts"]) {
  test(`a removal believes the provider's lists, not its word (${on})`, async () => {
    await using hub = await testHub();
    await hub.link.create(WISH);
    // The connections' end comes before the tunnel's.
    hub.fake.fail({ fault: "pretends", on, after: on === "DELETE /accounts" ? 1 : 0 });
    expect(await hub.link.remove(DEVICE)).toMatchObject({
      state: "revoking",
      reason: expect.stringContaining("still shows"),
    });
    expect(await hub.link.resume(DEVICE)).toMatchObject({ state: "none" });
    expect(atProvider(hub.fake)).toEqual([]);
  });
}

test("a tunnel deleted by hand is repaired with a new one, a lost record with a new record", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  await hub.link.delivered(DEVICE);
  const [first] = hub.fake.state.standing();
  if (first === undefined) throw new Error("no tunnel");
  first.deletedAt = "2026-11-20T00:00:00Z";
  expect(await hub.link.repair(DEVICE)).toMatchObject({ state: "ready" });
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
  expect(secretText(await hub.link.credentials(DEVICE))).toBe(hub.fake.state.standing()[0]?.secret ?? "none");
  await hub.link.delivered(DEVICE);
  hub.fake.state.records.clear();
  expect(await hub.link.repair(DEVICE)).toMatchObject({ state: "ready" });
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
  expect(await hub.link.credentials(DEVICE)).toBeUndefined();
});

test("another host name moves the record and keeps the tunnel", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  const [tunnel] = hub.fake.state.standing();
  await hub.link.create({ holder: DEVICE, hostname: "garden.example.com" });
  expect(hub.fake.state.standing()).toEqual(tunnel === undefined ? [] : [tunnel]);
  expect([...hub.fake.state.records.values()].map(({ name }) => name)).toEqual(["garden.example.com"]);
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
});

test("a rotation hands over the new secret and then cuts who used the old", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  const [tunnel] = hub.fake.state.standing();
  if (tunnel === undefined) throw new Error("no tunnel");
  const old = tunnel.secret;
  await hub.link.delivered(DEVICE);
  hub.fake.state.connect(tunnel.id, old);
  let handed: TunnelCredentials | undefined;
  const status = await hub.link.rotate(DEVICE, (credentials) => {
    handed = credentials;
    expect(tunnel.connectors).toHaveLength(1);
    return Promise.resolve();
  });
  expect(status).toMatchObject({ state: "ready" });
  expect(secretText(handed)).toBe(tunnel.secret);
  expect(tunnel.secret).not.toBe(old);
  expect(tunnel.connectors).toEqual([]);
  expect((await findTunnel(hub.db, DEVICE))?.secret).toBeNull();
});

test("the rotation of an offline device waits for it, and one that didn't arrive is done again", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  await hub.link.delivered(DEVICE);
  const [tunnel] = hub.fake.state.standing();
  const old = tunnel?.secret;
  expect(await hub.link.rotate(DEVICE)).toMatchObject({ state: "rotating" });
  expect(tunnel?.secret).toBe(old ?? "");
  const away = hub.link.rotate(DEVICE, () => Promise.reject(new Error("the device is gone")));
  expect(await rejection(away)).toMatchObject({ message: "the device is gone" });
  expect(await hub.link.status(DEVICE)).toMatchObject({ state: "rotating" });
  const { link } = hub.restart();
  let handed: string | undefined;
  await link.rotate(DEVICE, (credentials) => {
    handed = secretText(credentials);
    return Promise.resolve();
  });
  expect(handed).toBe(tunnel?.secret ?? "none");
  expect(await link.status(DEVICE)).toMatchObject({ state: "ready" });
});

test("a device that never says that it took its credentials doesn't hold up its removal", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  const silent = rejection(hub.link.rotate(DEVICE, () => new Promise(() => {})));
  const removal = hub.link.remove(DEVICE);
  expect(await hub.time.until(silent)).toMatchObject({ code: "device_offline" });
  expect(await hub.time.until(removal)).toMatchObject({ state: "none" });
  expect(atProvider(hub.fake)).toEqual([]);
});

test("a set-up's tunnel becomes its device's, and its secret opens there", async () => {
  await using hub = await testHub();
  await hub.link.create({ holder: "setup-0123456789", hostname: HOSTNAME });
  expect(await hub.link.give("setup-0123456789", DEVICE)).toBe(true);
  expect(await hub.link.give("setup-0123456789", DEVICE)).toBe(false);
  expect(secretText(await hub.link.credentials(DEVICE))).toBe(hub.fake.state.standing()[0]?.secret ?? "none");
  expect(await hub.link.remove(DEVICE)).toMatchObject({ state: "none" });
  expect(atProvider(hub.fake)).toEqual([]);
});

test("a host name that is another device's, or none, is refused before the provider hears of it", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  hub.fake.calls.length = 0;
  const other = { holder: "zzzzzzz-hijklmn-opqrstu-vwxyz23", hostname: HOSTNAME };
  expect(await rejection(hub.link.create(other))).toMatchObject({ code: "conflict" });
  for (const hostname of ["", "pi", "PI.example.com", "pi.example.com\r\nx: y", "a..b", "-a.example.com"]) {
    expect(await rejection(hub.link.create({ ...other, hostname }))).toMatchObject({ code: "invalid" });
  }
  expect(hub.fake.calls).toEqual([]);
});

test("a link that is still being removed is not made anew beside it", async () => {
  await using hub = await testHub();
  await hub.link.create(WISH);
  hub.fake.fail({ fault: "server_error", on: "DELETE", times: 99 });
  await hub.link.remove(DEVICE);
  const other = { holder: "zzzzzzz-hijklmn-opqrstu-vwxyz23", hostname: HOSTNAME };
  expect(await rejection(hub.link.create(other))).toMatchObject({ code: "conflict" });
  expect(await rejection(hub.link.create(WISH))).toMatchObject({ code: "conflict" });
  hub.fake.heal();
  expect(await hub.link.create(WISH)).toMatchObject({ state: "ready" });
  expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
});

test("whatever changes something at the provider is in the journal before it is asked for", async () => {
  await using hub = await testHub();
  const { fetch } = hub.fake;
  const unwritten: string[] = [];
  let changes = 0;
  const watched = async (url: string, init?: RequestInit): Promise<Response> => {
    const open = (await listTunnelSteps(hub.db, DEVICE)).filter(({ done_at: done }) => done === null);
    if (init?.method !== "GET") {
      changes += 1;
      if (open.length === 0) unwritten.push(`${init?.method} ${url}`);
    }
    return fetch(url, init);
  };
  Object.assign(hub.fake, { fetch: watched });
  hub.fake.state.addForeignTunnel(NAME, "");
  await hub.link.create(WISH);
  await hub.link.create({ holder: DEVICE, hostname: "garden.example.com" });
  await hub.link.rotate(DEVICE, () => Promise.resolve());
  hub.fake.state.records.clear();
  for (const tunnel of hub.fake.state.standing()) tunnel.deletedAt = "2026-11-20T00:00:00Z";
  await hub.link.repair(DEVICE);
  await hub.link.remove(DEVICE);
  expect(unwritten).toEqual([]);
  expect(changes).toBeGreaterThan(12);
});

test("a token without the right is refused with the right it needs, and never shown", async () => {
  await using hub = await testHub();
  Object.assign(hub.fake, { token: "another-token" });
  const refused = await rejection(hub.link.create(WISH));
  expect(refused).toMatchObject({ code: "provider_refused", hint: expect.stringContaining("DNS: Edit") });
  expect(Bun.inspect(refused)).not.toContain("fake-cloudflare-token");
  expect(Bun.inspect(hub.shop)).not.toContain("fake-cloudflare-token");
});

function lost(hub: TestHub): Promise<unknown> {
  return rejection(hub.link.create(WISH));
}

for (const fault of ["lost", "dropped", "server_error", "html", "cut"] as const) {
  for (const on of ["POST", "/cfd_tunnel", "/dns_records"]) {
    test(`an answer that is ${fault} at ${on} is found out about, and the next run finishes`, async () => {
      await using hub = await testHub();
      hub.fake.fail({ fault, on });
      expect(await lost(hub)).toMatchObject({ code: "provider_unreachable" });
      await hub.time.advance(120_000);
      const { link } = hub.restart();
      expect(await link.create(WISH)).toMatchObject({ state: "ready" });
      expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
      expect(secretText(await link.credentials(DEVICE))).toBe(hub.fake.state.standing()[0]?.secret ?? "none");
    });
  }
}

test("a call that is never answered ends by itself, and a removal waits until it can't come to pass any more", async () => {
  await using hub = await testHub();
  hub.fake.fail({ fault: "hangs", on: "POST" });
  const outcome = hub.time.until(lost(hub));
  expect(await outcome).toMatchObject({ code: "provider_unreachable" });
  expect(await hub.link.remove(DEVICE)).toMatchObject({ state: "revoking" });
  await hub.time.advance(60_000);
  expect(await hub.link.resume(DEVICE)).toMatchObject({ state: "none" });
  expect(atProvider(hub.fake)).toEqual([]);
});
