// How long a model's first word takes through the hub's gateway in the OpenAI format, beside reverse proxies in front of
// the same model server. What is over the direct way is what each of them adds.
import { costOf, median, quantile } from "../measure.ts";
import { MODEL, WORDS } from "../load/model.ts";
import { eventually, hubUrl, program, startDevices, type Answer } from "../muster/devices.ts";
import { certificate, cliEnvironment, hubPlace } from "../muster/start-hub.ts";
import { nginx, proxy } from "../peers/nginx.ts";
import { freePort, reachable } from "../stage.ts";
import { figure, withSpread, type Table } from "../table.ts";
import { interleaved, type Bench, type Row } from "./row.ts";

interface Way {
  name: string;
  url: string;
  key?: string;
  hub: readonly number[];
  agent: readonly number[];
}

interface Sample {
  p50Ms: number;
  p99Ms: number;
  wholeMs: number;
  hubMs: number;
  agentMs: number;
}

const DIRECT = "direct";

export const modelsRow: Row = {
  name: "models",
  async run(bench) {
    const { stage } = bench;
    const port = await freePort();
    stage.start([process.execPath, new URL("../load/model.ts", import.meta.url).pathname, String(port)]);
    await reachable(port);
    const ways: Way[] = [
      { name: DIRECT, url: `http://127.0.0.1:${port}`, hub: [], agent: [] },
      ...((await bench.attempt(nginx, () => proxies(bench, port))) ?? []),
      await gateway(bench, port),
    ];
    const samples = await interleaved(ways, bench.quick ? 1 : 3, async (way) => {
      bench.progress(way.name);
      return sample(way, bench.quick ? 40 : 200);
    });
    return [table(ways, samples)];
  },
};

async function proxies({ stage }: Bench, port: number): Promise<Way[]> {
  const ground = { stage, originPort: port, ...(await certificate(stage)) };
  const inner = await proxy(ground, { to: port, tls: true, unbuffered: true });
  const outer = await proxy(ground, { to: inner.port, tls: true, toTls: true, unbuffered: true });
  return [
    {
      name: "nginx, one hop, TLS",
      url: `https://localhost:${inner.port}`,
      hub: [inner.started.pid],
      agent: [],
    },
    {
      name: "nginx, two hops, TLS on both",
      url: `https://localhost:${outer.port}`,
      hub: [outer.started.pid],
      agent: [inner.started.pid],
    },
  ];
}

async function gateway({ stage, progress }: Bench, port: number): Promise<Way> {
  progress("starting Muster");
  const config = `[llm]\nbase_url = "http://127.0.0.1:${port}/v1"\nmodel = "${MODEL}"\n`;
  const place = await hubPlace(stage, "models");
  const { hub, devices } = await startDevices(stage, place, ["gpu"], { gpu: config });
  const atHub = { env: cliEnvironment(place, place.home) };
  const made: Answer = JSON.parse(await stage.run([program, "key", "create", "bench", "--json"], atHub));
  const way: Way = {
    name: "Muster, the hub's /v1 with a key, TLS",
    url: hubUrl(place),
    key: String(made.key ?? made.token),
    hub: [hub.pid],
    agent: devices.map(({ pid }) => pid),
  };
  // The device looks for its model server, and learns of the key, a moment later.
  await eventually(async () => {
    await ask(way);
  });
  return way;
}

async function sample(way: Way, times: number): Promise<Sample> {
  for (let warming = 0; warming < 5; warming += 1) await ask(way);
  const firsts: number[] = [];
  const wholes: number[] = [];
  const { cost } = await costOf(way, async () => {
    for (let round = 0; round < times; round += 1) {
      const { firstMs, wholeMs } = await ask(way);
      firsts.push(firstMs);
      wholes.push(wholeMs);
    }
  });
  return {
    p50Ms: median(firsts),
    p99Ms: quantile(firsts, 0.99),
    wholeMs: median(wholes),
    hubMs: cost.hubMs / times,
    agentMs: cost.agentMs / times,
  };
}

/** From the request to its first word, and to its end, over a connection that is kept. */
async function ask({ url, key }: Way): Promise<{ firstMs: number; wholeMs: number }> {
  const body = { model: MODEL, stream: true, messages: [{ role: "user", content: "Say something." }] };
  const startMs = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify(body),
    tls: { rejectUnauthorized: false },
  });
  let said = "";
  let firstMs = Number.NaN;
  const text = new TextDecoder();
  for await (const piece of response.body ?? new ReadableStream<Uint8Array>()) {
    said += text.decode(piece, { stream: true });
    if (Number.isNaN(firstMs) && said.includes('"content"')) firstMs = performance.now() - startMs;
  }
  const words = said.split('"content"').length - 1;
  if (words !== WORDS) throw new Error(`${url} answers ${response.status}: ${said.slice(0, 300)}`);
  return { firstMs, wholeMs: performance.now() - startMs };
}

function table(ways: readonly Way[], samples: Map<string, Sample[]>): Table {
  const of = (name: string, key: keyof Sample): number[] => (samples.get(name) ?? []).map((one) => one[key]);
  const middle = (name: string, key: keyof Sample): number => median(of(name, key));
  const cpu = (name: string, key: "hubMs" | "agentMs"): string =>
    middle(name, key) === 0 ? "–" : figure(middle(name, key));
  return {
    title: `A model's first word, streamed; ${WORDS} words each`,
    columns: [
      "",
      "first word, p50 ms",
      "added, p50 ms",
      "p99 ms",
      "whole answer, p50 ms",
      "hub ms CPU/answer",
      "agent ms CPU/answer",
    ],
    rows: ways.map(({ name }) => [
      name,
      withSpread(middle(name, "p50Ms"), of(name, "p50Ms")),
      name === DIRECT ? "–" : figure(middle(name, "p50Ms") - middle(DIRECT, "p50Ms")),
      figure(middle(name, "p99Ms")),
      figure(middle(name, "wholeMs")),
      cpu(name, "hubMs"),
      cpu(name, "agentMs"),
    ]),
    bars: [],
    notes: [
      "One request after the other over a kept connection. A proxy passes bytes on; the gateway finds a device that has " +
        "the model, signs the request with the program's key, and the device checks that before it asks its server.",
    ],
  };
}
