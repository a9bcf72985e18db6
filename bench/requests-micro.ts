// One small GET on its whole way without sockets: edge → trunk → gateway → app and back, all in one process.
//
//   bun bench/requests-micro.ts [password] [rounds]
//
// What it leaves out is what the kernel does; what it shows is what our own code costs, and it repeats to a
// few per cent where a load over sockets varies by half.
import { createHmac } from "node:crypto";
import { Ticker } from "../src/http1/ticker.ts";
import { createMetrics as agentMetrics } from "../src/agent/metrics.ts";
import { Gateway } from "../src/agent/gateway/gateway.ts";
import type { AppTarget } from "../src/agent/gateway/share-target.ts";
import { openShareStream } from "../src/agent/streams.ts";
import { Addresses } from "../src/hub/addresses.ts";
import { Edge, type EdgeParts } from "../src/hub/edge/edge.ts";
import { requestIds } from "../src/hub/edge/request-ids.ts";
import { createMetrics as hubMetrics } from "../src/hub/metrics.ts";
import { Trunk, type TrunkEvents } from "../src/trunk/trunk.ts";
import { realClock } from "../src/world/time.ts";
import { realDisk } from "../src/world/disk.ts";
import { realWorld } from "../src/world/real.ts";
import type { ByteStream, ByteStreamEvents, Socket, Timers } from "../src/world/world.ts";

const VISITORS = 64;
const PASSWORD = "correct horse battery";
const guarded = process.argv.includes("password");
const rounds = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 20);
const ROUND_REQUESTS = 20_000;

const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
// As wrk sends it, and as the bench's origin answers.
const REQUEST = latin1(
  `GET / HTTP/1.1\r\nHost: guarded.bench.localhost\r\n${guarded ? `Muster-Password: ${PASSWORD}\r\n` : ""}\r\n`,
);
const RESPONSE = latin1(
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!",
);

/** The loop, turned by hand: timers never come due, and what is asked for soon runs when we say so. */
let soon: (() => void)[] = [];
const timers: Timers = {
  after: () => ({ cancel() {} }),
  every: () => ({ cancel() {} }),
  soon: (run) => void soon.push(run),
};
function turn(): void {
  const due = soon;
  soon = [];
  for (const run of due) run();
}

/** One direction of the connection under the trunk. */
class Cable {
  far: ByteStreamEvents | undefined;
  readonly #bytes = new Uint8Array(8 << 20);
  #length = 0;

  readonly wire = {
    write: (bytes: Uint8Array): number => {
      this.#bytes.set(bytes, this.#length);
      this.#length += bytes.length;
      return bytes.length;
    },
    shutdown() {},
    close() {},
  };

  /** As a socket reads: up to 512 KiB at once. */
  deliver(): void {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    for (let at = 0; at < bytes.length; at += 512 << 10) this.far?.data(bytes.subarray(at, at + (512 << 10)));
  }
}

const NO_STREAM: Omit<ByteStream, "write"> = { pause() {}, resume() {}, shutdown() {}, close() {} };

function socketOf(write: (bytes: Uint8Array) => number): Socket {
  return {
    ...NO_STREAM,
    write,
    tls: false,
    remoteAddress: "127.0.0.1",
    localAddress: "127.0.0.1",
    finish() {},
    channelBinding: () => new Uint8Array(0),
  };
}

const quiet: Omit<TrunkEvents, "opened"> = {
  message() {},
  goaway() {},
  closed: (why) => console.error(why),
  failed: (error) => console.error(error),
};

// The app: answers every request that was written to it when its turn comes.
let asked: ByteStreamEvents[] = [];
function appTurn(): void {
  const due = asked;
  asked = [];
  for (const events of due) events.data(RESPONSE.slice());
}

const share: AppTarget = {
  id: "share-guarded",
  name: "guarded",
  access: guarded ? "password" : "public",
  passwordVerifier: PASSWORD,
  passwordVersion: 1,
  chosenPassword: false,
  proofKey: new Uint8Array(32),
  insecure: false,
  allowOrigins: [],
  expiresAt: null,
  kind: "app",
  port: 3000,
  hasCommand: false,
  rewriteHost: false,
};

