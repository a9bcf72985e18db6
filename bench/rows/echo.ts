// WebSocket echo of 64 bytes: one connection, and 64.
import { echo } from "../load/echo.ts";
import { costOf, median } from "../measure.ts";
import { atLeast, atMost, figure, withSpread, type Bar, type Table } from "../table.ts";
import { interleaved, OURS, type Row } from "./row.ts";

interface Sample {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  hubUs: number;
}

export const echoRow: Row = {
  name: "echo",
  async run(bench) {
    const contenders = await bench.contenders();
    const tables: Table[] = [];
    for (const connections of [1, 64]) {
      const samples = await interleaved(contenders, bench.quick ? 1 : 3, async (contender) => {
        bench.progress(`${connections}, ${contender.name}`);
        await echo(contender.target, { connections, seconds: 0.3 });
        const { result, cost } = await costOf(contender, () =>
          echo(contender.target, { connections, seconds: bench.quick ? 1 : 2 }),
        );
        const { perSecond, p50Ms, p99Ms } = result;
        return { perSecond, p50Ms, p99Ms, hubUs: (cost.hubMs * 1000) / result.messages };
      });
      tables.push(table(connections, samples));
    }
    return tables;
  },
};

function table(connections: number, samples: Map<string, Sample[]>): Table {
  const middle = (name: string, key: keyof Sample): number =>
    median((samples.get(name) ?? []).map((one) => one[key]));
  const rows = [...samples].map(([name, all]) => [
    name,
    withSpread(
      middle(name, "perSecond"),
      all.map((one) => one.perSecond),
    ),
    figure(middle(name, "p50Ms")),
    figure(middle(name, "p99Ms")),
    middle(name, "hubUs") === 0 ? "–" : figure(middle(name, "hubUs")),
  ]);
  const others = ["frp, http", "frp, tcp"].filter((name) => samples.has(name));
  const bars: Bar[] = others.flatMap((name) => [
    atLeast(`ahead of ${name} in messages`, {
      value: middle(OURS, "perSecond"),
      other: middle(name, "perSecond"),
    }),
    atMost(`p50 not above that of ${name} (${figure(middle(name, "p50Ms"))} ms)`, {
      value: middle(OURS, "p50Ms"),
      bound: middle(name, "p50Ms"),
      unit: "ms",
    }),
  ]);
  return {
    title: `WebSocket echo, 64 bytes, ${connections} connection${connections === 1 ? "" : "s"}`,
    columns: ["", "messages/s", "p50 ms", "p99 ms", "hub µs CPU/message"],
    rows,
    bars,
    notes: [],
  };
}
