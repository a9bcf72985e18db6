// Moments that a random plan hits rarely, each one on purpose: most of them were bugs once.
import { afterEach, describe, expect, test } from "bun:test";
import type { Asked } from "./ledger.ts";
import { SimFleet } from "./sim-fleet.ts";

let open: SimFleet[] = [];
afterEach(() => {
  for (const fleet of open) fleet.close();
  open = [];
});

function begun(seed = 1): SimFleet {
  const fleet = new SimFleet(seed);
  open.push(fleet);
  fleet.begin();
  return fleet;
}

/** Both ways between the first device and the hub. */
function partition(fleet: SimFleet, mended: boolean): void {
  const [device] = fleet.devices;
  const { paths } = fleet.network;
  const pairs = [
    [device.name, fleet.hubHost.name],
    [fleet.hubHost.name, device.name],
  ] as const;
  for (const [from, to] of pairs)
    if (mended) paths.mend(from, to);
    else paths.cut(from, to);
}

function msUntil(fleet: SimFleet, holds: () => boolean, withinMs = 60_000): number {
  const beganMs = fleet.time.nowMs;
  if (!fleet.time.runWhile(() => !holds(), withinMs)) return Infinity;
  return fleet.time.nowMs - beganMs;
}

function outcomes(asked: readonly Asked[]): string[] {
  return [...new Set(asked.map(({ outcome, status }) => `${outcome} ${status}`))];
}

describe("requests that wait for their device", () => {
  test("are answered when it comes back, whatever they carry", () => {
    for (const seed of [1, 2, 3]) {
      const fleet = begun(seed);
      const [north] = fleet.devices;
      const [target] = fleet.targets();
      const visitor = fleet.addVisitor("held", 1);
      north.kill();
      fleet.time.runFor(600);
      const settled: Asked[] = [];
      const wishes = [
        ...Array.from({ length: 8 }, () => ({ target, method: "POST" as const, bodyBytes: 150_000 })),
        ...Array.from({ length: 8 }, () => ({ target, method: "GET" as const })),
      ];
      for (const wish of wishes) void visitor.askOnce(wish).then((asked) => settled.push(asked));
      fleet.time.runFor(1000);
      fleet.time.waitFor(north.start());
      msUntil(fleet, () => settled.length === wishes.length);
      expect(outcomes(settled)).toEqual(["answered 200"]);
      expect(fleet.ledger.violations).toEqual([]);
    }
  });

  test("are not cut by a hub that stops in good order", () => {
    const fleet = begun();
    const visitor = fleet.addVisitor("flying", 1);
    const settled: Asked[] = [];
    for (const target of fleet.targets()) {
      for (const bytes of [10, 3000, 70_000]) {
        void visitor.askOnce({ target, method: "GET", bytes }).then((asked) => settled.push(asked));
      }
    }
    msUntil(fleet, () => fleet.ledger.asked.filter(({ done }) => done > 0).length === 6);
    const { hub, run } = fleet.hub;
    if (hub === undefined || run === undefined) throw new Error("there is no hub");
    fleet.time.waitFor(hub.close());
    fleet.hubHost.stop(run.process);
    fleet.time.waitFor(fleet.hub.start());
    msUntil(fleet, () => settled.length === 6);
    expect(outcomes(settled)).toEqual(["answered 200"]);
    expect(msUntil(fleet, () => fleet.devices.every((device) => device.isConnected))).toBeLessThan(2500);
  });

  test("get a 503 when it stays away", () => {
    const fleet = begun();
    const [target] = fleet.targets();
    fleet.devices[0].kill();
    fleet.time.runFor(100);
    const beganMs = fleet.time.nowMs;
    const asked = fleet.time.waitFor(fleet.addVisitor("v", 1).askOnce({ target, method: "GET" }));
    expect(outcomes([asked])).toEqual(["refused 503"]);
    expect(fleet.time.nowMs - beganMs).toBeLessThan(6000);
  });
});

