// The program is killed at every single step towards the disk or the provider. Each time nothing may be at the
// provider that no row speaks of, and the next run must come to a clean end, whichever way it goes.

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { MusterError } from "../../protocol/errors.ts";
import { listNamedHosts } from "../../store/named-hosts.ts";
import { listTunnels } from "../../store/tunnel-rows.ts";
import type { Fault } from "../../../test/fakes/cloudflare/cloudflare.ts";
import {
  atProvider,
  DEVICE,
  Fuse,
  HOSTNAME,
  journalLength,
  Killed,
  recorded,
  secretText,
  type TestHub,
  testHub,
  unrecorded,
} from "../testing.ts";
import { LOOK_AGAIN_MS, type NamedHosts, type WantedHost } from "./hosts.ts";
import type { NamedLink } from "./named.ts";

const WISH = { holder: DEVICE, hostname: HOSTNAME };
/** Longer than any back-off, and than a lost call may come to pass. */
const LONG_MS = 11 * 60_000;

interface Scene {
  prepare?(hub: TestHub): Promise<void>;
  act(link: NamedLink, hosts: NamedHosts): Promise<unknown>;
}

const SCENES: Record<string, Scene> = {
  create: { act: (link) => link.create(WISH) },
  adopt: {
    prepare: async (hub) => {
      hub.fake.state.addForeignTunnel("muster-hubhubhu-abcdefgh", Buffer.alloc(32, 1).toString("base64"));
    },
    act: (link) => link.create(WISH),
  },
  move: {
    prepare: async (hub) => void (await hub.link.create(WISH)),
    act: (link) => link.create({ holder: DEVICE, hostname: "garden.example.com" }),
  },
  repair: {
    prepare: async (hub) => {
      await hub.link.create(WISH);
      for (const tunnel of hub.fake.state.standing()) tunnel.deletedAt = "2026-11-20T00:00:00Z";
    },
    act: (link) => link.repair(DEVICE),
  },
  rotate: {
    prepare: async (hub) => {
      await hub.link.create(WISH);
      await hub.link.delivered(DEVICE);
    },
    act: (link) => link.rotate(DEVICE, () => Promise.resolve()),
  },
  remove: {
    prepare: async (hub) => void (await hub.link.create(WISH)),
    act: (link) => link.remove(DEVICE),
  },
};

/** Runs the scene with a kill at step n, n = 1, 2, … until it gets through; `after` sees the state each time. */
async function killEverywhere(
  { prepare, act }: Scene,
  after: (hub: TestHub) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at++) {
    await using hub = await testHub();
    await prepare?.(hub);
    const adoptable = prepare !== undefined && (await listTunnels(hub.db)).length === 0;
    const fuse = new Fuse(at);
    const { link, hosts } = hub.restart(fuse);
    await hub.time.until(act(link, hosts).catch(ignoreKillOrRefusal));
    if (!adoptable || (await listTunnels(hub.db)).length > 0) expect(await unrecorded(hub)).toEqual([]);
    await hub.time.advance(LONG_MS);
    await after(hub);
    if (!fuse.blown) return at;
    if (at > 200) throw new Error("the scene never ends");
  }
}

for (const [name, scene] of Object.entries(SCENES)) {
  test(`killed at any step of "${name}", the link is made whole by the next run`, async () => {
    const steps = await killEverywhere(scene, async (hub) => {
      const { link } = hub.restart();
      await settle(hub, link);
      expect(await hub.time.until(link.create(WISH))).toMatchObject({ state: "ready" });
      expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
      expect(await listTunnels(hub.db)).toHaveLength(1);
      expect(await journalLength(hub.db)).toBe(0);
      const held = secretText(await link.credentials(DEVICE));
      if (held !== undefined) expect(held).toBe(hub.fake.state.standing()[0]?.secret ?? "none");
    });
    expect(steps).toBeGreaterThan(8);
  });

  test(`killed at any step of "${name}", the link is removed whole by the next run`, async () => {
    await killEverywhere(scene, async (hub) => {
      const { link } = hub.restart();
      // Before its row there is nothing to remove but what stood there already.
      const known = (await listTunnels(hub.db)).length > 0;
      expect(await hub.time.until(link.remove(DEVICE))).toMatchObject({ state: "none" });
      if (known || name !== "adopt") expect(atProvider(hub.fake)).toEqual([]);
      expect(await listTunnels(hub.db)).toEqual([]);
    });
  });
}

