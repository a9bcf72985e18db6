// Pairing two devices: from the code's last letter to the moment at which both have pinned the other.
import { costOf, median, quantile, type Cost } from "../measure.ts";
import { eventually, program, relayed, startDevices, type Device } from "../muster/devices.ts";
import { hubPlace } from "../muster/start-hub.ts";
import { atMost, figure, type Table } from "../table.ts";
import type { Row } from "./row.ts";

/** A hub gives one device twenty codes a minute. */
const BY_LOCAL_API = 15;
const BY_COMMAND_LINE = 4;
const BAR_MS = 1_000;

interface Sample {
  tookMs: number[];
  cost: Cost;
}

/** Enters the code at the other device. */
type Enter = (joiner: Device, code: string) => Promise<unknown>;

export const pairingRow: Row = {
  name: "pairing",
  async run(bench) {
    const { stage, quick } = bench;
    const names = quick ? ["one", "two"] : ["one", "two", "three", "four"];
    const { hub, devices } = await startDevices(stage, await hubPlace(stage, "pairing"), names);
    const sides = { hub: [hub.pid], agent: devices.map(({ pid }) => pid) };
    // Each makes codes for the next.
    const couples = devices.map((maker, at) => ({
      maker,
      joiner: devices[(at + 1) % devices.length] ?? maker,
    }));

    const measure = async (times: number, enter: Enter): Promise<Sample> => {
      const tookMs: number[] = [];
      const { cost } = await costOf(sides, async () => {
        for (let round = 0; round < times; round += 1) {
          for (const couple of couples) tookMs.push(await pairOnce(couple, enter));
        }
      });
      return { tookMs, cost };
    };
    const byApi: Enter = (joiner, code) => joiner.call("pair_join", { code, verified: false });
    const typed: Enter = ({ env }, code) => stage.run([program, "pair", code, "--json"], { env });
    bench.progress("warming");
    await measure(1, byApi);
    bench.progress("asked of the agent");
    const asked = await measure(BY_LOCAL_API - 1, byApi);
    bench.progress("by the command line");
    return [table(asked, await measure(BY_COMMAND_LINE, typed))];
  },
};

/** Until both agents say that they have pinned the other. Not counted: making the code, and parting again. */
async function pairOnce({ maker, joiner }: { maker: Device; joiner: Device }, enter: Enter): Promise<number> {
  const { code, mailbox } = await maker.call("pair_make", { verified: false, reach: "anyone" });
  const startMs = performance.now();
  const waits = maker.call("pair_wait", { mailbox });
  await enter(joiner, code);
  const { peer } = await waits;
  const tookMs = performance.now() - startMs;
  if (peer === null) throw new Error("the maker has pinned nobody");
  await relayed([maker, joiner]);
  await maker.call("peer_unpair", { device: joiner.name });
  for (const device of [maker, joiner]) {
    await eventually(async () => {
      const { peers, leaving } = await device.call("peers", {});
      if (peers.length + (leaving ?? 0) > 0) throw new Error(`${device.name} does not part`);
    });
  }
  return tookMs;
}

function table(asked: Sample, typed: Sample): Table {
  const rows = [
    ["asked of the agent: code taken to both pinned", asked],
    ["`muster pair CODE`: from its start, both pinned and its end", typed],
  ] as const;
  const p99Ms = quantile(asked.tookMs, 0.99);
  return {
    title: "Pairing by a code",
    columns: ["", "pairings", "p50 ms", "p99 ms", "hub ms CPU each", "both devices ms CPU each"],
    rows: rows.map(([name, { tookMs, cost }]) => [
      name,
      String(tookMs.length),
      figure(median(tookMs)),
      figure(quantile(tookMs, 0.99)),
      figure(cost.hubMs / tookMs.length),
      figure(cost.agentMs / tookMs.length),
    ]),
    bars: [atMost(`under a second (p99)`, { value: p99Ms, bound: BAR_MS, unit: "ms" })],
    notes: [
      "Of so few the p99 is the slowest. The CPU time holds making the code and parting again. No peer is measured " +
        "beside it: none here pairs by a short code.",
    ],
  };
}
