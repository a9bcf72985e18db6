import { expect, test } from "bun:test";
import { fromUtf8 } from "../protocol/bytes.ts";
import { PROVEN_MESSAGE_MAX_BYTES } from "../protocol/limits.ts";
import type { FleetView } from "../protocol/views.ts";
import { Addresses } from "./addresses.ts";
import { Fleet } from "./fleet.ts";
import type { Session } from "./sessions/session.ts";

/** What of a session a fleet looks at. */
function watcher(ownerRoot: string): Session & { heard: Uint8Array[] } {
  const heard: Uint8Array[] = [];
  const actor = { kind: "person", userId: "u", key: "k", ownerRoots: [ownerRoot], controller: "none" };
  const session = {
    actor,
    heard,
    hears: true,
    watchesFleet: true,
    tellEncoded: (it: Uint8Array) => heard.push(it),
  };
  return session as unknown as Session & { heard: Uint8Array[] }; // the rest is never touched here
}

function fleetOf(sessions: Session[]) {
  const waits: { afterMs: number; tell(): void }[] = [];
  let pictures = 0;
  const parts = {
    timers: {
      after: (afterMs: number, tell: () => void) => (waits.push({ afterMs, tell }), { cancel() {} }),
    },
    addresses: { hubUrl: "https://hub.example" },
    devices: { commandedBy: () => ((pictures += 1), []) },
    shares: { ofDevice: () => [] },
    directory: { all: () => sessions },
    ownerLogs: {},
    now: () => 0,
    hub: { id: "hub", version: "0.1.0" },
  };
  const fleet = new Fleet(parts as unknown as ConstructorParameters<typeof Fleet>[0]);
  return {
    fleet,
    pictures: () => pictures,
    /** The wait that is under way ends; how long it was. */
    pass(): number | undefined {
      const wait = waits.shift();
      wait?.tell();
      return wait?.afterMs;
    },
  };
}

test("one picture is made for all who see the same, and they get the same bytes", () => {
  const [first, second, other] = [watcher("mine"), watcher("mine"), watcher("theirs")];
  const { fleet, pass, pictures } = fleetOf([first, second, other]);
  fleet.changed();
  pass();
  expect(pictures()).toBe(2);
  expect(first.heard).toHaveLength(1);
  expect(second.heard[0]).toBe(first.heard[0] ?? new Uint8Array(0));
  expect(JSON.parse(fromUtf8(other.heard[0] ?? new Uint8Array(0)) ?? "")).toMatchObject({ type: "fleet" });
});

test("changes that go on are gathered for longer, up to a second, and a quiet time ends that", () => {
  const one = watcher("mine");
  const { fleet, pass } = fleetOf([one]);
  const waits: (number | undefined)[] = [];
  for (let round = 0; round < 6; round += 1) {
    fleet.changed();
    waits.push(pass());
  }
  expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
  expect(one.heard).toHaveLength(6);
  expect([pass(), pass()]).toEqual([1000, undefined]);
  fleet.changed();
  expect(pass()).toBe(100);
});

test("no picture is made for who does not read, and none for who does not watch", () => {
  const [deaf, blind] = [watcher("mine"), watcher("mine")];
  const { fleet, pass, pictures } = fleetOf([
    Object.assign(deaf, { hears: false }),
    Object.assign(blind, { watchesFleet: false }),
  ]);
  fleet.changed();
  pass();
  expect(pictures()).toBe(0);
});

test("who did not read when the last picture was made is told once it does, and others not again", () => {
  const [slow, quick] = [watcher("mine"), watcher("mine")];
  Object.assign(slow, { hears: false });
  const { fleet, pass } = fleetOf([slow, quick]);
  fleet.changed();
  expect(pass()).toBe(100);
  expect([slow.heard.length, quick.heard.length]).toEqual([0, 1]);
  expect(pass()).toBe(200);
  Object.assign(slow, { hears: true });
  expect(pass()).toBe(400);
  expect([slow.heard.length, quick.heard.length]).toEqual([1, 1]);
  expect([pass(), pass()]).toEqual([800, undefined]);
});

test("who leaves before it reads is waited for no longer", () => {
  const slow = Object.assign(watcher("mine"), { hears: false });
  const sessions: Session[] = [slow];
  const { fleet, pass } = fleetOf(sessions);
  fleet.changed();
  pass();
  sessions.pop();
  expect([pass(), pass(), pass()]).toEqual([200, 400, undefined]);
});

