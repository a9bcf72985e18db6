// Small GETs over kept-alive connections: 64 at once, and one alone for its latency.
import { generator, requests } from "../load/requests.ts";
import { costOf, median } from "../measure.ts";
import type { Contender } from "../peers/peer.ts";
import { atLeast, atMost, figure, withSpread, type Bar, type Table } from "../table.ts";
import { interleaved, OURS, type Bench, type Row } from "./row.ts";

interface Sample {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  hubUs: number;
  agentUs: number;
}

export const requestsRow: Row = {
  name: "requests",
  async run(bench) {
    const samples = await measure(bench, 64);
    return [table(`Small GET, kept alive, 64 connections (${generator})`, samples, bars(samples))];
  },
};

export const latencyRow: Row = {
  name: "latency",
  async run(bench) {
    const samples = await measure(bench, 1);
    return [table(`Small GET, kept alive, one connection (${generator})`, samples, [])];
  },
};

async function measure(bench: Bench, connections: number): Promise<Map<string, Sample[]>> {
  const contenders = await bench.contenders();
  const seconds = bench.quick ? 1 : connections === 1 ? 2 : 4;
  for (const { name, target } of contenders) {
    bench.progress(`warming ${name}`);
    await requests(target, { connections: 64, seconds: bench.quick ? 1 : 3 });
  }
  return interleaved(contenders, bench.quick ? 1 : 5, async (contender) => {
    bench.progress(contender.name);
    return sample(contender, { connections, seconds });
  });
}

async function sample(contender: Contender, load: { connections: number; seconds: number }): Promise<Sample> {
  const { result, cost } = await costOf(contender, () => requests(contender.target, load));
  const { perSecond, p50Ms, p99Ms } = result;
  return {
    perSecond,
    p50Ms,
    p99Ms,
    hubUs: (cost.hubMs * 1000) / result.requests,
    agentUs: (cost.agentMs * 1000) / result.requests,
  };
}

function table(title: string, samples: Map<string, Sample[]>, bars: Bar[]): Table {
  const direct = middle(samples, "direct", "perSecond");
  const rows = [...samples].map(([name, all]) => {
    const cell = (key: keyof Sample): string => withSpread(middle(samples, name, key), values(all, key));
    const cpu = (key: "hubUs" | "agentUs"): string => (middle(samples, name, key) === 0 ? "–" : cell(key));
    const ratio = figure(middle(samples, name, "perSecond") / direct);
    return [name, cell("perSecond"), ratio, cell("p50Ms"), cell("p99Ms"), cpu("hubUs"), cpu("agentUs")];
  });
  return {
    title,
    columns: ["", "req/s", "of direct", "p50 ms", "p99 ms", "hub µs CPU/request", "agent µs CPU/request"],
    rows,
    bars,
    notes: [],
  };
}

function bars(samples: Map<string, Sample[]>): Bar[] {
  const of = (name: string, key: keyof Sample): number => middle(samples, name, key);
  const found: Bar[] = [];
  if (samples.has("nginx, two hops")) {
    found.push(
      atLeast("ahead of nginx two hops in req/s", {
        value: of(OURS, "perSecond"),
        other: of("nginx, two hops", "perSecond"),
      }),
      atMost(`p99 not above that of nginx two hops (${figure(of("nginx, two hops", "p99Ms"))} ms)`, {
        value: of(OURS, "p99Ms"),
        bound: of("nginx, two hops", "p99Ms"),
        unit: "ms",
      }),
    );
  }
  if (samples.has("frp, http")) {
    found.push(
      atLeast("at least 8 times frp's http mode in req/s", {
        value: of(OURS, "perSecond"),
        other: of("frp, http", "perSecond"),
        times: 8,
      }),
    );
  }
  return [
    ...found,
    atMost("hub at most 9 µs CPU per request", { value: of(OURS, "hubUs"), bound: 9, unit: "µs" }),
  ];
}

function middle(samples: Map<string, Sample[]>, name: string, key: keyof Sample): number {
  return median(values(samples.get(name) ?? [], key));
}

function values(samples: readonly Sample[], key: keyof Sample): number[] {
  return samples.map((one) => one[key]);
}
