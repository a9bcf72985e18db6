// Small tasks given to another device through the hub, each signed, in a sealed session of its own, and counted once
// the device has it on its disk. Beside them, what one would do by ssh.
import { readOrderFrames } from "../../src/protocol/order-frames.ts";
import { cpuMs, median, quantile } from "../measure.ts";
import { eventually, program, startDevices, type Device } from "../muster/devices.ts";
import { cliEnvironment, hubPlace } from "../muster/start-hub.ts";
import { startSshServer } from "../peers/ssh.ts";
import { figure, withSpread, type Table } from "../table.ts";
import { interleaved, type Bench, type Row } from "./row.ts";

const AT_ONCE = 8;

interface Way {
  name: string;
  promises: string;
  atOnce: number;
  /** In the middle; at the end that is asked and runs it; at the end that asks, beside what `give` starts. */
  hub: readonly number[];
  worker: readonly number[];
  giver: readonly number[];
  /** CPU time of what it started, milliseconds. */
  give(): Promise<number>;
}

interface Sample {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  hubMs: number;
  giverMs: number;
  workerMs: number;
}

export const tasksRow: Row = {
  name: "tasks",
  async run(bench) {
    const ways = [...(await byMuster(bench)), ...((await bench.attempt(SSH, () => bySsh(bench))) ?? [])];
    const samples = await interleaved(ways, bench.quick ? 1 : 3, async (way) => {
      bench.progress(way.name);
      return sample(way, bench.quick ? 1_500 : 5_000);
    });
    return [table(ways, samples)];
  },
};

const SSH = { name: "ssh", programs: ["sshd", "ssh", "ssh-keygen"] };

async function byMuster({ stage, progress }: Bench): Promise<Way[]> {
  progress("starting Muster");
  const { place, hub, devices } = await startDevices(stage, await hubPlace(stage, "tasks"), [
    "desk",
    "worker",
  ]);
  const [desk, worker] = devices;
  if (desk === undefined || worker === undefined) throw new Error("two were started");
  const promote = [program, "device", "promote", desk.name, "--yes", "--json"];
  await stage.run(promote, { env: cliEnvironment(place, place.home) });
  // Both learn of the new controller a moment later.
  await eventually(() => accepted(desk, worker));
  const sides = { hub: [hub.pid], giver: [desk.pid], worker: [worker.pid] };
  const give = async (): Promise<number> => {
    await accepted(desk, worker);
    return 0;
  };
  const promises = "signed and sealed through the hub, on the disk of the device";
  return [
    { name: "Muster, asked of the agent", promises, atOnce: 1, ...sides, give },
    { name: `Muster, ${AT_ONCE} at once`, promises, atOnce: AT_ONCE, ...sides, give },
    {
      name: "`muster run --detach`",
      promises,
      atOnce: 1,
      ...sides,
      async give() {
        const run = [program, "run", "--device", worker.name, "--detach", "--json", "--", "true"];
        return (await stage.runCounted(run, { env: desk.env })).cpuMs;
      },
    },
  ];
}

/** Resolves once the order has ended, which with `detach` is when the device has taken it. Throws why it has not. */
async function accepted(desk: Device, worker: Device): Promise<void> {
  const request = { argv: ["true"], stdin: false, detach: true };
  const response = await desk.stream("run", { device: worker.name, request, wait_ms: 0, queue: false });
  for await (const frame of readOrderFrames(response.body ?? new ReadableStream<Uint8Array>())) {
    if (frame.type !== "event") continue;
    const { event } = frame;
    if (event.type === "failed") throw new Error(event.error.message);
    if (event.type === "ended" && event.outcome.error !== undefined)
      throw new Error(event.outcome.error.message);
    if (event.type === "ended") return;
  }
  throw new Error("the order ended without a word");
}

async function bySsh({ stage }: Bench): Promise<Way[]> {
  const server = await startSshServer(stage);
  const target = `${server.user}@127.0.0.1`;
  const kept = ["-o", `ControlPath=${stage.folder}/kept`];
  const master = stage.start(["ssh", "-N", "-M", ...kept, ...server.options("-p"), target]);
  const ssh = (options: readonly string[]) => async (): Promise<number> =>
    (await stage.runCounted(["ssh", ...options, ...server.options("-p"), target, "true"])).cpuMs;
  await eventually(async () => {
    await stage.run(["ssh", "-O", "check", ...kept, target]);
  });
  const sides = { atOnce: 1, hub: [], worker: [server.pid] };
  const promises = "sealed to the server, run to its end, kept nowhere";
  return [
    { name: "ssh, a connection each", promises, ...sides, giver: [], give: ssh([]) },
    { name: "ssh, one connection kept", promises, ...sides, giver: [master.pid], give: ssh(kept) },
  ];
}

async function sample(way: Way, forMs: number): Promise<Sample> {
  await way.give();
  const tookMs: number[] = [];
  const spent = (): number[] => [way.hub, way.giver, way.worker].map((pids) => cpuMs(pids));
  const before = spent();
  let startedMs = 0;
  const startMs = performance.now();
  const line = async (): Promise<void> => {
    while (performance.now() < startMs + forMs) {
      const oneMs = performance.now();
      startedMs += await way.give();
      tookMs.push(performance.now() - oneMs);
    }
  };
  await Promise.all(Array.from({ length: way.atOnce }, line));
  const allMs = performance.now() - startMs;
  const [hubMs = 0, giverMs = 0, workerMs = 0] = spent().map((after, at) => after - (before[at] ?? 0));
  const count = tookMs.length;
  return {
    perSecond: (count * 1000) / allMs,
    p50Ms: median(tookMs),
    p99Ms: quantile(tookMs, 0.99),
    hubMs: hubMs / count,
    giverMs: (giverMs + startedMs) / count,
    workerMs: workerMs / count,
  };
}

function table(ways: readonly Way[], samples: Map<string, Sample[]>): Table {
  const middle = (name: string, key: keyof Sample): number =>
    median((samples.get(name) ?? []).map((one) => one[key]));
  return {
    title: "Tasks given to another device",
    columns: [
      "",
      "what is promised",
      "tasks/s",
      "p50 ms",
      "p99 ms",
      "hub ms CPU/task",
      "giver ms CPU/task",
      "device ms CPU/task",
    ],
    rows: ways.map(({ name, promises }) => {
      const rates = (samples.get(name) ?? []).map(({ perSecond }) => perSecond);
      const cpu = (key: "hubMs" | "giverMs" | "workerMs"): string =>
        middle(name, key) === 0 ? "–" : figure(middle(name, key));
      return [
        name,
        promises,
        withSpread(median(rates), rates),
        figure(middle(name, "p50Ms")),
        figure(middle(name, "p99Ms")),
        cpu("hubMs"),
        cpu("giverMs"),
        cpu("workerMs"),
      ];
    }),
    bars: [],
    notes: [
      "The task is `true`. Those of Muster run on the same cores while the next are given, each with a keeper of its " +
        "own that outlives the agent; their CPU time is the device's as far as the agent has seen them end.",
    ],
  };
}