describe("a device", () => {
  test("comes back whenever its network broke while it was dialling", () => {
    for (let breakMs = 0; breakMs < 120; breakMs += 6) {
      const fleet = begun();
      const [north] = fleet.devices;
      north.kill();
      fleet.time.runFor(100);
      void north.start();
      fleet.time.runFor(breakMs);
      partition(fleet, false);
      fleet.time.runFor(12_000);
      partition(fleet, true);
      expect(msUntil(fleet, () => north.isConnected)).toBeLessThan(5000);
    }
  });

  test("is back two seconds after its network is, however long that was away", () => {
    const slow: string[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const fleet = begun(seed);
      const [north] = fleet.devices;
      partition(fleet, false);
      const awayMs = 6000 + ((seed * 1373) % 25_000);
      fleet.time.runFor(awayMs);
      partition(fleet, true);
      const backMs = msUntil(fleet, () => north.isConnected);
      if (backMs > 2000) slow.push(`seed ${seed}, away ${awayMs} ms: ${backMs.toFixed(0)} ms`);
      fleet.close();
    }
    expect(slow).toEqual([]);
  });

  test("stays connected though an earlier dial of it hung and failed", () => {
    for (let breakMs = 0; breakMs < 120; breakMs += 12) {
      const fleet = begun();
      const [north] = fleet.devices;
      north.kill();
      fleet.time.runFor(100);
      void north.start();
      fleet.time.runFor(breakMs);
      partition(fleet, false);
      fleet.time.runFor(1500);
      partition(fleet, true);
      north.host.moveTo("203.0.113.77");
      expect(msUntil(fleet, () => north.isConnected)).toBeLessThan(5000);
      const changes = fleet.ledger.violations.length;
      let lost = false;
      fleet.time.runFor(1200);
      msUntil(fleet, () => north.isConnected);
      fleet.time.afterEach(() => (lost ||= !north.isConnected));
      fleet.time.runFor(10_000);
      expect([lost, fleet.ledger.violations.length]).toEqual([false, changes]);
    }
  });

  test("is not punished for a hub that stood still during its greeting", () => {
    for (let stopMs = 0; stopMs < 120; stopMs += 12) {
      const fleet = begun();
      const [north] = fleet.devices;
      north.kill();
      fleet.time.runFor(100);
      void north.start();
      fleet.time.runFor(stopMs);
      fleet.hub.run?.process.stop();
      fleet.time.runFor(6000);
      fleet.hub.run?.process.continue();
      expect(msUntil(fleet, () => north.isConnected)).toBeLessThan(5000);
    }
  });

  test("that fell silent is shown as offline in time, and comes back by itself", () => {
    const fleet = begun();
    const [north] = fleet.devices;
    const status = () => fleet.seen?.fleet.devices.find(({ id }) => id === fleet.deviceId(north))?.status;
    msUntil(fleet, () => status() === "online");
    partition(fleet, false);
    expect(msUntil(fleet, () => status() === "offline")).toBeLessThan(5700);
    partition(fleet, true);
    expect(msUntil(fleet, () => status() === "online")).toBeLessThan(5000);
  });

  test("is back a second after its agent was killed", () => {
    const fleet = begun();
    const [north] = fleet.devices;
    north.kill();
    fleet.time.waitFor(north.start());
    expect(msUntil(fleet, () => north.isConnected)).toBeLessThan(1000);
  });

  test("and a copy of it never hold its place both, and the one that lost it says why", () => {
    const fleet = begun();
    const [north] = fleet.devices;
    const copy = fleet.addCopyOf(north);
    fleet.time.waitFor(copy.start());
    msUntil(fleet, () => copy.isConnected !== north.isConnected);
    fleet.time.runFor(1000);
    let changes = 0;
    let holder = copy.isConnected;
    fleet.time.afterEach(() => {
      if (copy.isConnected === holder) return;
      holder = copy.isConnected;
      changes += 1;
    });
    fleet.time.runFor(25_000);
    const loser = copy.isConnected ? north : copy;
    expect([copy.isConnected, north.isConnected].filter(Boolean)).toEqual([true]);
    expect(loser.agent?.hubState).toMatchObject({ at: "refused", problem: { code: "superseded" } });
    // They do not take it from each other all the time.
    expect(changes).toBe(0);
  });
});

test("visitors who read nothing hold no more than a window each, and harm no other", () => {
  const fleet = begun();
  const [target] = fleet.targets();
  const bytes = 4 * 1024 * 1024;
  const visitor = fleet.addVisitor("stalled", 1);
  const stalled = Array.from({ length: 5 }, () => fleet.time.waitFor(visitor.stall(target, bytes)));
  fleet.time.runFor(10_000);
  for (const { asked } of stalled) {
    // Four kernel buffers of up to 256 KiB, the stream's first credit, and one read at each hop.
    expect(asked.sentBytes).toBeGreaterThan(0);
    expect(asked.sentBytes).toBeLessThan(4 * 256 * 1024 + 256 * 1024);
  }
  const beganMs = fleet.time.nowMs;
  const asked = fleet.time.waitFor(visitor.askOnce({ target, method: "GET", bytes: 3000 }));
  expect(outcomes([asked])).toEqual(["answered 200"]);
  expect(fleet.time.nowMs - beganMs).toBeLessThan(1500);
  for (const { hangUp } of stalled) hangUp();
});
