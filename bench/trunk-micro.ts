// The trunk alone, over TCP on loopback between two processes: small requests, bulk both ways, stalled
// readers. `bun bench/trunk-micro.ts [tls-cert tls-key]`. CPU per request is the figure to compare; rates
// depend on what else the machine does.

import type { TrunkClosed } from "../src/trunk/closing.ts";
import type { TrunkStream, TrunkStreamEvents } from "../src/trunk/stream.ts";
import { Trunk } from "../src/trunk/trunk.ts";
import type { TrunkEvents } from "../src/trunk/trunk.ts";
import { realNetwork } from "../src/world/network.ts";
import { realClock, realTimers } from "../src/world/time.ts";
import type { Socket } from "../src/world/world.ts";

const CONCURRENCY = 64;
const SMALL_BYTES = 200;
const REQUESTS = 200_000;
const CHUNK_BYTES = 256 * 1024;
const BULK_BYTES = 2 * 1024 * 1024 * 1024;
const STALLED = 1_000;

const utf8 = new TextEncoder();
const text = new TextDecoder();
const small = new Uint8Array(SMALL_BYTES).fill(7);
const chunk = new Uint8Array(CHUNK_BYTES).fill(9);

interface Usage {
  cpuMs: number;
  rssMb: number;
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, rssMb: process.memoryUsage.rss() / 1e6 };
}

function quiet(closed: (why: TrunkClosed) => void): TrunkEvents {
  return {
    opened: () => ({ data() {}, drain() {}, end() {}, close() {} }),
    message() {},
    goaway() {},
    closed,
    failed: (error) => console.error(error),
  };
}

function begin(role: "hub" | "agent", socket: Socket, events: TrunkEvents): Trunk {
  return new Trunk({ role, stream: socket, timers: realTimers, clock: realClock, events });
}

/** Writes `total` bytes as fast as they are taken, then ends. */
function source(stream: TrunkStream, total: number): () => void {
  let left = total;
  return () => {
    while (left > 0) {
      const piece = left < chunk.length ? chunk.subarray(0, left) : chunk;
      const taken = stream.write(piece);
      if (taken < 0) return;
      left -= taken;
      if (taken < piece.length) return;
    }
    stream.shutdown();
  };
}

function serveStream(stream: TrunkStream, payload: Uint8Array): TrunkStreamEvents {
  const kind = text.decode(payload);
  const events: TrunkStreamEvents = { data() {}, drain() {}, end() {}, close() {} };
  if (kind === "small") {
    events.data = () => {
      stream.write(small);
      stream.shutdown();
    };
  } else if (kind === "down" || kind === "stall") {
    events.drain = source(stream, kind === "down" ? BULK_BYTES : 1024 * 1024 * 1024);
    realTimers.soon(() => events.drain());
  } else if (kind === "up") {
    events.end = () => stream.shutdown();
  } else {
    events.data = () => stream.finish(utf8.encode(JSON.stringify(usage())));
  }
  return events;
}

async function agent(port: number, tls: boolean): Promise<void> {
  await realNetwork.connect({
    address: { host: "127.0.0.1", port },
    ...(tls ? { tls: { serverName: "localhost", rejectUnauthorized: false } } : {}),
    timeoutMs: 5_000,
    connected: (socket) =>
      begin("agent", socket, { ...quiet(() => process.exit(0)), opened: serveStream }).wire,
  });
}

function openOn(trunk: Trunk, kind: string, events: TrunkStreamEvents): TrunkStream {
  const stream = trunk.open(utf8.encode(kind), events);
  if (typeof stream === "string") throw new Error(stream);
  return stream;
}

function agentUsage(trunk: Trunk): Promise<Usage> {
  return new Promise((resolve) => {
    const stream = openOn(trunk, "usage", {
      data() {},
      drain() {},
      end(lastWord) {
        stream.shutdown();
        resolve(JSON.parse(text.decode(lastWord)) as Usage); // our own other half wrote it
      },
      close() {},
    });
    stream.write(small);
  });
}

