// Many devices in one process: each dials the hub by itself, proves its own key on its own trunk, does what an
// agent does when it is connected (asks for what its copy of the owner log lacks, tells how its machine is), and
// comes back after a loss as agents do. What the machine under an agent does (apps, disk, watching for sleep) is
// left out.
//
//   bun bench/agents.ts '{"url": …, "caFile": …, "hubKey": …, "first": 0, "end": 1000, "perOwner": 100}'
//
// With `"answers": true` each offers its tasks and answers queries as an agent does, its own signature check included;
// the tasks themselves are made up. Says `{"connected": N, "atMs": …}` each time when all are connected.
import { readFileSync } from "node:fs";
import { reportHealth } from "../src/agent/health-report.ts";
import { HubSession } from "../src/agent/link/hub-session.ts";
import { QueryDesk } from "../src/agent/queries/query-desk.ts";
import type { OwnerLog } from "../src/identity/owner-log.ts";
import { fromBase64Url, toBase64Url } from "../src/protocol/bytes.ts";
import { readCallOpen } from "../src/protocol/call-open.ts";
import { SILENT_LOG } from "../src/protocol/log.ts";
import { Pulse } from "../src/trunk/liveness.ts";
import { realWorld } from "../src/world/real.ts";
import { benchCrypto, deviceName, deviceSigner, ownerOf } from "./muster/enrol.ts";
import { madeUpTasks } from "./muster/made-up-tasks.ts";
import type { SimulatedFleet } from "./muster/simulated.ts";

// Written by the bench itself.
const fleet = JSON.parse(process.argv[2] ?? "") as SimulatedFleet;
const { url, caFile, first, end, perOwner, answers } = fleet;
const count = end - first;
const hubKey = fromBase64Url(fleet.hubKey) ?? new Uint8Array(0);
const ca = readFileSync(caFile, "utf8");
const pulse = new Pulse(realWorld.timers, realWorld.clock);
/** Dialled this many a second at first; after a loss each agent has its own clock. */
const FIRST_DIALS_PER_SECOND = 2_000;

// One process stands for many machines: none of them sleeps, and a busy loop here is not a machine that woke.
const timers = { ...realWorld.timers, every: () => ({ cancel() {} }) };
const connected = new Set<number>();
/** Whose offer the hub has. */
let offering = 0;
const health = {
  uptime_s: 86_400,
  load_1m: 0.1,
  cpus: 2,
  memory_used: 1e9,
  memory_total: 4e9,
  disk_free: 30e9,
  disk_total: 40e9,
};
/** Of the last entry of every owner's log: joining has left a copy of it all. */
const lastEntry = Math.min(end, perOwner);

for (let index = first; index < end; index += 1) {
  start(index, (await ownerOf(Math.floor(index / perOwner))).log);
  if (index % 20 === 19) await Bun.sleep(20_000 / FIRST_DIALS_PER_SECOND);
}

function start(index: number, log: OwnerLog): void {
  const root = toBase64Url(log.id);
  const signer = deviceSigner(index);
  /** Who owns them does not change here, so there is nothing to take or to fetch. */
  const obeyed = {
    log,
    seen: log,
    problem: () => undefined,
    refusal: () => undefined,
    take: () => Promise.resolve(),
    fetch: () => Promise.resolve(),
  };
  const queries = new QueryDesk({
    clock: realWorld.clock,
    crypto: benchCrypto,
    publicKey: signer.publicKey,
    logs: { of: (ownerRoot) => (ownerRoot === root ? { ...obeyed, ownerRoot } : undefined) },
    policy: "lists",
    find: () => () => Promise.resolve(madeUpTasks(deviceName(index))),
  });
  let lastSession = 0;
  const session: HubSession = new HubSession({
    world: { ...realWorld, timers },
    crypto: benchCrypto,
    signer,
    pulse,
    log: SILENT_LOG,
    address: { url, ca },
    hubKey,
    about: { name: deviceName(index), platform: "linux", kind: "vps", version: "0.1.0" },
    sessionKind: "register",
    nextSession: () => Promise.resolve((lastSession = Math.max(lastSession + 1, Date.now()))),
    events: {
      state(state) {
        if (state.at !== "connected") return void connected.delete(index);
        connected.add(index);
        if (connected.size === count && answers !== true) sayConnected();
        if (answers === true) offer(session);
        // What comes back is read and forgotten; a lost session is told by its state.
        const known = state.registered.owner_heads?.some(
          (head) => head.owner_root === root && head.number === lastEntry,
        );
        if (known !== true) {
          session
            .request({ type: "log_get", owner_root: root, from: lastEntry }, "log_entries")
            .catch(() => {});
        }
        report.connected();
      },
      message() {},
      opened: (stream, payload) =>
        readCallOpen(payload) === "query"
          ? queries.open(stream)
          : { data() {}, drain() {}, end() {}, close() {} },
    },
  });
  const report = reportHealth(realWorld.timers, session, () => health);
  session.start();
}

/** Only who offers tasks is asked for them. */
function offer(session: HubSession): void {
  const capabilities = [{ protocol: "tasks", version: "1.0.0", class: "read" as const }];
  session.request({ type: "capabilities_update", capabilities, queries: [] }, "done").then(
    () => {
      offering += 1;
      if (offering === count) sayConnected();
    },
    (error: unknown) => console.error(error),
  );
}

function sayConnected(): void {
  console.log(JSON.stringify({ connected: count, atMs: Date.now() }));
}
