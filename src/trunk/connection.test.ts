// One look at the real thing: a trunk over TCP and over TLS on loopback, with real partial writes.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realNetwork } from "../world/network.ts";
import { realClock, realTimers } from "../world/time.ts";
import type { Socket, TlsFiles } from "../world/world.ts";
import { TrunkLog } from "./testing-trunks.ts";
import type { StreamLog } from "./testing-trunks.ts";
import type { TrunkStream } from "./stream.ts";
import { Trunk } from "./trunk.ts";

const STREAMS = 8;
const BYTES = 4 * 1024 * 1024;

function makeTrunk(role: "hub" | "agent", socket: Socket, log: TrunkLog): Trunk {
  return new Trunk({ role, stream: socket, timers: realTimers, clock: realClock, events: log });
}

/** Answers with the SHA-256 of what came, as the last word. */
function answerWithHash(stream: TrunkStream, log: StreamLog) {
  const hash = createHash("sha256");
  return {
    data: (bytes: Uint8Array) => void hash.update(bytes),
    drain() {},
    end: () => stream.finish(new Uint8Array(hash.digest())),
    close: (error?: Error) => log.close(error),
  };
}

/** Sends bytes on a stream; resolves with the far side's last word. */
function send(trunk: Trunk, bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let at = 0;
    const write = (): void => {
      at += Math.max(0, own.write(bytes.subarray(at)));
      if (at === bytes.length) own.shutdown();
    };
    const opened = trunk.open(new Uint8Array(0), {
      data() {},
      drain: () => write(),
      end: (lastWord) => resolve(lastWord.slice()),
      close: (error) => error !== undefined && reject(error),
    });
    if (typeof opened === "string") throw new Error(opened);
    const own = opened;
    write();
  });
}

async function checkConnection(tls: TlsFiles | undefined): Promise<void> {
  const agentLog = new TrunkLog();
  agentLog.accept = answerWithHash;
  const hubLog = new TrunkLog();
  const arrived = Promise.withResolvers<Trunk>();
  const listener = await realNetwork.listen({
    address: { host: "127.0.0.1", port: 0 },
    ...(tls === undefined ? {} : { tls }),
    connection(socket) {
      const trunk = makeTrunk("hub", socket, hubLog);
      arrived.resolve(trunk);
      return trunk.wire;
    },
  });
  const ended = Promise.withResolvers<void>();
  agentLog.closed = (closed) => {
    agentLog.endedBy = closed;
    ended.resolve();
  };
  await realNetwork.connect({
    address: { host: "127.0.0.1", port: listener.port },
    ...(tls === undefined ? {} : { tls: { serverName: "localhost", rejectUnauthorized: false } }),
    timeoutMs: 5_000,
    connected: (socket) => makeTrunk("agent", socket, agentLog).wire,
  });
  const trunk = await arrived.promise;
  const bodies = Array.from({ length: STREAMS }, (_, index) => new Uint8Array(BYTES).fill(index + 1));
  const hashes = await Promise.all(bodies.map((body) => send(trunk, body)));
  for (const [index, body] of bodies.entries()) {
    expect(Buffer.from(hashes[index] ?? []).toString("hex")).toBe(
      createHash("sha256").update(body).digest("hex"),
    );
  }
  expect(trunk.holdsBuffer).toBe(false);
  trunk.close("done", "that was all");
  await ended.promise;
  expect(agentLog.endedBy).toEqual({ code: "done", reason: "that was all", remote: true });
  listener.close();
}

describe("many streams at once arrive whole", () => {
  test("over TCP", () => checkConnection(undefined));

  const openssl = Bun.which("openssl");
  test.skipIf(openssl === null)("over TLS (needs openssl for a certificate)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "muster-trunk-"));
    const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
    const command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost";
    const made = Bun.spawnSync([...command.split(" "), "-keyout", files.key, "-out", files.cert]);
    expect(made.exitCode).toBe(0);
    await checkConnection(files);
    rmSync(folder, { recursive: true });
  });
});
