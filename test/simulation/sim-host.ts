// A simulated machine: an address, two clocks, a disk, and whatever runs on it. It can lose a process, its
// power, its sleep or its place in the network, and goes on from what its disk kept.
import type { World } from "../../src/world/world.ts";
import { SimDatabases } from "./sim-sqlite.ts";
import { SimDisk } from "./sim-disk.ts";
import type { SimNetwork } from "./sim-network.ts";
import { SimProcess, type HostClock } from "./sim-process.ts";
import type { SeededRandom } from "./sim-random.ts";
import type { Death } from "./sim-socket.ts";
import type { SimTime } from "./sim-time.ts";

/** 2026-11-20 06:09:38 UTC: where every host's wall clock begins. */
const WALL_BASE_MS = 1_795_154_978_000;

export interface Run {
  readonly process: SimProcess;
  readonly world: World;
}

export interface HostParts {
  name: string;
  address: string;
  time: SimTime;
  network: SimNetwork;
  random: SeededRandom;
}

export class SimHost {
  readonly name: string;
  readonly disk: SimDisk;
  readonly databases: SimDatabases;
  readonly #parts: HostParts;
  readonly #clock: HostClock = { wallBaseMs: WALL_BASE_MS, sleptMs: 0 };
  readonly #running = new Set<SimProcess>();
  #runs = 0;
  #asleepSinceMs: number | undefined;

  constructor(parts: HostParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.disk = new SimDisk(parts.time, parts.random.fork("disk"));
    this.databases = new SimDatabases((path) => this.disk.place(path));
    parts.network.setAddress(parts.name, parts.address);
  }

  /** A new process, with the world as it sees it. */
  run(program: string): Run {
    this.#runs += 1;
    const { time, network, random } = this.#parts;
    const process = new SimProcess(`${this.name}/${program}#${this.#runs}`, time, this.#clock);
    this.#running.add(process);
    time.trace(`start ${process.name}`);
    const world: World = {
      clock: process.clock,
      timers: process.timers,
      random: random.fork(`run ${this.#runs}`),
      network: network.of({ host: this.name, process }),
      disk: this.disk.of(process),
      processes: NO_PROCESSES,
      openSqlite: this.databases.of(process),
    };
    return { process, world };
  }

  /** kill -9: its kernel ends its connections, and the disk keeps what was written. */
  kill(process: SimProcess): void {
    const { random } = this.#parts;
    this.#end(process, () => (random.chance(0.5) ? "reset" : "ended"));
  }

  /** It ended by itself: what its kernel had taken still goes out. */
  stop(process: SimProcess): void {
    this.#end(process, () => "ended");
  }

  /** The power goes and comes back: nobody is told, and what was not durable may be lost. */
  losePower(): void {
    this.#parts.time.trace(`power lost ${this.name}`);
    for (const process of this.#running) this.#end(process, () => "silent");
    this.disk.powerLost();
    this.#parts.network.paths.setAway(this.name, true);
  }

  boot(): void {
    this.#parts.time.trace(`boot ${this.name}`);
    this.#parts.network.paths.setAway(this.name, false);
  }

  sleep(): void {
    if (this.#asleepSinceMs !== undefined) return;
    const { time, network } = this.#parts;
    time.trace(`sleep ${this.name}`);
    this.#asleepSinceMs = time.nowMs;
    for (const process of this.#running) process.sleep();
    network.paths.setAway(this.name, true);
  }

  wake(): void {
    if (this.#asleepSinceMs === undefined) return;
    const { time, network } = this.#parts;
    time.trace(`wake ${this.name}`);
    const sleptMs = time.nowMs - this.#asleepSinceMs;
    this.#asleepSinceMs = undefined;
    this.#clock.sleptMs += sleptMs;
    for (const process of this.#running) process.wake(sleptMs);
    network.paths.setAway(this.name, false);
  }

  jumpWallClock(ms: number): void {
    this.#parts.time.trace(`wall clock ${this.name} ${ms}`);
    this.#clock.wallBaseMs += ms;
  }

  moveTo(address: string): void {
    this.#parts.time.trace(`address ${this.name} ${address}`);
    this.#parts.network.setAddress(this.name, address);
  }

  #end(process: SimProcess, death: () => Death): void {
    if (!process.isAlive) return;
    this.#parts.time.trace(`kill ${process.name}`);
    this.#running.delete(process);
    process.kill();
    this.databases.crash(process);
    this.#parts.network.release(process, death);
  }
}

const NO_PROCESSES: World["processes"] = {
  spawn() {
    throw new Error("the simulated host starts no programs");
  },
  groupAlive: () => false,
  signalGroup: () => undefined,
  startMark: () => undefined,
};
