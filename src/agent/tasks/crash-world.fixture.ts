// A world in which a task's agent and keepers are killed at any of their steps: a disk and a record that outlive them,
// programs that count how often they were started, and agents of which each is killed before or after one of its
// calls took effect. A killed one never hears of anything again.
import { FakeTime } from "../../trunk/testing.ts";
import type { AppendFile, Clock, PipedOptions, PipedProgram } from "../../world/world.ts";
import { keepTask, type Keeper } from "./keep-task.ts";
import { openKeepers, type Keepers } from "./keepers.ts";
import type { RunDisk } from "./run-folder.ts";
import type { TaskStore } from "./task-store.ts";

const NEVER = new Promise<never>(() => {});
const PROGRAM_MAX_MS = 3000;

/** One process; `stepsLeft` until it is killed. */
class Life {
  alive = true;
  stepsLeft: number;
  readonly #struck: () => void;

  constructor(stepsLeft: number, struck: () => void) {
    this.stepsLeft = stepsLeft;
    this.#struck = struck;
  }

  /** Whether the call takes effect, and whether its caller hears of it. */
  step(takesEffect: boolean): { acts: boolean; hears: boolean } {
    if (!this.alive) return { acts: false, hears: false };
    this.stepsLeft -= 1;
    if (this.stepsLeft > 0) return { acts: true, hears: true };
    this.kill();
    return { acts: takesEffect, hears: false };
  }

  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#struck();
  }
}

export interface ProgramFacts {
  starts: number;
  /** Its own exit code, once it has ended. */
  code: number | undefined;
}

export class CrashWorld {
  readonly time = new FakeTime();
  readonly clock: Clock = { now: () => Math.floor(this.time.now()), monotonic: () => this.time.monotonic() };
  /** By task. */
  readonly programs = new Map<string, ProgramFacts>();
  keepersKilled = 0;
  readonly #files = new Map<string, Uint8Array>();
  readonly #processes = new Map<number, { life: Life; mark: string }>();
  readonly #fraction: () => number;
  readonly #keeperDies: number;
  #pids = 100;

  /** `keeperDies`: how likely a keeper is killed on its way. */
  constructor(fraction: () => number, keeperDies: number) {
    this.#fraction = fraction;
    this.#keeperDies = keeperDies;
  }

