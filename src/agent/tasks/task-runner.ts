// Runs the tasks of this device: so many at once, the others wait. What is accepted is in the store first, and what
// it becomes is put there before anybody is told; whatever dies in between is found again and ends once.
//
//   pending ── its start is begun (the store counts it) ── its keeper says "started" ──> running ── its end ──> over
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { Clock, SignalWord, Timer, Timers } from "../../world/world.ts";
import type { Keepers, KeptRun } from "./keepers.ts";
import type { RunEnd } from "./kept-shapes.ts";
import type { OutputName } from "./task-log.ts";
import type { Creation, TaskStore } from "./task-store.ts";
import { isOver, type NewTask, type Task, type TaskChange } from "./task.ts";

/** Beyond it nothing is accepted. */
export const UNFINISHED_MAX = 1000;
/** Of those that are over; the log of each is at most 8 MiB. */
export const OVER_KEPT = 1000;
/** As long as the controller's own promise not to order it again. */
const ORDERS_KEPT_MS = 30 * 86_400_000;
const LOOK_EVERY_MS = 500;
const AGAIN_AFTER_MS = 1000;
/** A keeper that can't be started so often is not going to be. */
const LAUNCHES_MAX = 5;
/** Input is bounded by its credit; this bounds signals. */
const UNSAID_MAX = 10_000;
const FEED_BYTES = 128 * 1024;
const STOP_WITHIN_MS = 8000;

export interface TaskRunnerOptions {
  store: TaskStore;
  keepers: Keepers;
  clock: Clock;
  timers: Timers;
  log: Log;
  /** How many run at once. */
  runningMax: number;
}

/** Who sees what a task writes while it runs. */
export interface TaskWatcher {
  started(pid: number): void;
  /** False: hold back until `resume`. */
  output(from: OutputName, bytes: Uint8Array): boolean;
  inputTaken(bytes: number): void;
}

/** A task that is not over yet. */
interface Live {
  task: Task;
  run: KeptRun | undefined;
  pid: number;
  watcher: TaskWatcher | undefined;
  /** Someone asked for its end, and why. */
  wantedEnd: string | undefined;
  /** Its steps follow each other. */
  turn: Promise<void>;
  look: Timer | undefined;
  /** How far its watcher has seen the log, where no keeper tells of it. */
  fedTo: number | undefined;
  /** For its keeper, in order. */
  unsaid: ((run: KeptRun) => void)[];
  /** Starts that this agent has begun. */
  tries: number;
  readonly over: PromiseWithResolvers<Task>;
}

