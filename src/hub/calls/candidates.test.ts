import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { toBase64Url } from "../../protocol/bytes.ts";
import type { CapabilityOffer } from "../../protocol/capabilities.ts";
import type { DeviceRow } from "../../store/devices.ts";
import type { Session } from "../sessions/session.ts";
import { findCandidates } from "./candidates.ts";

interface Device {
  cooling: boolean;
  running: number;
  /** Null before the first ping. */
  latencyMs: number | null;
}

function order(devices: readonly Device[], preferDevice?: string, grants: string[][] = []): number[] {
  const rows = devices.map(
    (_, at) =>
      ({
        device_id: `id-${at}`,
        name: `d${at}`,
        revoked_at: null,
        confirmed: 1,
        public_key: new Uint8Array(32).fill(at),
      }) as unknown as DeviceRow, // what is looked at
  );
  const of = (id: string): Device =>
    devices[Number(id.slice(3))] ?? { cooling: false, running: 0, latencyMs: null };
  const offer: CapabilityOffer = { protocol: "x.own", version: "1.2.0", class: "compute" };
  const found = findCandidates(
    {
      devices: { ofOwners: () => rows, commandedBy: () => (grants.length === 0 ? rows : rows.slice(0, 1)) },
      offers: { of: () => ({ capabilities: [offer] }) },
      directory: {
        device: (id) =>
          ({ leaving: false, trunk: { roundTripMs: of(id).latencyMs ?? undefined } }) as unknown as Session, // as above
      },
      running: (id) => of(id).running,
      isCoolingDown: (id) => of(id).cooling,
    },
    {
      ownerRoot: "own",
      isProgram: false,
      isUnsigned: false,
      granted: grants.map((keys) => ({ root: "theirs", devices: keys })),
      capability: { protocol: "x.own", version: "1.0.0" },
      preferDevice,
    },
  );
  return found.map(({ id }) => Number(id.slice(3)));
}

const device = (change: Partial<Device> = {}): Device => ({
  cooling: false,
  running: 0,
  latencyMs: 10,
  ...change,
});

test("the one with the fewest requests comes first, of those that have as many the nearest", () => {
  const devices = [
    device({ running: 2, latencyMs: 1 }),
    device({ running: 1, latencyMs: 90 }),
    device({ running: 1, latencyMs: 5 }),
    device({ running: 0, latencyMs: null }),
    device({ running: 1, latencyMs: null }),
  ];
  expect(order(devices)).toEqual([3, 2, 1, 4, 0]);
});

test("the preferred one comes before all but what just failed, which comes last", () => {
  const devices = [device({ running: 9 }), device(), device({ cooling: true })];
  expect(order(devices, "d0")).toEqual([0, 1, 2]);
  expect(order(devices, "d2")).toEqual([1, 0, 2]);
  expect(order(devices, "nobody")).toEqual([1, 0, 2]);
});

test("one that the asker has in more than one way is tried once", () => {
  const key = (at: number): string => toBase64Url(new Uint8Array(32).fill(at));
  const devices = [device(), device({ running: 1 }), device({ running: 2 }), device({ running: 3 })];
  expect(
    order(devices, undefined, [
      [key(0), key(1)],
      [key(1), key(2)],
    ]),
  ).toEqual([0, 1, 2]);
});

test("whatever they are like, all of them are tried, none twice", () => {
  const any = fc.record({
    cooling: fc.boolean(),
    running: fc.nat(3),
    latencyMs: fc.option(fc.nat(3)),
  });
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 12 }), fc.nat(12), (devices, preferred) => {
      const found = order(devices, `d${preferred}`);
      expect(found.toSorted((one, other) => one - other)).toEqual(devices.map((_, at) => at));
      const cooling = found.map((at) => devices[at]?.cooling === true);
      expect(cooling).toEqual(cooling.toSorted((one, other) => Number(one) - Number(other)));
    }),
    { seed: 11, numRuns: 200 },
  );
});
