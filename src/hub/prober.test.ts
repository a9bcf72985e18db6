import { expect, test } from "bun:test";
import { seededCrypto } from "../identity/crypto.fixture.ts";
import { Prober } from "./prober.ts";
import type { ShareRecord } from "./shares/share-table.ts";

/** Shares whose addresses take connections and never answer; `fail` ends what was dialled so far. */
function silentShares(count: number) {
  const all = Array.from({ length: count }, (_, at) => ({
    shareId: `s${at}`,
    deviceId: "d",
    label: `l${at}`,
    proof: { state: "unknown" },
  })) as unknown as ShareRecord[]; // the members that a proof looks at
  const dialled: string[] = [];
  const limits: (() => void)[] = [];
  const options = {
    world: {
      clock: { now: () => 0, monotonic: () => 0 },
      timers: {
        after: (_delayMs: number, run: () => void) => (limits.push(run), { cancel() {} }),
        every: () => ({ cancel() {} }),
        soon() {},
      },
      network: { connect: () => new Promise(() => {}) },
    },
    crypto: seededCrypto("prober"),
    shares: { all: () => all, byId: (id: string) => all.find((one) => one.shareId === id), setProof() {} },
    address: { host: "127.0.0.1", port: 1 },
    tls: undefined,
    isConnected: () => true,
    hostOf: (label: string) => (dialled.push(label), label),
    proved() {},
  };
  const prober = new Prober(options as unknown as ConstructorParameters<typeof Prober>[0]);
  const fail = async () => {
    for (const run of limits.splice(0)) run();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  };
  return { prober, all, dialled, fail };
}

test("every share has its turn, also behind many that never answer", async () => {
  const { prober, dialled, fail } = silentShares(200);
  for (let look = 0; look < 4; look += 1) {
    prober.probeAll();
    await fail();
  }
  expect(new Set(dialled).size).toBe(200);
});

test("a fleet that comes back at once is not asked all at once", () => {
  const { prober, all, dialled } = silentShares(500);
  for (const share of all) prober.probe(share);
  expect(dialled.length).toBeLessThanOrEqual(64);
});
