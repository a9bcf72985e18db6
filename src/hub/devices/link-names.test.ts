import { expect, test } from "bun:test";
import { SILENT_LOG } from "../../protocol/log.ts";
import { listNamedHosts } from "../../store/named-hosts.ts";
import type { DeviceRow } from "../../store/devices.ts";
import { DEVICE, Fuse, Killed, testHub, type TestHub } from "../../tunnels/testing.ts";
import type { ShareRecord } from "../shares/share-table.ts";
import { LinkNames, type LinkNamesParts } from "./link-names.ts";

interface Scene {
  hub: TestHub;
  device: { name: string; revoked_at: number | null };
  shares: Pick<ShareRecord, "shareId" | "deviceId" | "label" | "link">[];
  names(options?: { fuse?: Fuse; shareDomain?: string; port?: string; configured?: boolean }): LinkNames;
  /** At the provider. */
  records(): string[];
  /** The shares that were last said to be led to a tunnel. */
  led(): string[];
}

function sceneOf(hub: TestHub): Scene {
  const device: Scene["device"] = { name: "pi", revoked_at: null };
  const shares: Scene["shares"] = [];
  let led: string[] = [];
  return {
    hub,
    device,
    shares,
    names({ fuse, shareDomain = "example.com", port = "", configured = true } = {}) {
      const { link, hosts } = hub.restart(fuse);
      const parts: LinkNamesParts = {
        db: hub.db,
        named: { link, hosts, configured, tend: () => () => {} },
        // Of a device and of a share only these are looked at.
        devices: { byId: (id) => (id === DEVICE ? (device as DeviceRow) : undefined) },
        shares: { all: () => shares as ShareRecord[], setByTunnel: (ids) => void (led = [...ids].sort()) },
        timers: hub.time.timers,
        log: SILENT_LOG,
        now: () => hub.time.clock.now(),
        hostnameOf: (label) => `${label}.example.com`,
        shareUrl: (label) => `https://${label}.${shareDomain}${port}/`,
      };
      return new LinkNames(parts);
    },
    led: () => led,
    records: () => [...hub.fake.state.records.values()].map(({ name }) => name).sort(),
  };
}

function share(label: string, link: ShareRecord["link"] = "named"): ShareRecord {
  return { shareId: `of ${label}`, deviceId: DEVICE, label, link } as ShareRecord; // as above
}

async function looked(hub: TestHub, names: LinkNames): Promise<void> {
  names.look();
  await hub.time.advance(20_000);
}

test("a renamed device takes its link along, and its shares keep theirs", async () => {
  await using hub = await testHub();
  const scene = sceneOf(hub);
  await hub.link.create({ holder: DEVICE, hostname: "pi.example.com" });
  scene.shares.push(share("shop"), share("plain", "hub"));
  const names = scene.names();
  await looked(hub, names);
  expect(scene.records()).toEqual(["pi.example.com", "shop.example.com"]);
  expect(scene.led()).toEqual(["of shop"]);
  scene.device.name = "garden";
  await looked(hub, names);
  expect(scene.records()).toEqual(["garden.example.com", "shop.example.com"]);
  const calls = hub.fake.calls.length;
  await looked(hub, names);
  expect(hub.fake.calls.length).toBe(calls);
  await hub.time.until(hub.link.remove(DEVICE));
  await looked(hub, names);
  expect(scene.led()).toEqual([]);
});

test("killed at any step of a rename, the next run brings the link to the device's name", async () => {
  for (let at = 1; ; at++) {
    await using hub = await testHub();
    const scene = sceneOf(hub);
    await hub.link.create({ holder: DEVICE, hostname: "pi.example.com" });
    scene.shares.push(share("shop"));
    scene.device.name = "garden";
    // The new name is in the hub's tables before anybody is asked, and its old one is a share's by now.
    scene.shares.push(share("pi"));
    const fuse = new Fuse(at);
    await looked(hub, scene.names({ fuse })).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
    const names = scene.names();
    for (let round = 0; round < 4; round++) {
      // What a hub does besides: it finishes what was begun.
      await hub.time.until(hub.link.resume(DEVICE));
      await looked(hub, names);
      await hub.time.advance(11 * 60_000);
    }
    expect(scene.records()).toEqual(["garden.example.com", "pi.example.com", "shop.example.com"]);
    expect((await listNamedHosts(hub.db)).map(({ state }) => state)).toEqual(["ready", "ready"]);
    if (!fuse.blown) break;
    expect(at).toBeLessThan(200);
  }
});

test("a name that is in the way leaves the link where it is, and is not asked about all the time", async () => {
  await using hub = await testHub();
  const scene = sceneOf(hub);
  await hub.link.create({ holder: DEVICE, hostname: "pi.example.com" });
  hub.fake.state.addForeignRecord({ type: "A", name: "garden.example.com", content: "203.0.113.7" });
  scene.device.name = "garden";
  const names = scene.names();
  names.look();
  await hub.time.advance(1_000);
  expect(await hub.link.status(DEVICE)).toMatchObject({
    url: "https://pi.example.com",
    reason: expect.stringContaining("A garden.example.com"),
  });
  const calls = hub.fake.calls.length;
  names.look();
  await hub.time.advance(1_000);
  expect(hub.fake.calls.length).toBe(calls);
});

test("a share is placed where its address is one that Cloudflare can answer at", async () => {
  await using hub = await testHub();
  const scene = sceneOf(hub);
  await hub.link.create({ holder: DEVICE, hostname: "pi.example.com" });
  for (const options of [{ shareDomain: "example.page" }, { port: ":8443" }]) {
    expect(await scene.names(options).place(share("shop")).catch(String)).toContain("https://NAME.DOMAIN");
  }
  scene.shares.push(share("shop"));
  await hub.time.until(scene.names().place(share("shop")));
  await hub.time.advance(1_000);
  expect(scene.records()).toContain("shop.example.com");
  expect(scene.led()).toEqual(["of shop"]);
});

test("a hub without settings says what is missing, and not that it is away", async () => {
  await using hub = await testHub();
  const names = sceneOf(hub).names({ configured: false });
  expect(await names.place(share("shop")).catch((error: unknown) => error)).toMatchObject({
    code: "conflict",
    message: "this hub has no named links: Cloudflare Tunnel is not configured",
    hint: expect.stringContaining("CLOUDFLARE_ZONE_ID"),
  });
});

test("a provider that does not answer holds up no share", async () => {
  await using hub = await testHub();
  const scene = sceneOf(hub);
  await hub.link.create({ holder: DEVICE, hostname: "pi.example.com" });
  for (const fault of ["hangs", "dropped"] as const) {
    hub.fake.fail({ fault, times: 100 });
    await hub.time.until(scene.names().place(share(fault)));
    hub.fake.heal();
  }
});
