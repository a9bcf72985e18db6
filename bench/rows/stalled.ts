// A thousand visitors who stop reading in the middle of a body, and what the others feel of them.
import { requests } from "../load/requests.ts";
import { requestHead, type Target } from "../load/target.ts";
import { residentBytes } from "../measure.ts";
import type { Contender } from "../peers/peer.ts";
import { atMost, figure } from "../table.ts";
import { OURS, type Row } from "./row.ts";

const READERS = 1_000;
const OTHERS = 8;

export const stalledRow: Row = {
  name: "stalled",
  async run(bench) {
    const all = await bench.contenders();
    const ours = all.find(({ name }) => name === OURS);
    if (ours === undefined) return [];
    const seconds = bench.quick ? 2 : 5;
    const load = { connections: OTHERS, seconds };
    // Twice: what the first load leaves behind in memory is not the readers' doing.
    await requests(ours.target, { connections: 64, seconds });
    const quiet = await requests(ours.target, load);
    const before = memory(ours);
    bench.progress(`${READERS} readers`);
    const readers = await stall(ours.target);
    await Bun.sleep(1_000);
    const stalled = await requests(ours.target, load);
    const after = memory(ours);
    for (const reader of readers) reader.terminate();
    const grownMb = (after.hub - before.hub) / 1e6;
    return [
      {
        title: `${READERS} stalled readers; ${OTHERS} others ask on`,
        columns: ["", "hub RSS MB", "agent RSS MB", "others' req/s", "p50 ms", "p99 ms"],
        rows: [
          ["without them", ...memoryCells(before), ...loadCells(quiet)],
          ["with them", ...memoryCells(after), ...loadCells(stalled)],
        ],
        bars: [
          atMost("hub +130 MB at most", { value: grownMb, bound: 130, unit: "MB" }),
          atMost("others' p99 under 3 ms", { value: stalled.p99Ms, bound: 3, unit: "ms" }),
        ],
        notes: [],
      },
    ];
  },
};

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
