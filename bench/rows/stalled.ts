// A thousand visitors who stop reading in the middle of a body, and what the others feel of them.
import { readFileSync } from "node:fs";
import { requests } from "../load/requests.ts";
import { requestHead, type Target } from "../load/target.ts";
import { cpuMs, residentBytes } from "../measure.ts";
import type { Contender } from "../peers/peer.ts";
import { atMost, figure } from "../table.ts";
import { OURS, type Row } from "./row.ts";

const READERS = 1_000;
const OTHERS = 8;
const QUIET_LOOK_MS = 1_000;
const QUIET_LOOKS_MAX = 30;

export const stalledRow: Row = {
  name: "stalled",
  smallBuffers: true,
  async run(bench) {
    const all = await bench.contenders();
    const ours = all.find(({ name }) => name === OURS);
    if (ours === undefined) return [];
    const seconds = bench.quick ? 2 : 5;
    const load = { connections: OTHERS, seconds };
    // Twice: what the first load leaves behind in memory is not the readers' doing.
    await requests(ours.target, { connections: 64, seconds });
    const alone = await requests(ours.target, load);
    const before = memory(ours);
    const pressuresBefore = memoryPressures();
    bench.progress(`${READERS} readers`);
    const readers = await stall(ours.target);
    await quiet(ours);
    const stalled = await requests(ours.target, load);
    const after = memory(ours);
    for (const reader of readers) reader.terminate();
    const grownMb = (after.hub - before.hub) / 1e6;
    return [
      {
        title: `${READERS} stalled readers; ${OTHERS} others ask on`,
        columns: ["", "hub RSS MB", "agent RSS MB", "others' req/s", "p50 ms", "p99 ms"],
        rows: [
          ["without them", ...memoryCells(before), ...loadCells(alone)],
          ["with them", ...memoryCells(after), ...loadCells(stalled)],
        ],
        bars: [
          atMost("hub +130 MB at most", { value: grownMb, bound: 130, unit: "MB" }),
          atMost("others' p99 under 3 ms", { value: stalled.p99Ms, bound: 3, unit: "ms" }),
        ],
        notes:
          memoryPressures() > pressuresBefore
            ? ["The kernel ran short of memory for TCP meanwhile, so these figures are of the machine."]
            : [],
      },
    ];
  },
};

/** How often TCP as a whole came near its bound (net.ipv4.tcp_mem) since the machine started. */
function memoryPressures(): number {
  const [names = "", values = ""] = readFileSync("/proc/net/netstat", "utf8").split("\n");
  return Number(values.split(" ")[names.split(" ").indexOf("TCPMemoryPressures")] ?? 0);
}

/** Resolves when each has had its first bytes and reads no more. */
async function stall(target: Target): Promise<Bun.Socket[]> {
  const head = new TextEncoder().encode(requestHead(target, "GET /endless"));
  return Promise.all(
    Array.from(
      { length: READERS },
      () =>
        new Promise<Bun.Socket>((resolve, reject) => {
          Bun.connect({
            hostname: "127.0.0.1",
            port: target.port,
            socket: {
              open: (socket) => void socket.write(head),
              data(socket, bytes) {
                socket.pause();
                if (bytes.toString("latin1", 0, 12) === "HTTP/1.1 200") resolve(socket);
                else reject(new Error(`refused: ${bytes.toString("latin1", 0, 200)}`));
              },
              close: () => reject(new Error("a reader was cut off")),
              error: (_socket, error) => reject(error),
            },
          }).catch(reject);
        }),
    ),
  );
}

/** Resolves when what can be buffered on the way has been, and nothing moves any more. */
async function quiet({ hub, agent }: Contender): Promise<void> {
  for (let looks = 0; looks < QUIET_LOOKS_MAX; looks += 1) {
    const before = cpuMs([...hub, ...agent]);
    await Bun.sleep(QUIET_LOOK_MS);
    if (cpuMs([...hub, ...agent]) - before < QUIET_LOOK_MS / 20) return;
  }
}

interface Memory {
  hub: number;
  agent: number;
}

function memory({ hub, agent }: Contender): Memory {
  const sum = (pids: readonly number[]): number => pids.reduce((all, pid) => all + residentBytes(pid), 0);
  return { hub: sum(hub), agent: sum(agent) };
}

function memoryCells({ hub, agent }: Memory): string[] {
  return [figure(hub / 1e6), figure(agent / 1e6)];
}

function loadCells(load: { perSecond: number; p50Ms: number; p99Ms: number }): string[] {
  return [figure(load.perSecond), figure(load.p50Ms), figure(load.p99Ms)];
}
