// The simulator itself: what it claims to be of time, network, disk and databases.
import { describe, expect, test } from "bun:test";
import type { ByteStreamEvents, Socket } from "../../src/world/world.ts";
import { SimHost } from "./sim-host.ts";
import { SimNetwork } from "./sim-network.ts";
import { SeededRandom } from "./sim-random.ts";
import { SimTime } from "./sim-time.ts";

const PATH = { delayMs: 10, jitterMs: 5, lossRate: 0 };

function machines(seed = 1) {
  const random = new SeededRandom(seed);
  const time = new SimTime();
  const network = new SimNetwork(time, random.fork("network"), PATH);
  const host = (name: string, address: string) =>
    new SimHost({ name, address, time, network, random: random.fork(name) });
  return { time, network, left: host("left", "192.0.2.1"), right: host("right", "192.0.2.2") };
}

class Told implements ByteStreamEvents {
  readonly said: string[] = [];
  bytes = 0;

  data(bytes: Uint8Array): void {
    this.bytes += bytes.length;
  }
  drain(): void {
    this.said.push("drain");
  }
  end(): void {
    this.said.push("end");
  }
  close(error?: Error): void {
    this.said.push(error === undefined ? "close" : `close ${(error as Error & { code: string }).code}`);
  }
}

function connected(seed = 1) {
  const parts = machines(seed);
  const { time, left, right } = parts;
  const [server, client] = [right.run("server"), left.run("client")];
  const [atServer, atClient] = [new Told(), new Told()];
  let served: Socket | undefined;
  void server.world.network.listen({
    address: { host: "0.0.0.0", port: 80 },
    connection: (socket) => ((served = socket), atServer),
  });
  const dialled = client.world.network.connect({
    address: { host: "right", port: 80 },
    timeoutMs: 5000,
    connected: () => atClient,
  });
  const socket = time.waitFor(dialled);
  if (served === undefined) throw new Error("nobody accepted");
  return { ...parts, server, client, atServer, atClient, socket, served };
}

describe("simulated time", () => {
  test("runs what is due in order, and the end of a turn after the turn", () => {
    const { time, left } = machines();
    const { process } = left.run("a");
    const said: string[] = [];
    process.timers.after(5, () => said.push("timer 5"));
    process.timers.after(5, () => {
      said.push("timer 5 again");
      process.timers.soon(() => said.push("soon"));
      void Promise.resolve().then(() => said.push("promise"));
    });
    process.timers.after(5, () => said.push("timer 5 last"));
    process.timers.after(6, () => said.push("timer 6"));
    time.runFor(10);
    expect(said).toEqual(["timer 5", "timer 5 again", "promise", "timer 5 last", "soon", "timer 6"]);
  });

  test("a sleeping host's monotonic clock and timers stand still, its wall clock does not", () => {
    const { time, left } = machines();
    const { process } = left.run("a");
    const beganWall = process.clock.now();
    let firedAt: number | undefined;
    process.timers.after(1000, () => (firedAt = time.nowMs));
    time.runFor(400);
    left.sleep();
    time.runFor(5000);
    left.wake();
    expect(process.clock.monotonic()).toBe(400);
    expect(process.clock.now() - beganWall).toBe(5400);
    time.runFor(1000);
    expect(firedAt).toBe(6000);
  });

  test("a stopped process runs late, a killed one never", () => {
    const { time, left } = machines();
    const [stopped, killed] = [left.run("stopped").process, left.run("killed").process];
    const said: string[] = [];
    stopped.timers.after(10, () => said.push(`stopped ${stopped.clock.monotonic()}`));
    killed.timers.every(10, () => said.push("killed"));
    stopped.stop();
    left.kill(killed);
    time.runFor(100);
    stopped.continue();
    time.runFor(1);
    expect(said).toEqual(["stopped 100"]);
  });
});