function smallRequests(trunk: Trunk): Promise<void> {
  return new Promise((resolve) => {
    let begun = 0;
    let done = 0;
    const next = (): void => {
      if (begun === REQUESTS) return;
      begun += 1;
      const stream = openOn(trunk, "small", {
        data() {},
        drain() {},
        end() {},
        close() {
          done += 1;
          if (done === REQUESTS) resolve();
          else next();
        },
      });
      stream.write(small);
      stream.shutdown();
    };
    for (let slot = 0; slot < CONCURRENCY; slot += 1) next();
  });
}

function bulk(trunk: Trunk, kind: "down" | "up"): Promise<void> {
  return new Promise((resolve) => {
    const events = { data() {}, drain() {}, end() {}, close: () => resolve() };
    const stream = openOn(trunk, kind, events);
    if (kind === "down") return stream.shutdown();
    events.drain = source(stream, BULK_BYTES);
    return events.drain();
  });
}

async function measure(trunk: Trunk, name: string, run: () => Promise<void>): Promise<void> {
  const farBefore = await agentUsage(trunk);
  const before = usage();
  const startMs = realClock.monotonic();
  await run();
  const tookMs = realClock.monotonic() - startMs;
  const after = usage();
  const farAfter = await agentUsage(trunk);
  const hubMs = after.cpuMs - before.cpuMs;
  const agentMs = farAfter.cpuMs - farBefore.cpuMs;
  const per =
    name === "small"
      ? `${((hubMs * 1000) / REQUESTS).toFixed(1)} + ${((agentMs * 1000) / REQUESTS).toFixed(1)} µs CPU, ${Math.round((REQUESTS * 1000) / tookMs)} req/s`
      : `${(BULK_BYTES / 1e6 / (tookMs / 1000)).toFixed(0)} MB/s, ${(hubMs / 1000 / (BULK_BYTES / 1e9)).toFixed(2)} + ${(agentMs / 1000 / (BULK_BYTES / 1e9)).toFixed(2)} s CPU/GB`;
  console.log(
    `${name}: ${per} (hub + agent), RSS ${after.rssMb.toFixed(0)} + ${farAfter.rssMb.toFixed(0)} MB`,
  );
}

async function stalled(trunk: Trunk): Promise<void> {
  const before = usage();
  const farBefore = await agentUsage(trunk);
  const streams: TrunkStream[] = [];
  for (let count = 0; count < STALLED; count += 1) {
    const stream = openOn(trunk, "stall", { data() {}, drain() {}, end() {}, close() {} });
    stream.pause();
    streams.push(stream);
  }
  let worstMs = 0;
  for (let probe = 0; probe < 300; probe += 1) {
    const startMs = realClock.monotonic();
    await agentUsage(trunk);
    if (probe > 100) worstMs = Math.max(worstMs, realClock.monotonic() - startMs);
  }
  const after = usage();
  const farAfter = await agentUsage(trunk);
  const hubMb = after.rssMb - before.rssMb;
  console.log(
    `${STALLED} stalled: +${hubMb.toFixed(0)} + ${(farAfter.rssMb - farBefore.rssMb).toFixed(0)} MB (hub + agent), others wait at most ${worstMs.toFixed(2)} ms`,
  );
  for (const stream of streams) stream.close();
}

async function hub(tls: { cert: string; key: string } | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<Trunk>();
  const listener = await realNetwork.listen({
    address: { host: "127.0.0.1", port: 0 },
    ...(tls === undefined ? {} : { tls }),
    connection: (socket) => {
      const trunk = begin(
        "hub",
        socket,
        quiet((why) => why.code === "done" || console.error(why)),
      );
      resolve(trunk);
      return trunk.wire;
    },
  });
  const child = Bun.spawn(
    [process.execPath, import.meta.path, "agent", String(listener.port), String(tls !== undefined)],
    {
      stdout: "inherit",
      stderr: "inherit",
    },
  );
  const trunk = await promise;
  for (let round = 0; round < 2; round += 1) {
    await measure(trunk, "small", () => smallRequests(trunk));
    await measure(trunk, "down", () => bulk(trunk, "down"));
    await measure(trunk, "up", () => bulk(trunk, "up"));
  }
  await stalled(trunk);
  trunk.close("done", "measured");
  await child.exited;
  listener.close();
}

const [first, second, third] = process.argv.slice(2);
if (first === "agent") await agent(Number(second), third === "true");
else await hub(first === undefined || second === undefined ? undefined : { cert: first, key: second });
