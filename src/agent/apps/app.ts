// One app under supervision: a command in a process group of its own, held up until somebody stops it.
//
//   stopped ── start ──> waiting ── port answers ──> running ── exit ──> crashed ── back-off ──> waiting
//
// `start` is all or nothing: when the port does not answer in time, the group is ended and the app is stopped
// again. A crash after that is the app's own: it is started again with a growing pause. The process outlives
// the agent; `adopt` finds it again by pid and start mark and never believes a pid alone.
import { MusterError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { ShareState } from "../../protocol/views.ts";
import type { ChildProcess, Timer, World } from "../../world/world.ts";
import { portAnswers } from "./port-answers.ts";
import { rotateLog } from "./rotate-log.ts";

export const START_TIMEOUT_MS = 30_000;
export const PORT_POLL_MS = 100;
export const WATCH_EVERY_MS = 1000;
/** From TERM to KILL. */
export const STOP_GRACE_MS = 5000;
const RESTART_FIRST_MS = 500;
const RESTART_MAX_MS = 60_000;
/** An app that stood this long has its pause forgotten. */
const STEADY_AFTER_MS = 60_000;

export interface AppSpec {
  shareId: string;
  name: string;
  command: string[];
  folder: string;
  port: number;
  environment: Record<string, string>;
  logPath: string;
}

/** What is so at the moment; kept in the runtime table. */
export interface AppRuntime {
  pid: number | null;
  startMark: string | null;
  state: ShareState;
  restarts: number;
  lastExit: string | null;
}

export interface AppSurroundings {
  world: Pick<World, "timers" | "clock" | "network" | "processes" | "disk">;
  log: Log;
  /** Called on every change, before anybody else hears of it. */
  changed(runtime: AppRuntime): void;
}

export class App {
  readonly spec: AppSpec;
  readonly #around: AppSurroundings;
  #runtime: AppRuntime = { pid: null, startMark: null, state: "stopped", restarts: 0, lastExit: null };
  #child: Pick<ChildProcess, "pid" | "signal"> | undefined;
  #wanted = false;
  /** How often it was stopped or let go. */
  #ends = 0;
  #startedAtMs = 0;
  #restart: Timer | undefined;
  #watch: Timer | undefined;

  constructor(spec: AppSpec, around: AppSurroundings) {
    this.spec = spec;
    this.#around = around;
  }

  get runtime(): Readonly<AppRuntime> {
    return this.#runtime;
  }

  /**
   * Resolves when the port answers. Rejects with `port_taken` or `app_failed`, or once `caller` is aborted, and
   * nothing is left running.
   */
  async start(caller?: AbortSignal): Promise<void> {
    if (this.#wanted && this.#runtime.state === "running") return;
    // Crashed, or still waiting for its port: begin anew instead of beside it.
    if (this.#wanted) await this.stop();
    const ends = this.#ends;
    if (await portAnswers(this.#around.world.network, this.spec.port)) {
      throw new MusterError("port_taken", `port ${this.spec.port} is already in use`, {
        hint: `stop what listens there, or publish it as it is: muster add ${this.spec.port}`,
      });
    }
    if (ends !== this.#ends) throw this.#stoppedEarly();
    this.#wanted = true;
    this.#change({ restarts: 0, lastExit: null });
    try {
      this.#spawn();
      await this.#untilPortAnswers(caller);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Takes over the process of an earlier agent, when it is still the same and still there. */
  adopt(known: AppRuntime): boolean {
    const { processes } = this.#around.world;
    if (known.pid === null || known.startMark === null) return false;
    if (processes.startMark(known.pid) !== known.startMark) return false;
    const pid = known.pid;
    this.#wanted = true;
    this.#child = {
      pid,
      signal: (name) => name !== "SIGINT" && name !== "SIGHUP" && processes.signalGroup(pid, name),
    };
    this.#startedAtMs = this.#around.world.clock.monotonic();
    this.#change({ ...known, state: "running" });
    this.#startWatch();
    return true;
  }

  /** Keeps it up from now on without waiting for it: what an agent does for its apps when it comes back. */
  keepUp(): void {
    this.#wanted = true;
    this.#spawnOrRetry();
  }

  /** Ends the whole group: TERM, then KILL. Resolves once nobody of it is left. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#ends += 1;
    this.#restart?.cancel();
    this.#restart = undefined;
    const child = this.#child;
    if (child !== undefined) await this.#end(child);
    this.#watch?.cancel();
    this.#watch = undefined;
    this.#child = undefined;
    this.#change({ state: "stopped", pid: null, startMark: null });
  }

  /** Lets go without ending the process: the agent goes, the app stays. */
  release(): void {
    this.#wanted = false;
    this.#ends += 1;
    this.#restart?.cancel();
    this.#watch?.cancel();
  }

  #spawn(): void {
    const { processes, clock } = this.#around.world;
    const child = processes.spawn({
      command: this.spec.command,
      cwd: this.spec.folder,
      environment: this.spec.environment,
      outputPath: this.spec.logPath,
      exited: (code, signal) => this.#exited(child, signal ?? `code ${code}`),
    });
    this.#child = child;
    this.#startedAtMs = clock.monotonic();
    const startMark = processes.startMark(child.pid) ?? null;
    this.#change({ state: "waiting", pid: child.pid, startMark });
    this.#startWatch();
  }

  async #untilPortAnswers(caller?: AbortSignal): Promise<void> {
    const { clock, network, timers } = this.#around.world;
    const deadline = clock.monotonic() + START_TIMEOUT_MS;
    const child = this.#child;
    while (this.#wanted) {
      if (caller?.aborted === true) throw callerGone();
      if (child === undefined || this.#child !== child) {
        throw new MusterError(
          "app_failed",
          `${this.spec.name} ended at once (${this.#runtime.lastExit})`,
          this.#seeLog(),
        );
      }
      if (await portAnswers(network, this.spec.port)) {
        if (this.#child !== child) continue;
        this.#change({ state: "running" });
        return;
      }
      if (clock.monotonic() > deadline) {
        const seconds = START_TIMEOUT_MS / 1000;
        throw new MusterError(
          "app_failed",
          `${this.spec.name} did not listen on port ${this.spec.port} within ${seconds} s`,
          this.#seeLog(),
        );
      }
      await new Promise<void>((resolve) => timers.after(PORT_POLL_MS, resolve));
    }
    throw this.#stoppedEarly();
  }

  #stoppedEarly(): MusterError {
    return new MusterError("app_failed", `${this.spec.name} was stopped while it started`);
  }

  #seeLog(): { hint: string } {
    return { hint: `see ${this.spec.logPath}` };
  }

  #exited(child: Pick<ChildProcess, "pid">, how: string): void {
    if (this.#child?.pid !== child.pid) return;
    this.#child = undefined;
    const wasRunning = this.#runtime.state === "running";
    this.#change({ pid: null, startMark: null, lastExit: how, state: this.#wanted ? "crashed" : "stopped" });
    if (!this.#wanted) return;
    this.#around.log.warn("app exited", { share: this.spec.shareId, name: this.spec.name, how });
    // During `start` it is the starter who decides; afterwards the app is held up.
    if (wasRunning || this.#runtime.restarts > 0) this.#restartLater();
  }

  #restartLater(): void {
    const { clock, timers } = this.#around.world;
    const stoodMs = clock.monotonic() - this.#startedAtMs;
    const restarts = stoodMs > STEADY_AFTER_MS ? 1 : this.#runtime.restarts + 1;
    this.#change({ restarts });
    const pauseMs = Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (restarts - 1));
    this.#restart?.cancel();
    this.#restart = timers.after(pauseMs, () => this.#spawnOrRetry());
  }

  #spawnOrRetry(): void {
    if (!this.#wanted) return;
    try {
      this.#spawn();
    } catch (error) {
      this.#around.log.error("app could not be started", { share: this.spec.shareId, error: String(error) });
      this.#change({ state: "crashed", lastExit: String(error) });
      this.#restartLater();
      return;
    }
    if (this.#runtime.restarts === 0) this.#change({ restarts: 1 });
    const child = this.#child;
    this.#untilPortAnswers().catch((error: unknown) => {
      if (!this.#wanted || this.#child !== child) return;
      this.#around.log.warn("app is not up again yet", { share: this.spec.shareId, error: String(error) });
      // It runs but does not listen: end it, its exit then brings the next try.
      child?.signal("SIGKILL");
    });
  }

  async #end(child: Pick<ChildProcess, "pid" | "signal">): Promise<void> {
    const { clock, processes, timers } = this.#around.world;
    child.signal("SIGTERM");
    const killAt = clock.monotonic() + STOP_GRACE_MS;
    let killed = false;
    while (processes.groupAlive(child.pid)) {
      if (!killed && clock.monotonic() >= killAt) {
        child.signal("SIGKILL");
        killed = true;
      } else if (killed && clock.monotonic() >= killAt + STOP_GRACE_MS) {
        throw new MusterError("app_failed", `process group ${child.pid} of ${this.spec.name} does not end`);
      }
      await new Promise<void>((resolve) => timers.after(PORT_POLL_MS / 4, resolve));
    }
  }

  /** Looks after the log's size, and after an adopted process, which sends no exit event. */
  #startWatch(): void {
    this.#watch?.cancel();
    this.#watch = this.#around.world.timers.every(WATCH_EVERY_MS, () => {
      const child = this.#child;
      if (child !== undefined && !this.#around.world.processes.groupAlive(child.pid))
        this.#exited(child, "gone");
      rotateLog(this.#around.world.disk, this.spec.logPath).catch((error: unknown) => {
        this.#around.log.warn("log could not be rotated", { path: this.spec.logPath, error: String(error) });
      });
    });
  }

  #change(part: Partial<AppRuntime>): void {
    this.#runtime = { ...this.#runtime, ...part };
    this.#around.changed(this.#runtime);
  }
}

export function callerGone(): MusterError {
  return new MusterError("unavailable", "whoever asked for it went away before it was done");
}
