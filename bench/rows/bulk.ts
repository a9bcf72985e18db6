// One body of a gibibyte down, and one up.
import { download, upload } from "../load/bulk.ts";
import { costOf, median } from "../measure.ts";
import { atLeast, figure, withSpread, type Bar, type Table } from "../table.ts";
import { interleaved, OURS, type Row } from "./row.ts";

const GIBIBYTE = 2 ** 30;
const BAR_MB_PER_SECOND = 700;

interface Sample {
  mbPerSecond: number;
  hubSecondsPerGb: number;
  agentSecondsPerGb: number;
}

export const bulkRow: Row = {
  name: "bulk",
  async run(bench) {
    const contenders = await bench.contenders();
    const bytes = bench.quick ? GIBIBYTE / 4 : GIBIBYTE;
    const tables: Table[] = [];
    for (const [way, transfer] of [["down", download] as const, ["up", upload] as const]) {
      const samples = await interleaved(contenders, bench.quick ? 1 : 3, async (contender) => {
        bench.progress(`${way}, ${contender.name}`);
        await transfer(contender.target, bytes / 8);
        const { cost } = await costOf(contender, () => transfer(contender.target, bytes));
        return {
          mbPerSecond: bytes / 1e3 / cost.tookMs,
          hubSecondsPerGb: cost.hubMs / 1e3 / (bytes / 1e9),
          agentSecondsPerGb: cost.agentMs / 1e3 / (bytes / 1e9),
        };
      });
      tables.push(table(`Bulk ${way}, ${bytes / 2 ** 20} MiB in one body`, samples));
    }
    return tables;
  },
};

function table(title: string, samples: Map<string, Sample[]>): Table {
  const middle = (name: string, key: keyof Sample): number =>
    median((samples.get(name) ?? []).map((one) => one[key]));
  const rows = [...samples].map(([name, all]) => [
    name,
    withSpread(
      middle(name, "mbPerSecond"),
      all.map((one) => one.mbPerSecond),
    ),
    ...(["hubSecondsPerGb", "agentSecondsPerGb"] as const).map((key) =>
      middle(name, key) === 0 ? "–" : figure(middle(name, key)),
    ),
  ]);
  const ours = middle(OURS, "mbPerSecond");
  const bars: Bar[] = [
    {
      wanted: `at least ${BAR_MB_PER_SECOND} MB/s`,
      got: `${figure(ours)} MB/s`,
      reached: ours >= BAR_MB_PER_SECOND,
    },
    ...["frp, http", "frp, tcp", "ssh -R"]
      .filter((name) => samples.has(name))
      .map((name) => atLeast(`ahead of ${name}`, { value: ours, other: middle(name, "mbPerSecond") })),
  ];
  return { title, columns: ["", "MB/s", "hub s CPU/GB", "agent s CPU/GB"], rows, bars, notes: [] };
}
