// Only those are told of a change who see it, and whoever watches sees in the end what a picture made anew would show.
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { fromUtf8 } from "../protocol/bytes.ts";
import type { FleetView } from "../protocol/views.ts";
import { addDevice, type DeviceRow } from "../store/devices.ts";
import { hubStore, newDevice, NOW, OTHER_ROOT, ROOT } from "../store/testing.ts";
import { FakeTime } from "../trunk/testing.ts";
import { DeviceBook } from "./device-book.ts";
import { Offers } from "./devices/offers.ts";
import { Fleet } from "./fleet.ts";
import { Directory } from "./sessions/directory.ts";
import type { Session } from "./sessions/session.ts";
import { ShareTable } from "./shares/share-table.ts";

const OWNERS = [ROOT, OTHER_ROOT];
const DEVICES = 4;
/** Longer than changes are gathered for. */
const QUIET_MS = 5_000;

interface Watcher extends Session {
  pictures: number;
  shown: FleetView | undefined;
}

/** The parts of a session that a fleet and a directory look at. */
function watcher(deviceId: string, ownerRoots: readonly string[]): Watcher {
  const session = {
    facts: { kind: "attach", deviceId },
    actor: { kind: "person", userId: "u", key: deviceId, ownerRoots, controller: "none" },
    watchesFleet: true,
    hears: true,
    pictures: 0,
    shown: undefined as FleetView | undefined,
    tellEncoded(bytes: Uint8Array) {
      session.pictures += 1;
      session.shown = (JSON.parse(fromUtf8(bytes) ?? "") as { fleet: FleetView }).fleet;
    },
  };
  return session as unknown as Watcher;
}

function deviceSession(deviceId: string): Session {
  const facts = { kind: "register", deviceId, sinceMs: NOW };
  return { facts, trunk: {}, close() {} } as unknown as Session; // the same of a device's
}

/** Two owners with two devices each, the books of a hub over them, and who watches: each owner, and one of both. */
async function hub() {
  const { db, close } = await hubStore({ path: ":memory:" });
  const time = new FakeTime();
  const changed = (deviceId: string): void => fleet.changed(deviceId);
  const now = (): number => NOW;
  /** With whom the owner of a device shares it. */
  const shared = new Set<string>();
  // Only who else owns a device is asked of the logs, and of that `devices` knows.
  const book = new DeviceBook({ db, now, changed, ownerLogs: { get: () => undefined } as never });
  const devices = {
    commandedBy: (roots: readonly string[]): DeviceRow[] => [
      ...book.ofOwners(roots),
      ...book.ofOwners(OWNERS).filter((row) => roots.some((root) => shared.has(`${row.device_id} ${root}`))),
    ],
  };
  const moved = ({ facts }: Session): void => fleet.changed(facts.deviceId);
  const directory = new Directory(time, { joined: moved, left: moved });
  const offers = new Offers({ db, changed });
  const sealer = {
    seal: (_: unknown, bytes: Uint8Array) => bytes,
    open: (_: unknown, bytes: Uint8Array) => bytes,
  };
  const shares = new ShareTable({ db, now, changed, sealer });
  const parts = {
    timers: time,
    addresses: {
      hubUrl: "https://hub.example",
      deviceHost: () => "",
      shareUrl: (label: string) => label,
      serviceUrl: () => undefined,
    },
    devices,
    shares,
    directory,
    offers,
    ownerLogs: { get: () => undefined },
    now,
    hub: { id: "hub", version: "0.1.0" },
  };
  const fleet: Fleet = new Fleet(parts as unknown as ConstructorParameters<typeof Fleet>[0]); // what it looks at
  const rows: DeviceRow[] = [];
  for (let at = 0; at < DEVICES; at += 1) {
    const added = await addDevice(db, newDevice(`d${at}`, { ownerRoot: OWNERS[at % 2] ?? ROOT }), NOW);
    if (added.outcome === "refused") throw new Error("a new device is not refused");
    book.keep(added.device);
    rows.push(added.device);
  }
  const watchers = [...OWNERS.map((root) => [root]), OWNERS].map((roots, at) => watcher(`w${at}`, roots));
  for (const one of watchers) directory.add(one);
  const settle = (): void => time.advance(QUIET_MS);
  settle();
  return { fleet, book, directory, offers, shares, shared, rows, watchers, settle, close };
}

