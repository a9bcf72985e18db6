// One question to a thousand devices through the hub, until the last answer is here; and to a thousand clients of
// nats-server, which publish theirs.
import { askFleet } from "../../src/client/calls/ask-fleet.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";
import { realWorld } from "../../src/world/real.ts";
import { nats, natsClient, natsPublish, natsServer } from "../brokers/nats.ts";
import { Arrivals } from "../brokers/broker.ts";
import { costOf, median, quantile } from "../measure.ts";
import { benchCrypto, ownerOf } from "../muster/enrol.ts";
import { enrolAt } from "../muster/enrol-at.ts";
import { madeUpTasks } from "../muster/made-up-tasks.ts";
import { connectRaw } from "../muster/raw-device.ts";
import { allConnected, startSimulated } from "../muster/simulated.ts";
import { hubPlace, startHub } from "../muster/start-hub.ts";
import { nextObject } from "../stage.ts";
import { figure, ratio, type Table } from "../table.ts";
import { interleaved, type Bench, type Row } from "./row.ts";

const DEVICES = 1_000;
const PROCESSES = 2;
const TIMEOUT_MS = 30_000;

interface Asked {
  name: string;
  promises: string;
  hub: readonly number[];
  agent: readonly number[];
  ask(): Promise<void>;
}

interface Sample {
  p50Ms: number;
  p99Ms: number;
  hubUs: number;
  agentUs: number;
}

export const queriesRow: Row = {
  name: "queries",
  async run(bench) {
    const all = [
      ...((await bench.attempt(nats, () => natsFleet(bench))) ?? []),
      await musterFleet(bench, { signed: true }),
    ];
    const times = bench.quick ? 25 : 100;
    const samples = await interleaved(all, bench.quick ? 1 : 3, async (asked) => {
      bench.progress(asked.name);
      return sample(asked, times);
    });
    return [table(all, samples)];
  },
};

async function sample(asked: Asked, times: number): Promise<Sample> {
  for (let warming = 0; warming < 3; warming += 1) await asked.ask();
  const tookMs: number[] = [];
  const { cost } = await costOf(asked, async () => {
    for (let round = 0; round < times; round += 1) {
      const startMs = performance.now();
      await asked.ask();
      tookMs.push(performance.now() - startMs);
    }
  });
  const answers = times * DEVICES;
  return {
    p50Ms: median(tookMs),
    p99Ms: quantile(tookMs, 0.99),
    hubUs: (cost.hubMs * 1000) / answers,
    agentUs: (cost.agentMs * 1000) / answers,
  };
}

async function natsFleet({ stage }: Bench): Promise<Asked[]> {
  const { port, pid } = await natsServer(stage);
  const answer = JSON.stringify(madeUpTasks("device-999"));
  const program = new URL("../load/nats-fleet.ts", import.meta.url).pathname;
  const pids: number[] = [];
  for (let started = 0; started < PROCESSES; started += 1) {
    const count = String(DEVICES / PROCESSES);
    const fleet = stage.start([process.execPath, program, String(port), count, answer]);
    await nextObject(fleet.lines());
    pids.push(fleet.pid);
  }
  const answers = new Arrivals();
  const asker = await natsClient(port, { subject: "answer", body: answer }, (count) => answers.add(count));
  return [
    {
      name: "nats-server",
      promises: "no TLS, nothing checked, who lacks is not named",
      hub: [pid],
      agent: pids,
      async ask() {
        const came = answers.more(DEVICES);
        asker.write(natsPublish("ask", "?"));
        await came;
      },
    },
  ];
}

async function musterFleet({ stage, progress }: Bench, { signed }: { signed: boolean }): Promise<Asked> {
  progress(`enrolling and connecting ${DEVICES}`);
  const place = await hubPlace(stage, "queries");
  await enrolAt(stage, place, DEVICES, DEVICES);
  const { started: hub } = await startHub(stage, place);
  const each = DEVICES / PROCESSES;
  const fleets = Array.from({ length: PROCESSES }, (_, at) =>
    startSimulated(stage, place, {
      first: at * each,
      end: (at + 1) * each,
      perOwner: DEVICES,
      answers: true,
    }),
  );
  await Promise.all(fleets.map((fleet) => allConnected(fleet.lines())));
  const { signer, log } = await ownerOf(0);
  const session = await connectRaw(stage, place, { signer, name: "owner", sessionKind: "attach" });
  const { clock, random } = realWorld;
  const asker = { clock, random, crypto: benchCrypto, signer, hub: session, ownerRoot: toBase64Url(log.id) };
  return {
    name: "Muster, a controller's signed query",
    promises: "TLS, each device checks the signature, who lacks is named",
    hub: [hub.pid],
    agent: fleets.map(({ pid }) => pid),
    async ask() {
      const question = { type: "ListTasks", params: "{}", timeoutMs: TIMEOUT_MS, signed } as const;
      let answered = 0;
      for await (const reply of askFleet(asker, question, new AbortController().signal)) {
        if (reply.type === "aggregate_query_done") answered = reply.answered.length;
        if (reply.type === "aggregate_query_refused") throw new Error(reply.error.message);
      }
      if (answered !== DEVICES) throw new Error(`${answered} of ${DEVICES} devices answered`);
    },
  };
}

function table(all: readonly Asked[], samples: Map<string, Sample[]>): Table {
  const middle = (name: string, key: keyof Sample): number =>
    median((samples.get(name) ?? []).map((one) => one[key]));
  return {
    title: `One question to ${DEVICES} devices, until the last answer`,
    columns: [
      "",
      "what is promised",
      "p50 ms",
      "of nats-server",
      "p99 ms",
      "hub µs CPU/answer",
      "devices µs CPU/answer",
    ],
    rows: all.map(({ name, promises }) => [
      name,
      promises,
      figure(middle(name, "p50Ms")),
      ratio(middle(name, "p50Ms") / middle(nats.name, "p50Ms")),
      ...(["p99Ms", "hubUs", "agentUs"] as const).map((key) => figure(middle(name, key))),
    ]),
    bars: [],
    notes: [
      `The devices are ${PROCESSES} processes, each with connections of its own for all of them, on the same cores as ` +
        "the hub; the asker is the bench. Each answers with the same page of five tasks.",
    ],
  };
}