const SHOP: WantedHost = { hostname: "shop.example.com", shareId: "shop", holder: DEVICE };
const BLOG: WantedHost = { ...SHOP, hostname: "blog.example.com", shareId: "blog" };

/** Each with what is wanted from then on. */
const SHARE_SCENES: Record<string, Scene & { wanted: readonly WantedHost[] }> = {
  "a first share": {
    prepare: async (hub) => void (await hub.link.create(WISH)),
    act: (_link, hosts) => hosts.place(SHOP),
    wanted: [SHOP],
  },
  "a share that goes": {
    prepare: async (hub) => {
      await hub.link.create(WISH);
      await hub.hosts.settle([SHOP, BLOG]);
    },
    act: (_link, hosts) => hosts.settle([BLOG]),
    wanted: [BLOG],
  },
  "a share by the device's former name": {
    prepare: async (hub) => void (await hub.link.create({ holder: DEVICE, hostname: "shop.example.com" })),
    act: async (link, hosts) => {
      await link.create(WISH);
      await hosts.place(SHOP);
    },
    wanted: [SHOP],
  },
  "a device by a former share's name": {
    prepare: async (hub) => {
      await hub.link.create({ holder: DEVICE, hostname: "blog.example.com" });
      await hub.hosts.settle([{ ...SHOP, hostname: HOSTNAME }]);
    },
    act: async (link, hosts) => {
      await link.create(WISH);
      await hosts.settle([BLOG]);
    },
    wanted: [BLOG],
  },
};

for (const [name, { wanted, ...scene }] of Object.entries(SHARE_SCENES)) {
  test(`killed at any step of "${name}", what is wanted stands after the next run, and nothing else`, async () => {
    const steps = await killEverywhere(scene, async (hub) => {
      const { link, hosts } = hub.restart();
      await hub.time.until(link.create(WISH));
      await settle(hub, link);
      await settleHosts(hub, hosts, wanted);
      expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
      expect((await listNamedHosts(hub.db)).map(({ hostname }) => hostname)).toEqual(
        wanted.map(({ hostname }) => hostname),
      );
      await settleHosts(hub, hosts, []);
      expect(await hub.time.until(link.remove(DEVICE))).toMatchObject({ state: "none" });
      expect(atProvider(hub.fake)).toEqual([]);
    });
    expect(steps).toBeGreaterThan(8);
  });
}

/** What a hub does on its own, until nothing is open. */
async function settleHosts(hub: TestHub, hosts: NamedHosts, wanted: readonly WantedHost[]): Promise<void> {
  for (let round = 0; round < 12; round++) {
    await hub.time.until(hosts.settle(wanted));
    const rows = await listNamedHosts(hub.db);
    if (rows.length <= wanted.length && rows.every(({ state }) => state === "ready")) return;
    await hub.time.advance(LONG_MS);
  }
  throw new Error(`unsettled: ${JSON.stringify(await listNamedHosts(hub.db))}`);
}

/** What a hub does on its own and when a device comes back, until nothing is open. */
async function settle(hub: TestHub, link: NamedLink, device: Map<string, string> = new Map()): Promise<void> {
  for (let round = 0; round < 12; round++) {
    const open = (await listTunnels(hub.db)).filter(({ state }) => state !== "ready");
    if (open.length === 0) return;
    for (const { holder, state } of open) {
      const work =
        state === "rotating"
          ? link.rotate(holder, (credentials) => {
              device.set(holder, secretText(credentials) ?? "");
              return Promise.resolve();
            })
          : link.resume(holder);
      await hub.time.until(work.catch(ignoreRefusal));
    }
    await hub.time.advance(LONG_MS);
  }
  throw new Error(`unsettled: ${JSON.stringify(await listTunnels(hub.db))}`);
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof MusterError)) throw error;
}

const HOLDERS = [DEVICE, "bcdefgh-ijklmno-pqrstuv-wxyz234"];
const FAULTS: Fault[] = [
  "lost",
  "dropped",
  "server_error",
  "rate_limited",
  "html",
  "cut",
  "hangs",
  "pretends",
];