const step = fc.record({
  do: fc.constantFrom("join", "leave", "offer", "state", "publish", "stop", "end", "keep", "share", "deaf"),
  device: fc.nat(DEVICES - 1),
  with: fc.nat(2),
  waits: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

async function take(at: Awaited<ReturnType<typeof hub>>, { do: what, device, with: other }: Step) {
  const { book, directory, fleet, offers, shares, shared } = at;
  const row = at.rows[device];
  const reader = at.watchers[other];
  if (row === undefined || reader === undefined) throw new Error("there are as many");
  const id = row.device_id;
  const here = directory.device(id);
  const service = { name: "web", service_type: "http", local_port: 3000 + other } as const;
  switch (what) {
    case "join":
      return directory.add(deviceSession(id));
    case "leave":
      return here === undefined ? undefined : directory.remove(here);
    case "offer":
      return offers.handle(id, { type: "service_register", id: "1", services: other === 0 ? [] : [service] });
    case "state": {
      const state = other === 0 ? "up" : "down";
      return offers.heard(id, { type: "service_state", name: "web", state, checked_at: null, reason: null });
    }
    case "publish":
      return shares.publish(row, {
        type: "share_publish",
        id: "1",
        share_id: `share-${device}`,
        wish: `blog-${device}`,
        kind: "page",
        access: "public",
        description: null,
        proof_key: "A".repeat(43),
        created_at: new Date(NOW).toISOString(),
        expires_at: null,
        state: "running",
      });
    case "stop":
      return shares.setState(`share-${device}`, other === 0 ? "running" : "stopped");
    case "end":
      return shares.remove(id, `share-${device}`);
    case "keep":
      return book.keep({ ...row, location: `room ${other}` });
    case "share": {
      const name = `${id} ${OWNERS[(device + 1) % 2] ?? ""}`;
      if (!shared.delete(name)) shared.add(name);
      // As the growth of a log does.
      return fleet.changed();
    }
    case "deaf":
      return Object.assign(reader, { hears: !reader.hears });
  }
}

test("whatever changes, each watcher has at last seen the picture that would be made anew", async () => {
  const run = async (steps: Step[]): Promise<void> => {
    const at = await hub();
    const expectAllSeen = (): void => {
      at.settle();
      for (const { shown, actor, hears } of at.watchers) {
        const roots = actor.kind === "person" ? actor.ownerRoots : [];
        if (hears) expect(shown).toEqual(at.fleet.viewOf(roots));
      }
    };
    for (const one of steps) {
      await take(at, one);
      if (one.waits) expectAllSeen();
    }
    for (const one of at.watchers) Object.assign(one, { hears: true });
    expectAllSeen();
    await at.close();
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 60 }), run), {
    seed: 11,
    numRuns: 30,
  });
});

test("a change of a device draws a picture for those who see it, and for nobody else", async () => {
  const { book, rows, watchers, shared, fleet, settle, close } = await hub();
  const [own] = rows;
  if (own === undefined) throw new Error("there is one");
  const drawn = (): number[] => watchers.map(({ pictures }) => pictures);
  const counted = (change: () => void): number[] => {
    const before = drawn();
    change();
    settle();
    return drawn().map((pictures, at) => pictures - (before[at] ?? 0));
  };
  expect(counted(() => book.keep({ ...own, location: "attic" }))).toEqual([1, 0, 1]);
  shared.add(`${own.device_id} ${OTHER_ROOT}`);
  expect(counted(() => fleet.changed())).toEqual([1, 1, 1]);
  expect(counted(() => book.keep({ ...own, location: "cellar" }))).toEqual([1, 1, 1]);
  await close();
});

test("whoever comes to see another fleet by time alone is told at the next change of any", async () => {
  const { book, rows, watchers, settle, close } = await hub();
  const [own] = rows;
  const other = watchers[1];
  if (own === undefined || other === undefined) throw new Error("there are such");
  Object.assign(other, { actor: { ...other.actor, ownerRoots: [] } });
  book.keep({ ...own, location: "attic" });
  settle();
  expect(other.shown?.devices).toEqual([]);
  await close();
});