test("a device is pending, offline, and after thirty days away stale, until it is back", () => {
  const DAY = 86_400_000;
  const row = {
    device_id: "d",
    name: "attic",
    kind: "desktop",
    public_key: new Uint8Array(32),
    confirmed: 1,
  };
  const statusOf = (state: { lastSeen: number | null; online?: boolean; revoked?: number }): string => {
    const { lastSeen, online = false, revoked = null } = state;
    const session = online ? { facts: { sinceMs: 0 }, trunk: {}, health: null } : undefined;
    const parts = {
      addresses: { hubUrl: "https://hub.example", deviceHost: () => "" },
      devices: { commandedBy: () => [{ ...row, last_seen: lastSeen, revoked_at: revoked }] },
      shares: { ofDevice: () => [] },
      directory: { device: () => session },
      offers: { of: () => ({ capabilities: [], queries: [] }), services: () => [] },
      ownerLogs: { get: () => undefined },
      now: () => 100 * DAY,
      hub: { id: "hub", version: "0.1.0" },
    };
    const fleet = new Fleet(parts as unknown as ConstructorParameters<typeof Fleet>[0]); // what it looks at
    return fleet.viewOf(["root"]).devices[0]?.status ?? "";
  };
  expect(statusOf({ lastSeen: null })).toBe("pending");
  expect(statusOf({ lastSeen: 70 * DAY + 1 })).toBe("offline");
  expect(statusOf({ lastSeen: 70 * DAY })).toBe("stale");
  expect(statusOf({ lastSeen: 0, online: true })).toBe("online");
  expect(statusOf({ lastSeen: 0, revoked: 1 })).toBe("revoked");
});

test("an HTTP service has its address for whoever sees the device, other services have none, a removed device no service", () => {
  const row = {
    revoked_at: null as number | null,
    device_id: "d",
    name: "pi",
    owner_root: "mine",
    public_key: new Uint8Array(32),
    confirmed: 1,
  };
  const services = [
    { name: "grafana", service_type: "http" },
    { name: "db", service_type: "tcp" },
    { name: "a_b", service_type: "http" },
  ];
  const parts = {
    addresses: new Addresses({
      port: 443,
      https: true,
      domain: "example.com",
      publicPort: undefined,
      ownAddresses: () => [],
    }),
    devices: { commandedBy: () => [{ ...row, last_seen: null }] },
    shares: { ofDevice: () => [] },
    directory: { device: () => undefined },
    offers: { of: () => ({ capabilities: [], queries: [] }), services: () => services },
    ownerLogs: { get: () => undefined },
    now: () => 0,
    hub: { id: "hub", version: "0.1.0" },
  };
  const fleet = new Fleet(parts as unknown as ConstructorParameters<typeof Fleet>[0]); // what it looks at
  for (const root of ["mine", "a-co-owner"]) {
    const urls = fleet.viewOf([root]).devices[0]?.services?.map(({ url }) => url);
    expect(urls).toEqual(["https://grafana--pi.example.com/", null, null]);
  }
  row.revoked_at = 1;
  expect(fleet.viewOf(["mine"]).devices[0]?.services).toEqual([]);
});

test("a picture that no message holds is told all the same, to watchers and to who asks", () => {
  const models = Array.from({ length: 64 }, (_, at) => `${at}`.padEnd(128, "m"));
  const capabilities = Array.from({ length: 64 }, (_, at) => ({
    protocol: `x.c${at}`,
    version: "1.0.0",
    class: "compute",
    models,
  }));
  const row = (at: number) => ({
    device_id: `id-${at}`,
    name: `d${at}`,
    kind: "desktop",
    owner_root: "mine",
    public_key: new Uint8Array(32),
    confirmed: 1,
    last_seen: null,
    revoked_at: null,
  });
  const session = watcher("mine");
  let gathered: (() => void) | undefined;
  const parts = {
    timers: { after: (_: number, tell: () => void) => ((gathered ??= tell), { cancel() {} }) },
    addresses: { hubUrl: "https://hub.example", deviceHost: () => "" },
    devices: { commandedBy: () => [row(0), row(1), row(2), row(3)] },
    shares: { ofDevice: () => [] },
    directory: { all: () => [session], device: () => undefined },
    offers: { of: () => ({ capabilities, queries: [] }), services: () => [] },
    ownerLogs: { get: () => undefined },
    now: () => 0,
    hub: { id: "hub", version: "0.1.0" },
  };
  const fleet = new Fleet(parts as unknown as ConstructorParameters<typeof Fleet>[0]); // what it looks at
  fleet.changed();
  gathered?.();
  const [told] = session.heard;
  expect(told?.length).toBeLessThanOrEqual(PROVEN_MESSAGE_MAX_BYTES);
  const shown = (JSON.parse(fromUtf8(told ?? new Uint8Array(0)) ?? "") as { fleet: FleetView }).fleet;
  expect(shown.devices.map(({ abridged = false }) => abridged)).toContain(true);
  expect(shown.devices.map(({ abridged = false }) => abridged)).toContain(false);
  expect(fleet.viewFor(session).devices).toEqual(shown.devices);
  expect(fleet.viewOf(["mine"]).devices.every(({ abridged }) => abridged === undefined)).toBe(true);
});
