// `npm run bench`: measures every row on this machine in one run and writes RESULTS.md beside this file.
//
//   npm run bench                   everything, about twenty-five minutes
//   npm run bench -- --quick        the same with short loads, about four minutes; printed, and written with --write
//   npm run bench -- requests bulk  only these rows; printed, not written
//
// Needs openssl. Peers are measured where they are found on the PATH, and those that are not are named: wrk, nginx,
// openssh-server, nats-server and redis-server are packages of Debian; frp, chisel and rathole come from their makers.
// All traffic stays on loopback.
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { watchOthers } from "./disturbance.ts";
import { certificate } from "./muster/start-hub.ts";
import { chisel } from "./peers/chisel.ts";
import { direct } from "./peers/direct.ts";
import { frp } from "./peers/frp.ts";
import { muster } from "./peers/muster.ts";
import { nginx } from "./peers/nginx.ts";
import type { Contender, Ground, Peer } from "./peers/peer.ts";
import { rathole } from "./peers/rathole.ts";
import { ssh } from "./peers/ssh.ts";
import { report } from "./report.ts";
import { bulkRow } from "./rows/bulk.ts";
import { distanceRow } from "./rows/distance.ts";
import { echoRow } from "./rows/echo.ts";
import { filesRow } from "./rows/files.ts";
import { fleetRow } from "./rows/fleet.ts";
import { queriesRow } from "./rows/queries.ts";
import { modelsRow } from "./rows/models.ts";
import { pairingRow } from "./rows/pairing.ts";
import { relayRow } from "./rows/relay.ts";
import { latencyRow, requestsRow } from "./rows/requests.ts";
import type { Bench, Needing, Row } from "./rows/row.ts";
import { stalledRow } from "./rows/stalled.ts";
import { inSmallBuffers, mayHaveSmallBuffers } from "./small-buffers.ts";
import { freePort, onPath, reachable, Stage } from "./stage.ts";
import { tasksRow } from "./rows/tasks.ts";
import type { Table } from "./table.ts";

const PEERS: readonly Peer[] = [direct, nginx, ssh, frp, chisel, rathole, muster];
const ROWS: readonly Row[] = [
  requestsRow,
  latencyRow,
  bulkRow,
  echoRow,
  distanceRow,
  stalledRow,
  relayRow,
  pairingRow,
  filesRow,
  tasksRow,
  queriesRow,
  modelsRow,
  fleetRow,
];

/** A row that hangs is given up, so that the others are measured. */
const QUICK_ROW_WITHIN_MS = 120_000;
const ROW_WITHIN_MS = 20 * 60_000;

const words = process.argv.slice(2);
const quick = words.includes("--quick");
/** Started by ourselves for one row, whose tables are wanted and no report. */
const asJson = words.includes("--json");
const named = words.filter((word) => !word.startsWith("-"));
const unknown = named.find((name) => !ROWS.some((row) => row.name === name));
if (unknown !== undefined) {
  console.error(`there is no row "${unknown}"; rows: ${ROWS.map((row) => row.name).join(", ")}`);
  process.exit(2);
}

const missing = new Set<string>();
const loadBefore = loadavg()[0] ?? 0;
const others = watchOthers();
const tables: Table[] = [];
for (const row of ROWS) {
  if (named.length > 0 && !named.includes(row.name)) continue;
  const apart = row.smallBuffers === true && !asJson && mayHaveSmallBuffers();
  tables.push(...(await (apart ? runApart(row) : runRow(row))));
}
if (asJson) {
  console.log(JSON.stringify(tables));
  process.exit(0);
}
const text = report(tables, { quick, missing: [...missing], loadBefore, disturbance: others() });
console.log(text);
const written = named.length === 0 && (!quick || words.includes("--write"));
if (written) writeFileSync(new URL("./RESULTS.md", import.meta.url), text);
// Sockets of a row that failed would hold the process.
process.exit(missing.size > 0 && tables.length === 0 ? 1 : 0);

async function runApart(row: Row): Promise<Table[]> {
  const flags = ["--json", ...(quick ? ["--quick"] : [])];
  const said = await inSmallBuffers([process.execPath, import.meta.path, row.name, ...flags]);
  const found = JSON.parse(said) as Table[]; // printed by this very program
  if (found.length === 0) missing.add(`the row "${row.name}" could not be measured`);
  return found;
}

/** Each row has a stage of its own, so that one that fails leaves nothing to the next. */
async function runRow(row: Row): Promise<Table[]> {
  const stage = new Stage();
  const interrupted = (): void => {
    stage.abandon();
    process.exit(130);
  };
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
  const startMs = performance.now();
  const late = Promise.withResolvers<never>();
  const withinMs = quick ? QUICK_ROW_WITHIN_MS : ROW_WITHIN_MS;
  const patience = setTimeout(
    () => late.reject(new Error(`it had not ended after ${withinMs / 1000} s`)),
    withinMs,
  );
  try {
    return await Promise.race([row.run(benchOn(stage, row)), late.promise]);
  } catch (error) {
    console.error(error);
    missing.add(`the row "${row.name}" could not be measured: ${firstLine(error)}`);
    return [];
  } finally {
    clearTimeout(patience);
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
    await stage[Symbol.asyncDispose]();
    console.error(`${row.name}: ${Math.round((performance.now() - startMs) / 1000)} s`);
  }
}

function benchOn(stage: Stage, row: Row): Bench {
  let ground: Promise<Ground> | undefined;
  let contenders: Promise<Contender[]> | undefined;
  const progress = (text: string): void => console.error(`${row.name}: ${text}`);
  const groundOnce = (): Promise<Ground> => (ground ??= startGround(stage));
  const startAll = async (change: Partial<Ground>): Promise<Contender[]> =>
    startPeers({ ...(await groundOnce()), ...change }, progress);
  return {
    quick,
    stage,
    progress,
    ground: groundOnce,
    startAll,
    contenders: () => (contenders ??= startAll({})),
    attempt: (peer, start) => attempt(peer, start, progress),
  };
}

async function startGround(stage: Stage): Promise<Ground> {
  const originPort = await freePort();
  const program = new URL("./origin.ts", import.meta.url).pathname;
  stage.start([process.execPath, program, String(originPort)]);
  await reachable(originPort);
  return { stage, originPort, ...(await certificate(stage)) };
}

async function startPeers(ground: Ground, progress: (text: string) => void): Promise<Contender[]> {
  const started: Contender[] = [];
  for (const peer of PEERS) {
    if (peer === muster) {
      progress(`starting ${peer.name}`);
      started.push(...(await peer.start(ground)));
    } else {
      started.push(...((await attempt(peer, () => peer.start(ground), progress)) ?? []));
    }
  }
  return started;
}

/** A peer that is not there, or does not start, is left out and said so. */
async function attempt<Result>(
  { name, programs }: Needing,
  start: () => Promise<Result>,
  progress: (text: string) => void,
): Promise<Result | undefined> {
  const lacking = programs.filter((program) => !onPath(program));
  if (lacking.length > 0) {
    missing.add(`${name} was not measured: ${lacking.join(", ")} not found`);
    return undefined;
  }
  progress(`starting ${name}`);
  try {
    return await start();
  } catch (error) {
    missing.add(`${name} was not measured, it did not start: ${firstLine(error)}`);
    return undefined;
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}