describe("the simulated network", () => {
  test("carries bytes in order with short writes and a drain", () => {
    const { time, socket, atServer, atClient, served } = connected();
    served.pause();
    const taken = socket.write(new Uint8Array(1024 * 1024));
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(1024 * 1024);
    time.runFor(1000);
    expect(atServer.bytes).toBe(0);
    expect(atClient.said).toEqual([]);
    served.resume();
    time.runFor(1000);
    expect(atServer.bytes).toBe(taken);
    expect(atClient.said).toEqual(["drain"]);
  });

  test("closes once both sides have half-closed", () => {
    const { time, socket, served, atServer, atClient } = connected();
    socket.shutdown();
    time.runFor(100);
    expect(atServer.said).toEqual(["end"]);
    expect(served.write(new Uint8Array(3))).toBe(3);
    served.shutdown();
    time.runFor(100);
    expect(atClient.bytes).toBe(3);
    expect(atClient.said).toEqual(["end", "close"]);
    expect(atServer.said).toEqual(["end", "close"]);
  });

  test("a close resets the other side", () => {
    const { time, socket, atServer, atClient } = connected();
    socket.close();
    time.runFor(100);
    expect(atServer.said).toEqual(["close ECONNRESET"]);
    expect(atClient.said).toEqual(["close"]);
    expect(socket.write(new Uint8Array(1))).toBe(-1);
  });

  test("a cut says nothing to anybody, and what was lost comes after it", () => {
    const { time, network, socket, atServer, atClient } = connected();
    network.paths.cut("left", "right");
    socket.write(new Uint8Array(100));
    time.runFor(3000);
    expect(atServer.bytes).toBe(0);
    network.paths.mend("left", "right");
    time.runFor(3500);
    expect(atServer.bytes).toBe(100);
    expect([atServer.said, atClient.said]).toEqual([[], []]);
  });

  test("after a power loss the far side learns of it only when it sends", () => {
    const { time, right, socket, atClient } = connected();
    right.losePower();
    right.boot();
    time.runFor(10_000);
    expect(atClient.said).toEqual([]);
    socket.write(new Uint8Array(1));
    time.runFor(100);
    expect(atClient.said).toEqual(["close ECONNRESET"]);
  });

  test("refuses where nobody listens, and gives up where nothing answers", () => {
    const { time, network, left } = machines();
    const { world } = left.run("client");
    const dial = () =>
      world.network.connect({
        address: { host: "right", port: 1 },
        timeoutMs: 2000,
        connected: () => new Told(),
      });
    expect(() => time.waitFor(dial())).toThrow("refused");
    network.paths.cut("left", "right");
    expect(() => time.waitFor(dial())).toThrow("no connection in time");
  });
});

describe("the simulated disk", () => {
  test("keeps what was durable through a power loss, and may lose the rest", () => {
    const { time, left } = machines();
    const { world } = left.run("a");
    time.waitFor(world.disk.makeFolder("/home"));
    time.waitFor(world.disk.write("/home/kept", "whole"));
    const log = time.waitFor(world.disk.openAppend("/home/log"));
    log.append(new Uint8Array(1000));
    left.losePower();
    left.boot();
    const again = left.run("a").world.disk;
    expect(new TextDecoder().decode(time.waitFor(again.read("/home/kept")))).toBe("whole");
    expect(time.waitFor(again.info("/home/log"))?.size).toBeLessThan(1000);
  });

  test("a full disk refuses new bytes", () => {
    const { time, left } = machines();
    const { world } = left.run("a");
    left.disk.failing = "ENOSPC";
    expect(() => time.waitFor(world.disk.write("/file", "x"))).toThrow("ENOSPC");
    expect(time.waitFor(world.disk.info("/file"))).toBeUndefined();
  });
});

describe("simulated databases", () => {
  test("a kill drops the transaction under way and keeps what was committed", () => {
    const { left } = machines();
    const first = left.run("a");
    const database = first.world.openSqlite("/home/db");
    database.exec("create table t (x)");
    database.exec("insert into t values (1)");
    database.exec("begin immediate");
    database.exec("insert into t values (2)");
    left.kill(first.process);
    expect(() => database.query("select x from t").all()).toThrow("killed");
    const again = left.run("a").world.openSqlite("/home/db");
    expect(again.query("select x from t").all()).toEqual([{ x: 1 }]);
  });

  test("a planned kill strikes at the statement it was set for", () => {
    const { left } = machines();
    const { process, world } = left.run("a");
    const database = world.openSqlite("/home/db");
    database.exec("create table t (x)");
    left.databases.fault = { after: 2, takesEffect: false, strike: () => left.kill(process) };
    database.exec("insert into t values (1)");
    expect(() => database.exec("insert into t values (2)")).toThrow("killed");
    expect(left.run("a").world.openSqlite("/home/db").query("select x from t").all()).toEqual([{ x: 1 }]);
  });
});