const action = fc.record({
  holder: fc.constantFrom(...HOLDERS),
  verb: fc.constantFrom(
    "create",
    "move",
    "repair",
    "rotate",
    "remove",
    "resume",
    "deleteTunnel",
    "deleteRecord",
    "cling",
    "share",
    "unshare",
  ),
  fault: fc.option(
    fc.record({ fault: fc.constantFrom(...FAULTS), after: fc.nat(8), times: fc.integer({ min: 1, max: 3 }) }),
  ),
  killAt: fc.option(fc.integer({ min: 1, max: 30 })),
});

test("after any faults and kills, what is at the provider is what the record says", async () => {
  const property = fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 8 }), async (actions) => {
    await using hub = await testHub();
    const device = new Map<string, string>();
    const wanted = new Map<string, WantedHost>();
    for (const { holder, verb, fault, killAt } of actions) {
      // A provider that only pretends to set a secret can't be found out by anybody but the device.
      if (fault !== null) hub.fake.fail(fault.fault === "pretends" ? { ...fault, on: "DELETE" } : fault);
      const { link, hosts } = hub.restart(new Fuse(killAt ?? Number.POSITIVE_INFINITY));
      if (verb === "share") wanted.set(holder, shareOf(holder));
      if (verb === "unshare") wanted.delete(holder);
      await hub.time.until(act({ hub, link, hosts, holder, verb, device }).catch(ignoreKillOrRefusal));
      await hub.time.until(hosts.settle([...wanted.values()]).catch(ignoreKillOrRefusal));
      expect(await unrecorded(hub)).toEqual([]);
      await hub.time.advance(1_000);
    }
    hub.fake.heal();
    const { link, hosts } = hub.restart();
    await settle(hub, link, device);
    for (const { holder } of await listTunnels(hub.db)) await hub.time.until(link.repair(holder));
    // What somebody deleted at the provider is missed at the next look.
    await hub.time.advance(LOOK_AGAIN_MS);
    await settleHosts(hub, hosts, [...wanted.values()]);
    expect(atProvider(hub.fake)).toEqual(await recorded(hub.db));
    expect(await journalLength(hub.db)).toBe(0);
    for (const { holder, tunnel_id: id } of await listTunnels(hub.db)) {
      const secret = hub.fake.state.tunnels.get(id ?? "")?.secret;
      const known = secretText(await link.credentials(holder)) ?? device.get(holder);
      expect(known).toBe(secret ?? "none");
    }
    for (const { holder } of await listTunnels(hub.db)) await hub.time.until(link.remove(holder));
    await settleHosts(hub, hosts, [...wanted.values()]);
    expect(await listNamedHosts(hub.db)).toEqual([]);
    expect(atProvider(hub.fake)).toEqual([]);
  });
  await fc.assert(property, { seed: 20261120, numRuns: 250 });
});

function ignoreKillOrRefusal(error: unknown): void {
  if (!(error instanceof Killed)) ignoreRefusal(error);
}

interface Act {
  hub: TestHub;
  link: NamedLink;
  hosts: NamedHosts;
  holder: string;
  verb: string;
  device: Map<string, string>;
}

/** Under the very name that the device has before it moves. */
function shareOf(holder: string): WantedHost {
  return { hostname: `${holder.slice(0, 3)}.example.com`, shareId: `of ${holder}`, holder };
}

async function act({ hub, link, hosts, holder, verb, device }: Act): Promise<void> {
  const hostname = `${holder.slice(0, 3)}.example.com`;
  const name = holder.replaceAll("-", "").slice(0, 8);
  switch (verb) {
    case "create":
      await link.create({ holder, hostname });
      return;
    case "move":
      await link.create({ holder, hostname: `moved-${hostname}` });
      return;
    case "rotate":
      await link.rotate(holder, (credentials) => {
        device.set(holder, secretText(credentials) ?? "");
        return Promise.resolve();
      });
      return;
    case "deleteTunnel":
      for (const tunnel of hub.fake.state.standing()) {
        if (tunnel.name.endsWith(name)) tunnel.deletedAt = "2026-11-20T00:00:00Z";
      }
      return;
    case "deleteRecord":
      for (const [id, record] of hub.fake.state.records)
        if (record.name === hostname) hub.fake.state.records.delete(id);
      return;
    case "cling":
      for (const tunnel of hub.fake.state.standing()) tunnel.clings = 3;
      return;
    case "share":
      await hosts.place(shareOf(holder));
      return;
    case "unshare":
      return;
    case "repair":
      await link.repair(holder);
      return;
    case "remove":
      await link.remove(holder);
      return;
    default:
      await link.resume(holder);
  }
}
