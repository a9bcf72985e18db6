// Many devices in one process: each dials the hub by itself, proves its own key on its own trunk, does what an
// agent does when it is connected (asks for what its copy of the owner log lacks, tells how its machine is), and
// comes back after a loss as agents do. What the machine under an agent does (apps, disk, watching for sleep) is
// left out.
//
//   bun bench/agents.ts URL CA_FILE HUB_KEY COUNT
//
// Says `{"connected": N, "atMs": …}` each time when all are connected.
import { readFileSync } from "node:fs";
import { reportHealth } from "../src/agent/health-report.ts";
import { HubSession } from "../src/agent/link/hub-session.ts";
import { toBase64Url } from "../src/protocol/bytes.ts";
import { fromBase64Url } from "../src/protocol/bytes.ts";
import { SILENT_LOG } from "../src/protocol/log.ts";
import { Pulse } from "../src/trunk/liveness.ts";
import { realWorld } from "../src/world/real.ts";
import { benchCrypto, deviceName, DEVICES_PER_OWNER, deviceSigner, ownerOf } from "./muster/enrol.ts";

const [url = "", caFile = "", hubKeyText = "", countText] = process.argv.slice(2);
const count = Number(countText);
const hubKey = fromBase64Url(hubKeyText) ?? new Uint8Array(0);
const ca = readFileSync(caFile, "utf8");
const pulse = new Pulse(realWorld.timers, realWorld.clock);
/** Dialled this many a second at first; after a loss each agent has its own clock. */
const FIRST_DIALS_PER_SECOND = 2_000;

// One process stands for many machines: none of them sleeps, and a busy loop here is not a machine that woke.
const timers = { ...realWorld.timers, every: () => ({ cancel() {} }) };
const connected = new Set<number>();
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
const lastEntry = Math.min(count, DEVICES_PER_OWNER);

for (let index = 0; index < count; index += 1) {
  const root = toBase64Url((await ownerOf(Math.floor(index / DEVICES_PER_OWNER))).log.id);
  start(index, root);
  if (index % 20 === 19) await Bun.sleep(20_000 / FIRST_DIALS_PER_SECOND);
}

function start(index: number, root: string): void {
  let lastSession = 0;
  const session: HubSession = new HubSession({
    world: { ...realWorld, timers },
    crypto: benchCrypto,
    signer: deviceSigner(index),
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
        if (connected.size === count) console.log(JSON.stringify({ connected: count, atMs: Date.now() }));
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
      opened: () => ({ data() {}, drain() {}, end() {}, close() {} }),
    },
  });
  const report = reportHealth(realWorld.timers, session, () => health);
  session.start();
}