export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #live = new Map<string, Live>();
  /** Ids that wait to be started, in order. */
  #waiting: string[] = [];
  #starting = new Set<string>();
  #ready = false;
  #closed = false;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier agent left. Nothing is accepted before. */
  async recover(): Promise<void> {
    const { store } = this.#options;
    for (const task of await store.unfinished(2 * UNFINISHED_MAX)) {
      if (this.#live.has(task.id)) continue;
      const live = this.#add(task);
      if (task.launch === 0) this.#waiting.push(task.id);
      else {
        this.#starting.add(task.id);
        this.#step(live, () => this.#look(live));
      }
    }
    this.#ready = true;
    this.#fill();
  }

  /** Throws `too_many`. Resolves once the task is durable. */
  async accept(task: NewTask, watcher?: TaskWatcher): Promise<Creation> {
    if (this.#closed || !this.#ready) {
      throw new MusterError("unavailable", "this device takes no tasks just now", {
        hint: "see why: muster status",
      });
    }
    if (this.#live.size >= UNFINISHED_MAX) {
      const known = await this.#options.store.ofOrder(task.order);
      if (known !== undefined) return { state: "known", task: known };
      throw new MusterError("too_many", `${UNFINISHED_MAX} tasks wait or run on this device already`);
    }
    const created = await this.#options.store.create(task, this.#options.clock.now());
    if (created.state !== "new") return created;
    const live = this.#add(created.task);
    live.watcher = watcher;
    this.#waiting.push(created.task.id);
    this.#fill();
    return created;
  }

  /** It waits because as many run as may. */
  isHeldBack(id: string): boolean {
    return this.#waiting.includes(id);
  }

  /** How it ended; at once for one that is over. */
  async outcome(task: Task): Promise<Task> {
    const live = this.#live.get(task.id);
    if (live !== undefined) return live.over.promise;
    return (await this.#options.store.get(task.id)) ?? task;
  }

  /** From now on this one sees it, and no other; nobody without one. */
  watch(id: string, watcher: TaskWatcher | undefined): void {
    const live = this.#live.get(id);
    if (live === undefined) return;
    live.watcher = watcher;
    live.fedTo = undefined;
    live.run?.resume();
    live.run?.tell({ type: "live", on: watcher !== undefined });
    if (watcher !== undefined && live.pid > 0) watcher.started(live.pid);
  }

  /** This one sees it no more, if nobody took its place. */
  unwatch(id: string, watcher: TaskWatcher): void {
    if (this.#live.get(id)?.watcher === watcher) this.watch(id, undefined);
  }

  resume(id: string): void {
    this.#live.get(id)?.run?.resume();
  }

  /** At most what the watcher was told is free. */
  input(id: string, bytes: Uint8Array): void {
    this.#say(id, (run) => run.input(bytes));
  }

  endInput(id: string): void {
    this.#say(id, (run) => run.tell({ type: "input_end" }));
  }

  signal(id: string, name: SignalWord): void {
    this.#say(id, (run) => run.tell({ type: "signal", name }));
  }

  /** Asks it to end, then ends it. One that waits does so no more. */
  cancel(id: string, reason = "cancelled"): void {
    const live = this.#live.get(id);
    if (live === undefined || live.wantedEnd !== undefined) return;
    live.wantedEnd = reason;
    const waits = this.#waiting.indexOf(id);
    if (waits >= 0) {
      this.#waiting.splice(waits, 1);
      return this.#step(live, () => this.#settle(live, { status: "cancelled", reason }));
    }
    this.#askToEnd(live);
  }

  /** Forgets what is over beyond what is kept, and orders that nobody repeats any more. */
  async tidy(): Promise<void> {
    const { store, keepers, clock } = this.#options;
    for (const { id } of await store.surplus(OVER_KEPT)) {
      if (await store.delete(id, clock.now())) await keepers.forget(id);
    }
    await store.forget(clock.now() - ORDERS_KEPT_MS);
  }

  /** `leave`: what runs goes on without this agent. */
  async close(tasks: "stop" | "leave"): Promise<void> {
    this.#closed = true;
    this.#waiting = [];
    if (tasks === "stop") {
      const running = [...this.#live.values()].filter(({ task }) => this.#starting.has(task.id));
      for (const { task } of running) this.cancel(task.id, "stopped");
      await Promise.race([Promise.all(running.map(({ over }) => over.promise)), this.#pause(STOP_WITHIN_MS)]);
    }
    for (const live of this.#live.values()) live.look?.cancel();
  }

  /** One that waits hears it when it starts. */
  #say(id: string, say: (run: KeptRun) => void): void {
    const live = this.#live.get(id);
    if (live?.run !== undefined) say(live.run);
    else if (live !== undefined && live.unsaid.length < UNSAID_MAX) live.unsaid.push(say);
  }

  #add(task: Task): Live {
    const live: Live = {
      task,
      run: undefined,
      pid: 0,
      watcher: undefined,
      wantedEnd: undefined,
      turn: Promise.resolve(),
      look: undefined,
      fedTo: undefined,
      unsaid: [],
      tries: 0,
      over: Promise.withResolvers<Task>(),
    };
    this.#live.set(task.id, live);
    return live;
  }

  #fill(): void {
    while (!this.#closed && this.#starting.size < this.#options.runningMax) {
      const id = this.#waiting.shift();
      const live = id === undefined ? undefined : this.#live.get(id);
      if (live === undefined) return;
      this.#starting.add(live.task.id);
      this.#step(live, () => this.#launch(live));
    }
  }

  /** One after the other; what fails is tried again as long as this agent lives. */
  #step(live: Live, work: () => Promise<void>): void {
    live.turn = live.turn.then(async () => {
      for (;;) {
        try {
          return await work();
        } catch (error) {
          // The next agent finds out what became of it.
          if (this.#closed) return;
          const { code, message } = publicError(error);
          this.#options.log.warn("a task's step is tried again", {
            task: live.task.id,
            error_code: code,
            problem: message,
            ...(code === "internal" ? { error } : {}),
          });
        }
        await this.#pause(AGAIN_AFTER_MS);
      }
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.timers.after(ms, resolve));
  }

  async #launch(live: Live): Promise<void> {
    const { store, keepers, clock } = this.#options;
    if (live.wantedEnd !== undefined) {
      return this.#settle(live, { status: "cancelled", reason: live.wantedEnd });
    }
    // A try of this very step may have come this far.
    if (live.task.launch > 0 && (await this.#isStarted(live))) return;
    if (live.tries >= LAUNCHES_MAX) {
      return this.#settle(live, { status: "failed", reason: "its keeper could not be started" });
    }
    if (live.tries > 0) await this.#pause(AGAIN_AFTER_MS);
    live.tries += 1;
    const launch = live.task.launch + 1;
    const claimed = await store.update(live.task, { launch }, clock.now());
    if (claimed === undefined) return this.#reread(live);
    live.task = claimed;
    const isWatched = live.watcher !== undefined;
    live.run = await keepers.launch(claimed, isWatched, {
      started: (pid, atMs) => {
        live.pid = pid;
        this.#step(live, () => this.#started(live, { pid, atMs }));
      },
      output: (from, bytes) => {
        if (live.watcher?.output(from, bytes) === false) live.run?.pause();
      },
      inputTaken: (bytes) => live.watcher?.inputTaken(bytes),
      gone: (end) => {
        if (live.task.launch !== launch) return;
        this.#step(live, () => (end === undefined ? this.#look(live) : this.#ended(live, end)));
      },
    });
    // Somebody may have come, or gone, since.
    const on = live.watcher !== undefined;
    if (on !== isWatched) live.run.tell({ type: "live", on });
    for (const say of live.unsaid.splice(0)) say(live.run);
    if (live.wantedEnd !== undefined) this.#askToEnd(live);
  }

  /** Whether the start that was begun last took place. */
  async #isStarted(live: Live): Promise<boolean> {
    const { state } = await this.#options.keepers.find(live.task);
    if (state === "never") return false;
    await this.#look(live);
    return true;
  }

  async #started(live: Live, { pid, atMs }: { pid: number; atMs: number }): Promise<void> {
    if (live.task.status === "pending") {
      const change = { status: "running", startedAt: atMs } as const;
      const changed = await this.#options.store.update(live.task, change, this.#options.clock.now());
      if (changed === undefined) return this.#reread(live);
      live.task = changed;
    }
    live.watcher?.started(pid);
  }

  /** What became of a start that nobody here hears of. */
  async #look(live: Live): Promise<void> {
    if (this.#closed || isOver(live.task.status)) return;
    const found = await this.#options.keepers.find(live.task);
    switch (found.state) {
      case "ended":
        await this.#feed(live);
        return this.#ended(live, found.end);
      case "lost":
        return this.#settle(live, { status: "failed", reason: "interrupted" });
      case "never":
        if (live.task.status === "running")
          return this.#settle(live, { status: "failed", reason: "interrupted" });
        return this.#launch(live);
      case "running":
        await this.#started(live, { pid: found.keeper.pid, atMs: this.#options.clock.now() });
        if (live.wantedEnd !== undefined) await this.#options.keepers.cancel(live.task);
        await this.#feed(live);
        live.look?.cancel();
        live.look = this.#options.timers.after(LOOK_EVERY_MS, () => this.#step(live, () => this.#look(live)));
    }
  }

  /** What a keeper of an earlier agent wrote since the watcher came; as much as it takes at once. */
  async #feed(live: Live): Promise<void> {
    const { keepers } = this.#options;
    for (let more = true; more && live.watcher !== undefined && live.run === undefined;) {
      const from = live.fedTo ?? Number.MAX_SAFE_INTEGER;
      const part = await keepers.log(live.task, from, FEED_BYTES);
      more = live.fedTo !== undefined && part.pieces.length > 0;
      live.fedTo = part.next;
      const watcher = this.#live.get(live.task.id)?.watcher;
      if (watcher === undefined) return;
      for (const { from: output, bytes } of part.pieces) {
        if (!watcher.output(output, bytes)) more = false;
      }
    }
  }

  #askToEnd(live: Live): void {
    const reason = live.wantedEnd ?? "cancelled";
    if (live.run !== undefined) live.run.tell({ type: "cancel", reason });
    else if (live.look !== undefined) this.#step(live, () => this.#options.keepers.cancel(live.task));
  }

  async #ended(live: Live, end: RunEnd): Promise<void> {
    const wasTold = end.reason === "cancelled" || end.reason === "stopped";
    const isFine = end.exit_code === 0 && end.reason === null;
    // It may have ended before it was known to run.
    if (live.task.status === "pending" && (isFine || end.exit_code !== null)) {
      await this.#started(live, { pid: live.pid, atMs: end.started_at });
    }
    await this.#settle(live, {
      status: wasTold ? "cancelled" : isFine ? "completed" : "failed",
      exitCode: end.exit_code,
      signal: end.signal,
      reason: end.reason,
      startedAt: end.started_at,
      endedAt: end.ended_at,
    });
  }

  async #settle(live: Live, change: TaskChange): Promise<void> {
    const { store, clock } = this.#options;
    const nowMs = clock.now();
    const settled = await store.update(live.task, { endedAt: nowMs, ...change }, nowMs);
    if (settled === undefined) return this.#reread(live);
    this.#forget(live, settled);
  }

  /** The record says otherwise than this agent believed: the record is right. */
  async #reread(live: Live): Promise<void> {
    const task = await this.#options.store.get(live.task.id);
    if (task === undefined || isOver(task.status)) return this.#forget(live, task ?? live.task);
    live.task = task;
    if (task.launch > 0) await this.#look(live);
  }

  #forget(live: Live, task: Task): void {
    live.task = task;
    live.look?.cancel();
    this.#live.delete(task.id);
    this.#starting.delete(task.id);
    live.over.resolve(task);
    this.#fill();
  }
}