const up = new Cable();
const down = new Cable();
const agentCounts = agentMetrics({ trunkConnected: () => true, shares: () => [] });
const gateway = new Gateway({
  clock: realClock,
  timers,
  network: {
    connect: async ({ connected }) => {
      const late: { events?: ByteStreamEvents } = {};
      const socket = socketOf((bytes) => {
        if (late.events !== undefined) asked.push(late.events);
        return bytes.length;
      });
      late.events = connected(socket);
      return socket;
    },
  },
  disk: realDisk,
  randomBytes: (length) => realWorld.random.bytes(length),
  hmacSha256: (key, bytes) => new Uint8Array(createHmac("sha256", key).update(bytes).digest()),
  verifyEd25519: () => false,
  hasher: { hash: async (word) => word, verify: async (word, verifier) => word === verifier },
  deviceKey: new Uint8Array(32).fill(1),
  hub: () => undefined,
  counters: { served: (_share, response) => agentCounts.served(response) },
  failed: (error) => console.error(error),
});
const agentTicker = new Ticker({ clock: realClock, timers });
const agentTrunk = new Trunk({
  role: "agent",
  stream: up.wire,
  timers,
  clock: realClock,
  events: {
    ...quiet,
    opened: (stream, payload) =>
      openShareStream(
        {
          clock: realClock,
          ticker: agentTicker,
          gateway,
          shares: { target: () => share, state: () => "running" },
        },
        stream,
        payload,
      ),
  },
});
const hubTrunk = new Trunk({
  role: "hub",
  stream: down.wire,
  timers,
  clock: realClock,
  events: { ...quiet, opened: () => ({ data() {}, drain() {}, end() {}, close() {} }) },
});
up.far = hubTrunk.wire;
down.far = agentTrunk.wire;

const counts = hubMetrics();
const session = { trunk: hubTrunk, leaving: false };
const record = { deviceId: "device", shareId: "share-guarded" };
const labels = new Map([["guarded", record]]);
const edge = new Edge({
  ticker: new Ticker({ clock: realClock, timers }),
  log: { error: (...said: unknown[]) => console.error(...said) },
  addresses: new Addresses({
    port: 443,
    https: true,
    domain: "bench.localhost",
    publicPort: undefined,
    ownAddresses: () => [],
  }),
  connectionsMax: 1000,
  trustedProxies: new Set(["127.0.0.1", "::1"]),
  shares: { byLabel: (label: string) => labels.get(label) },
  nextRequestId: requestIds(realWorld.random),
  shareDoor: {
    directory: { device: () => session },
    fail: (_visit: unknown, failure: string) => console.error(failure),
    done: (_visit: unknown, fin: { status: number; firstByteMs: number }) =>
      counts.request({ place: "share", route: "share", status: fin.status, seconds: fin.firstByteMs / 1000 }),
  },
} as unknown as EdgeParts); // of all the parts of a hub, those on the way of a share's request

let answered = 0;
let ready: ByteStreamEvents[] = [];
for (let index = 0; index < VISITORS; index += 1) {
  const late: { events?: ByteStreamEvents } = {};
  const socket = socketOf((bytes) => {
    if (bytes[9] !== 0x32) throw new Error(Buffer.from(bytes).toString());
    // The answer's last bytes are its body's.
    if (bytes.at(-1) === 0x21) {
      answered += 1;
      if (late.events !== undefined) ready.push(late.events);
    }
    return bytes.length;
  });
  late.events = edge.connection(socket);
  ready.push(late.events);
}

let hubMs = 0;
let agentMs = 0;
/** Returns how many have been answered. */
function lap(): number {
  const t0 = performance.now();
  const due = ready;
  ready = [];
  for (const visitor of due) visitor.data(REQUEST.slice());
  turn();
  const t1 = performance.now();
  down.deliver();
  turn();
  appTurn();
  turn();
  const t2 = performance.now();
  up.deliver();
  turn();
  const t3 = performance.now();
  hubMs += t1 - t0 + t3 - t2;
  agentMs += t2 - t1;
  return answered;
}

async function run(requests: number): Promise<{ cpuUs: number; hubUs: number; agentUs: number }> {
  answered = 0;
  hubMs = 0;
  agentMs = 0;
  const before = process.cpuUsage();
  let laps = 0;
  while (lap() < requests) {
    // Dialling and the first look at a password are promises.
    if (++laps % 64 === 0 || ready.length === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const { user, system } = process.cpuUsage(before);
  return {
    cpuUs: (user + system) / requests,
    hubUs: (hubMs * 1000) / requests,
    agentUs: (agentMs * 1000) / requests,
  };
}

await run(5 * ROUND_REQUESTS);
const found: Awaited<ReturnType<typeof run>>[] = [];
for (let round = 0; round < rounds; round += 1) found.push(await run(ROUND_REQUESTS));
for (const [name, key] of [
  ["CPU µs", "cpuUs"],
  ["hub, µs on the clock", "hubUs"],
  ["agent, µs on the clock", "agentUs"],
] as const) {
  const values = found.map((one) => one[key]).sort((a, b) => a - b);
  const [least = 0] = values;
  console.log(
    `${name} per request: least ${least.toFixed(2)}, median ${(values[values.length >> 1] ?? 0).toFixed(2)}`,
  );
}
process.exit(0);
