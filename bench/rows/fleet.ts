// A thousand devices, then ten thousand: what the hub needs for each while it is idle, and how long they all
// need to come back after the hub was killed.
import { join } from "node:path";
import { costOf, median, residentBytes } from "../measure.ts";
import { DEVICES_PER_OWNER, enrol } from "../muster/enrol.ts";
import { hubKeyOf } from "../muster/raw-device.ts";
import { allConnected, startSimulated } from "../muster/simulated.ts";
import { hubPlace, startHub } from "../muster/start-hub.ts";
import { atMost, figure, withSpread, type Table } from "../table.ts";
import type { Bench, Row } from "./row.ts";

const SETTLE_MS = 8_000;
const IDLE_MS = 5_000;
const MEMORY_BAR_KB = 15;

interface Fleet {
  count: number;
  emptyBytes: number;
  knownBytes: number;
  idleBytes: number;
  idleCpuShare: number;
  joinedMs: number;
  restarts: { servingMs: number; backMs: number }[];
}

export const fleetRow: Row = {
  name: "fleet",
  async run(bench) {
    const fleets: Fleet[] = [];
    for (const count of bench.quick ? [1_000] : [1_000, 10_000]) fleets.push(await measure(bench, count));
    return [idleTable(fleets), backTable(fleets)];
  },
};

async function measure(bench: Bench, count: number): Promise<Fleet> {
  const { stage } = bench;
  const place = await hubPlace(stage, `fleet-${count}`);
  const settle = (): Promise<void> => Bun.sleep(bench.quick ? SETTLE_MS / 4 : SETTLE_MS);

  const empty = (await startHub(stage, place)).started;
  await settle();
  const emptyBytes = residentBytes(empty.pid);
  await empty.end();

  bench.progress(`enrolling ${count}`);
  await enrol(join(place.home, "hub", "hub.db"), hubKeyOf(place), { count });

  let hub = (await startHub(stage, place)).started;
  await settle();
  const knownBytes = residentBytes(hub.pid);

  bench.progress(`connecting ${count}`);
  const agents = startSimulated(stage, place, { first: 0, end: count, perOwner: DEVICES_PER_OWNER });
  const connections = agents.lines();
  const startedAtMs = Date.now();
  const joinedMs = (await allConnected(connections)) - startedAtMs;
  await settle();
  const idleBytes = residentBytes(hub.pid);
  const { cost } = await costOf({ hub: [hub.pid], agent: [] }, () => Bun.sleep(IDLE_MS));

  const restarts: Fleet["restarts"] = [];
  for (let round = 0; round < (bench.quick ? 1 : 3); round += 1) {
    bench.progress(`killing the hub of ${count}`);
    const killedAtMs = Date.now();
    await hub.end("SIGKILL");
    const again = await startHub(stage, place);
    hub = again.started;
    const backAtMs = await allConnected(connections);
    restarts.push({
      servingMs: again.servingAtMs - killedAtMs,
      backMs: backAtMs - again.servingAtMs,
    });
    await settle();
  }
  await agents.end();
  await hub.end();
  return {
    count,
    emptyBytes,
    knownBytes,
    idleBytes,
    idleCpuShare: cost.hubMs / cost.tookMs,
    joinedMs,
    restarts,
  };
}

function idleTable(fleets: readonly Fleet[]): Table {
  const perAgent = (fleet: Fleet): number => (fleet.idleBytes - fleet.emptyBytes) / fleet.count / 1e3;
  return {
    title: "Idle devices, TLS trunks",
    columns: ["devices", "empty hub MB", "devices known MB", "connected MB", "KB each", "hub CPU, idle"],
    rows: fleets.map((fleet) => [
      String(fleet.count),
      figure(fleet.emptyBytes / 1e6),
      figure(fleet.knownBytes / 1e6),
      figure(fleet.idleBytes / 1e6),
      figure(perAgent(fleet)),
      `${figure(fleet.idleCpuShare * 100)} %`,
    ]),
    bars: fleets.map((fleet) =>
      atMost(`at most ${MEMORY_BAR_KB} KB for each of ${fleet.count}`, {
        value: perAgent(fleet),
        bound: MEMORY_BAR_KB,
        unit: "KB",
      }),
    ),
    notes: ["Above the empty hub, so that what the hub keeps of each device and its owner log counts too."],
  };
}

function backTable(fleets: readonly Fleet[]): Table {
  const backSeconds = (fleet: Fleet): number[] => fleet.restarts.map(({ backMs }) => backMs / 1e3);
  const servingSeconds = (fleet: Fleet): number[] => fleet.restarts.map(({ servingMs }) => servingMs / 1e3);
  return {
    title: "Devices back after `kill -9` of the hub and an immediate start",
    columns: ["devices", "kill to serving, s", "serving to the last registered, s", "first time, s"],
    rows: fleets.map((fleet) => [
      String(fleet.count),
      withSpread(median(servingSeconds(fleet)), servingSeconds(fleet)),
      withSpread(median(backSeconds(fleet)), backSeconds(fleet)),
      figure(fleet.joinedMs / 1e3),
    ]),
    bars: fleets.map((fleet) => {
      const bound = fleet.count <= 1_000 ? 2 : 10;
      return atMost(`${fleet.count} back within ${bound} s of the hub serving`, {
        value: median(backSeconds(fleet)),
        bound,
        unit: "s",
      });
    }),
    notes: [
      "All devices are one process here, which does its half of every handshake on the same cores as the hub.",
    ],
  };
}
