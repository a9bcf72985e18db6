// A hub 50 ms away: what one stream carries, over a relay that holds bytes back for 25 ms each way.
import { stream } from "../load/bulk.ts";
import { median } from "../measure.ts";
import { freePort, reachable } from "../stage.ts";
import { figure, withSpread } from "../table.ts";
import { interleaved, OURS, type Row } from "./row.ts";

const EACH_WAY_MS = 25;
const BAR_MB_PER_SECOND = 90;

export const distanceRow: Row = {
  name: "distance",
  async run(bench) {
    const all = await bench.startAll({
      between: async (hubPort) => {
        const port = await freePort();
        const program = new URL("../delay.ts", import.meta.url).pathname;
        bench.stage.start([process.execPath, program, String(port), String(hubPort), String(EACH_WAY_MS)]);
        await reachable(port);
        return port;
      },
    });
    const far = all.filter(({ name }) => /^(ssh|frp|chisel|rathole|Muster, password$)/.test(name));
    const samples = await interleaved(far, bench.quick ? 1 : 3, async ({ name, target }) => {
      bench.progress(name);
      return (await stream(target, bench.quick ? 2 : 5)) / 1e6;
    });
    const ours = median(samples.get(OURS) ?? []);
    return [
      {
        title: "Hub 50 ms away: one stream down",
        columns: ["", "MB/s"],
        rows: [...samples].map(([name, each]) => [name, withSpread(median(each), each)]),
        bars: [
          {
            wanted: `at least ${BAR_MB_PER_SECOND} MB/s`,
            got: `${figure(ours)} MB/s`,
            reached: ours >= BAR_MB_PER_SECOND,
          },
        ],
        notes: [
          "Counted from a stream's first byte on, its slow start included. Nothing is lost on this way.",
        ],
      },
    ];
  },
};