  /** What an agent that lives so many steps has of the world. */
  agent(
    steps: number,
    store: TaskStore,
    killed: () => void,
  ): { life: Life; store: TaskStore; keepers: Keepers } {
    const children: Keeper[] = [];
    const life = new Life(steps, () => {
      for (const keeper of children) this.#later(() => keeper.lost());
      killed();
    });
    const keepers = openKeepers({
      disk: this.#disk(life),
      programs: { piped: (options) => this.#startKeeper(life, options, children) },
      processes: this.#processesFor(life),
      clock: this.clock,
      folder: "/tasks",
      command: ["keeper"],
      home: "/",
      environment: {},
    });
    return { life, keepers, store: this.#guarded(life, store) };
  }

  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) {
      this.time.advance(10);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #later(run: () => void): void {
    this.time.after(this.#fraction() * 20, run);
  }

  #guarded(life: Life, store: TaskStore): TaskStore {
    return new Proxy(store, {
      get: (target, name: keyof TaskStore) => {
        const method = target[name] as (...given: unknown[]) => Promise<unknown>; // all of them are
        return (...given: unknown[]) => this.#call(life, () => method.apply(target, given));
      },
    });
  }

  async #call<Value>(life: Life, run: () => Value | Promise<Value>): Promise<Value> {
    await new Promise<void>((resolve) => this.#later(resolve));
    const { acts, hears } = life.step(this.#fraction() < 0.5);
    const result = acts ? await run() : undefined;
    if (!hears) return NEVER;
    return result as Value; // whoever hears has acted
  }

  #disk(life: Life): RunDisk {
    const call = <Value>(run: () => Value): Promise<Value> => this.#call(life, run);
    return {
      read: (path) =>
        call(() => {
          const bytes = this.#files.get(path);
          if (bytes === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
          return bytes;
        }),
      write: (path, bytes) => call(() => void this.#files.set(path, bytesOf(bytes))),
      create: (path, bytes) =>
        call(() => {
          if (this.#files.has(path)) return false;
          this.#files.set(path, bytesOf(bytes));
          return true;
        }),
      makeFolder: () => call(() => {}),
      list: (path) => call(() => [...this.#files.keys()].filter((name) => name.startsWith(`${path}/`))),
      remove: (path) => call(() => void this.#files.delete(path)),
      info: () => call(() => ({ kind: "folder", size: 0, modifiedAt: 0, mode: 0o700, inode: 1 })),
      openAppend: () => call((): AppendFile => ({ size: 0, append() {}, close() {} })),
    };
  }

  #processesFor(life: Life) {
    return {
      startMark: (pid: number) => {
        const found = this.#processes.get(pid);
        return found?.life.alive === true ? found.mark : undefined;
      },
      groupAlive: (pid: number) => this.#processes.get(pid)?.life.alive === true,
      signalGroup: (pid: number) => {
        if (life.alive) this.#processes.get(pid)?.life.kill();
      },
    };
  }

  #spawn(life: Life): number {
    const pid = (this.#pids += 1);
    this.#processes.set(pid, { life, mark: `mark ${pid}` });
    return pid;
  }

  #startKeeper(agent: Life, options: PipedOptions, children: Keeper[]): PipedProgram {
    const { acts, hears } = agent.step(this.#fraction() < 0.5);
    // A dead agent's last act is to have started it; nobody hears of it then.
    if (!acts) return SILENT;
    const dies = this.#fraction() < this.#keeperDies;
    if (dies) this.keepersKilled += 1;
    const told = (run: () => void): void => this.#later(() => agent.alive && run());
    const life = new Life(dies ? 1 + Math.floor(this.#fraction() * 12) : Number.POSITIVE_INFINITY, () =>
      told(() => options.ended(null, "SIGKILL")),
    );
    const pid = this.#spawn(life);
    // What it says comes in order.
    let at = this.time.monotonic();
    const send = (bytes: Uint8Array): boolean => {
      const owned = new Uint8Array(bytes);
      at = Math.max(at + 0.001, this.time.monotonic() + this.#fraction() * 10);
      this.time.after(at - this.time.monotonic(), () => agent.alive && options.output("stdout", owned));
      return true;
    };
    const begin = (): void => {
      if (!life.alive) return;
      const keeper = keepTask({
        disk: this.#disk(life),
        programs: { piped: (wish) => this.#startProgram(life, wish) },
        processes: this.#processesFor(life),
        clock: this.clock,
        timers: this.time,
        pid,
        folder: options.command.at(-1) ?? "",
        send: (bytes) => life.alive && send(bytes),
      });
      if (agent.alive) children.push(keeper);
      else keeper.lost();
      void keeper.done.then(() => {
        life.alive = false;
        this.time.after(40, () => agent.alive && options.ended(0, null));
      });
    };
    // A process that was just started may come to its first step late.
    this.time.after(this.#fraction() * 200, begin);
    if (!hears) return SILENT;
    return { ...SILENT, pid };
  }

  #startProgram(keeper: Life, options: PipedOptions): PipedProgram {
    if (!keeper.step(true).acts) return SILENT;
    const task = options.environment["MUSTER_TASK"] ?? "";
    const facts = this.programs.get(task) ?? { starts: 0, code: undefined };
    this.programs.set(task, facts);
    facts.starts += 1;
    const life = new Life(Number.POSITIVE_INFINITY, () => {});
    const pid = this.#spawn(life);
    const code = Math.floor(this.#fraction() * 3);
    this.time.after(this.#fraction() * PROGRAM_MAX_MS, () => {
      if (!life.alive) return;
      life.alive = false;
      facts.code = code;
      if (keeper.alive) options.ended(code, null);
    });
    return { ...SILENT, pid };
  }
}

const SILENT: PipedProgram = {
  pid: 0,
  write: () => true,
  endInput() {},
  pause() {},
  resume() {},
  signal() {},
};

function bytesOf(bytes: Uint8Array | string): Uint8Array {
  return typeof bytes === "string" ? new TextEncoder().encode(bytes) : new Uint8Array(bytes);
}
