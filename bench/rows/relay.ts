// Small messages from one program to another through a server: many at once, and one there and back.
import type { Broker, BrokerPeer } from "../brokers/broker.ts";
import { MESSAGE_BYTES } from "../brokers/broker.ts";
import { hubAlone } from "../brokers/hub-alone.ts";
import { nats } from "../brokers/nats.ts";
import { redis } from "../brokers/redis.ts";
import { sealedMessages } from "../brokers/sealed-messages.ts";
import { costOf, median, quantile } from "../measure.ts";
import { startDevices } from "../muster/devices.ts";
import { enrolAt } from "../muster/enrol-at.ts";
import { hubPlace } from "../muster/start-hub.ts";
import { figure, ratio, withSpread, type Bar, type Table } from "../table.ts";
import { interleaved, type Bench, type Row } from "./row.ts";

const PEERS: readonly BrokerPeer[] = [nats, redis];
const BAR_PER_SECOND = 1_000_000;
const CARRIED = "Muster's hub alone, live streams";
/** Before what is measured. */
const WARM_UP_MS = 300;

interface Sample {
  perSecond: number;
  hubUs: number;
  agentUs: number;
  p50Ms: number;
  p99Ms: number;
}

export const relayRow: Row = {
  name: "relay",
  async run(bench) {
    const brokers = await start(bench);
    const samples = await interleaved(brokers, bench.quick ? 1 : 3, async (broker) => {
      bench.progress(broker.name);
      return sample(broker, bench.quick ? 700 : 3_000);
    });
    return [table(brokers, samples)];
  },
};

async function start(bench: Bench): Promise<Broker[]> {
  const { stage } = bench;
  const brokers: Broker[] = [];
  for (const peer of PEERS) brokers.push(...((await bench.attempt(peer, () => peer.start(stage))) ?? []));
  bench.progress("starting Muster");
  const place = await hubPlace(stage, "relay");
  await enrolAt(stage, place, 2);
  const joined = await startDevices(stage, place, ["one", "two"]);
  const [one, two] = joined.devices;
  if (one === undefined || two === undefined) throw new Error("two were started");
  return [...brokers, ...(await hubAlone(stage, joined)), await sealedMessages(joined, [one, two])];
}

async function sample(broker: Broker, forMs: number): Promise<Sample> {
  await during(WARM_UP_MS, () => broker.burst(broker.burstCount));
  const { result: bursts, cost } = await costOf(broker, () =>
    during(forMs, () => broker.burst(broker.burstCount)),
  );
  const messages = bursts.length * broker.burstCount;
  await during(WARM_UP_MS / 3, () => broker.roundTrip());
  const trips = await during(forMs, () => broker.roundTrip());
  return {
    perSecond: (messages * 1000) / cost.tookMs,
    hubUs: (cost.hubMs * 1000) / messages,
    agentUs: (cost.agentMs * 1000) / messages,
    p50Ms: median(trips),
    p99Ms: quantile(trips, 0.99),
  };
}

/** Again and again for so long; how long each took, milliseconds. */
async function during(forMs: number, work: () => Promise<void>): Promise<number[]> {
  const took: number[] = [];
  const end = performance.now() + forMs;
  for (let startMs = performance.now(); startMs < end; startMs = performance.now()) {
    await work();
    took.push(performance.now() - startMs);
  }
  return took;
}

function table(brokers: readonly Broker[], samples: Map<string, Sample[]>): Table {
  const middle = (name: string, key: keyof Sample): number =>
    median((samples.get(name) ?? []).map((one) => one[key]));
  const rows = brokers.map(({ name, promises }) => {
    const rates = (samples.get(name) ?? []).map(({ perSecond }) => perSecond);
    const cpu = (key: "hubUs" | "agentUs"): string =>
      middle(name, key) === 0 ? "–" : figure(middle(name, key));
    return [
      name,
      promises,
      withSpread(median(rates), rates),
      ratio(median(rates) / middle(nats.name, "perSecond")),
      cpu("hubUs"),
      cpu("agentUs"),
      figure(middle(name, "p50Ms")),
      figure(middle(name, "p99Ms")),
    ];
  });
  const carried = middle(CARRIED, "perSecond");
  const bars: Bar[] = [
    {
      wanted: "a million small messages a second through the hub, pipelined",
      got: `${figure(carried)} a second`,
      reached: carried >= BAR_PER_SECOND,
    },
  ];
  return {
    title: `Relay of ${MESSAGE_BYTES} bytes: many at once, and one there and back`,
    columns: [
      "",
      "what is promised",
      "messages/s",
      "of nats-server",
      "hub µs CPU/message",
      "agents µs CPU/message",
      "there and back, p50 ms",
      "p99 ms",
    ],
    rows,
    bars,
    notes: [
      "What stands in one table here is not alike: nats and PUBLISH hand a message on and forget it. The messages of " +
        "live streams go over sixteen of them in turns, so that each is a frame of its own. Where the agents have no " +
        "figure, both ends are connections of the bench's own process, which for the fast ones is what bounds them. A " +
        "round trip of Muster's messages ends with the receiver's signature.",
    ],
  };
}
