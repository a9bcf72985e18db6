// One large file from disk to disk: by a sealed session through the hub, by scp, and copied as it is.
import { randomBytes } from "node:crypto";
import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { cpuMs, median } from "../measure.ts";
import { pairUp, program, startDevices } from "../muster/devices.ts";
import { hubPlace } from "../muster/start-hub.ts";
import { startSshServer } from "../peers/ssh.ts";
import { freePort, reachable, type Stage } from "../stage.ts";
import { figure, ratio, withSpread, type Table } from "../table.ts";
import { interleaved, type Bench, type Row } from "./row.ts";

const MIB = 2 ** 20;
/** In the table's order. */
const SIDES = ["sender", "hub", "receiver"] as const;
type Side = (typeof SIDES)[number];

interface Copier {
  name: string;
  promises: string;
  /** Their CPU time; what `copy` starts itself counts as the sender's. */
  pids: Partial<Record<Side, number>>;
  /** From disk to disk, until the sender knows that it is there. CPU time of what it started, where it is known. */
  copy(): Promise<Partial<Record<Side, number>>>;
}

type Sample = { mbPerSecond: number } & Record<Side, number>;

export const filesRow: Row = {
  name: "files",
  async run(bench) {
    const { stage, quick } = bench;
    const bytes = (quick ? 128 : 1024) * MIB;
    bench.progress(`writing ${bytes / MIB} MiB`);
    const file = randomFile(stage, bytes);
    const copiers = [
      await plainCopy(stage, file),
      ...((await bench.attempt(SCP, () => scp(stage, file))) ?? []),
      await sealed(bench, file),
    ];
    const samples = await interleaved(copiers, quick ? 1 : 3, async (copier) => {
      bench.progress(copier.name);
      return sample(copier, bytes);
    });
    return [table(copiers, samples, bytes)];
  },
};

const SCP = { name: "scp", programs: ["sshd", "ssh", "scp", "ssh-keygen"] };

/** Nothing in it can be compressed. */
function randomFile(stage: Stage, bytes: number): string {
  const path = stage.file("file.bin", "");
  const piece = randomBytes(8 * MIB);
  const file = openSync(path, "w");
  for (let at = 0; at < bytes; at += piece.length) writeSync(file, piece);
  closeSync(file);
  return path;
}

async function sample(copier: Copier, bytes: number): Promise<Sample> {
  const cpu = (side: Side): number => cpuMs([copier.pids[side] ?? 0]);
  const before = SIDES.map(cpu);
  const startMs = performance.now();
  const started = await copier.copy();
  const tookMs = performance.now() - startMs;
  const [sender = 0, hub = 0, receiver = 0] = SIDES.map((side, at) => {
    const spentMs = cpu(side) - (before[at] ?? 0) + (started[side] ?? 0);
    return spentMs / 1e3 / (bytes / 1e9);
  });
  return { mbPerSecond: bytes / 1e3 / tookMs, sender, hub, receiver };
}

/** As `cat | nc` does it: nothing is checked, nothing sealed, and nobody in between. */
async function plainCopy(stage: Stage, file: string): Promise<Copier> {
  const port = await freePort();
  const target = join(stage.makeFolder("plain"), "file.bin");
  const copier = new URL("../load/copy.ts", import.meta.url).pathname;
  const receiver = stage.start([process.execPath, copier, "receive", String(port), target]);
  await reachable(port);
  return {
    name: "plain copy over TCP",
    promises: "not sealed, not checked, no hub",
    pids: { receiver: receiver.pid },
    async copy() {
      const send = [process.execPath, copier, "send", String(port), file];
      const { cpuMs: sender } = await stage.runCounted(send);
      checkSize(file, target);
      return { sender };
    },
  };
}

async function scp(stage: Stage, file: string): Promise<Copier[]> {
  const server = await startSshServer(stage);
  const target = join(stage.makeFolder("scp"), "file.bin");
  return [
    {
      name: "scp",
      promises: "sealed to the server, no hub",
      pids: { receiver: server.pid },
      async copy() {
        const to = `${server.user}@127.0.0.1:${target}`;
        const { cpuMs: sender } = await stage.runCounted(["scp", "-q", ...server.options("-P"), file, to]);
        checkSize(file, target);
        return { sender };
      },
    },
  ];
}

async function sealed({ stage }: Bench, file: string): Promise<Copier> {
  const { hub, devices } = await startDevices(stage, await hubPlace(stage, "files"), ["one", "two"]);
  const [one, two] = devices;
  if (one === undefined || two === undefined) throw new Error("two were started");
  await pairUp(one, two);
  return {
    name: "Muster, `muster send --file`",
    promises: "sealed end to end, hashed, durable before it is said so",
    pids: { sender: one.pid, hub: hub.pid, receiver: two.pid },
    async copy() {
      const send = [program, "send", two.name, "--file", file, "--wait", "--json"];
      const { said, cpuMs: sender } = await stage.runCounted(send, { env: one.env });
      const { state } = JSON.parse(said) as { state: string }; // the documented answer of `send`
      if (state !== "delivered") throw new Error(`the file is ${state}`);
      rmSync(join(two.home, "received"), { recursive: true });
      return { sender };
    },
  };
}

function checkSize(one: string, other: string): void {
  const [wanted, got] = [statSync(one).size, statSync(other).size];
  if (wanted !== got) throw new Error(`${got} of ${wanted} bytes arrived`);
  rmSync(other);
}

function table(copiers: readonly Copier[], samples: Map<string, Sample[]>, bytes: number): Table {
  const middle = (name: string, key: keyof Sample): number =>
    median((samples.get(name) ?? []).map((one) => one[key]));
  const rates = (name: string): number[] => (samples.get(name) ?? []).map(({ mbPerSecond }) => mbPerSecond);
  return {
    title: `A file of ${bytes / MIB} MiB from disk to disk`,
    columns: ["", "what is promised", "MB/s", "of scp", ...SIDES.map((side) => `${side} s CPU/GB`)],
    rows: copiers.map(({ name, promises }) => [
      name,
      promises,
      withSpread(median(rates(name)), rates(name)),
      ratio(median(rates(name)) / middle(SCP.name, "mbPerSecond")),
      ...SIDES.map((side) => (middle(name, side) === 0 ? "–" : figure(middle(name, side)))),
    ]),
    bars: [],
    notes: [
      "From the start of the sending command to its end. What the commands themselves spend is the sender's. The plain " +
        "copy is a program of this bench; a file of Muster goes through the hub, those of the others straight.",
    ],
  };
}
