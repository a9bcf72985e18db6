// The keeper of one task: a small process between the agent and the program, so that the program outlives the agent
// with its time limit, its output on the disk, and somebody who hears how it ended. The agent may go at any moment
// and is not missed.
import type { Clock, PipedProgram, Processes, Programs, Timer, Timers } from "../../world/world.ts";
import { FRAME, frame, FrameReader, wordFrame } from "./frames.ts";
import { readKeeperWord, type KeptRequest, type KeptWord, type RunEnd } from "./kept-shapes.ts";
import { decideStart, readPart, writePart, type RunDisk } from "./run-folder.ts";
import { TaskLogWriter } from "./task-log.ts";

/** Between asking a group to end and ending it. */
export const KILL_AFTER_MS = 5000;
/** The same, for what a program that has ended left in its group: its own work is done. */
const KILL_LEFT_AFTER_MS = 1000;
/** The longest that a timer counts. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const END_AGAIN_MS = 1000;
/** What a shell answers for a command that the system does not take. */
const NOT_STARTED = 126;
const GROUP_LOOK_MS = 100;
const KILLED_WITHIN_MS = 500;

export interface KeeperParts {
  disk: RunDisk;
  programs: Pick<Programs, "piped">;
  processes: Pick<Processes, "startMark" | "groupAlive" | "signalGroup">;
  clock: Clock;
  timers: Timers;
  /** Of this very process. */
  pid: number;
  folder: string;
  /** To the agent. False: taken, but wait for `drained`. */
  send(bytes: Uint8Array): boolean;
}

export interface Keeper {
  /** Resolves once it has nothing left to do. */
  readonly done: Promise<void>;
  /** From the agent. */
  data(bytes: Uint8Array): void;
  drained(): void;
  /** The agent is gone. */
  lost(): void;
  cancel(reason: string): void;
}

export function keepTask(parts: KeeperParts): Keeper {
  const { promise: begun, resolve: begin } = Promise.withResolvers<Kept | undefined>();
  const reader = new FrameReader();
  const work = (async () => {
    const { disk, folder, processes, clock, pid } = parts;
    const request = await readPart(disk, folder, "request");
    const keeper = { pid, mark: processes.startMark(pid) ?? null };
    const may = request !== undefined && (await decideStart(disk, folder, { keeper, at: clock.now() }));
    if (!may) return begin(undefined);
    const kept = new Kept(parts, request);
    await kept.spawn();
    begin(kept);
    await kept.run();
  })().finally(() => begin(undefined));
  // What is said before it began is heard when it has.
  const tell = (say: (kept: Kept) => void): void =>
    void begun.then((kept) => kept !== undefined && say(kept));
  return {
    done: work,
    data(bytes) {
      const owned = new Uint8Array(bytes);
      tell((kept) => {
        for (const { type, payload } of reader.read(owned)) kept.frame(type, payload);
      });
    },
    drained: () => tell((kept) => kept.drained()),
    lost: () => tell((kept) => kept.lost()),
    cancel: (reason) => tell((kept) => kept.stop(reason)),
  };
}

class Kept {
  readonly #parts: KeeperParts;
  readonly #request: KeptRequest;
  readonly #log: TaskLogWriter;
  readonly #inputWaiting: number[] = [];
  readonly #ended = Promise.withResolvers<RunEnd>();
  /** Why the program is not read now. */
  readonly #holds = new Set<"log" | "agent">();
  #program: PipedProgram | undefined;
  #live: boolean;
  #agentGone = false;
  #reason: string | undefined;
  #limit: Timer | undefined;
  #killer: Timer | undefined;
  #killAtMs = 0;
  #startedAtMs = 0;

  constructor(parts: KeeperParts, request: KeptRequest) {
    this.#parts = parts;
    this.#request = request;
    this.#live = request.live;
    this.#log = new TaskLogWriter(parts.disk, parts.folder, () => this.#release("log"));
  }

  async run(): Promise<void> {
    const { disk, folder, processes } = this.#parts;
    const pid = this.#program?.pid ?? 0;
    if (pid > 0) {
      const child = { pid, mark: processes.startMark(pid) ?? null };
      await writePart(disk, folder, { name: "child", value: child }).catch(() => {}); // the worst is an orphan later
    }
    this.#say({ type: "started", pid, at: this.#startedAtMs });
    const end = await this.#ended.promise;
    this.#limit?.cancel();
    await this.#log.close();
    await this.#endGroup(pid);
    this.#killer?.cancel();
    // As long as the disk refuses it, the agent that listens still hears it.
    for (let told = false; ; told = true) {
      const kept = await writePart(disk, folder, { name: "end", value: end }).then(
        () => true,
        () => false,
      );
      if (!told) this.#say({ type: "ended", end });
      if (kept) return;
      await this.#pause(END_AGAIN_MS);
    }
  }

  frame(type: number, payload: Uint8Array): void {
    if (type === FRAME.input) return this.#input(payload);
    const word = readKeeperWord(payload);
    if (word === undefined) return;
    switch (word.type) {
      case "input_end":
        return this.#program?.endInput();
      case "signal":
        return this.#program?.signal(word.name);
      case "cancel":
        return this.stop(word.reason);
      case "live":
        this.#live = word.on && !this.#agentGone;
        return this.#release("agent");
    }
  }

  drained(): void {
    this.#release("agent");
  }

  lost(): void {
    this.#agentGone = true;
    this.#live = false;
    this.#release("agent");
    this.#program?.endInput();
  }

  /** TERM to the whole group, KILL to what stays. */
  stop(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const { clock, timers } = this.#parts;
    this.#killAtMs = clock.monotonic() + KILL_AFTER_MS;
    // One that waits for a reader can't end.
    this.#live = false;
    this.#release("agent");
    this.#program?.signal("TERM");
    this.#killer = timers.after(KILL_AFTER_MS, () => this.#program?.signal("KILL"));
  }

  async spawn(): Promise<void> {
    const { programs, clock, disk } = this.#parts;
    this.#startedAtMs = clock.now();
    const { request, environment, home, task } = this.#request;
    const cwd = folderOf(home, request.cwd);
    if ((await disk.info(cwd).catch(() => undefined))?.kind !== "folder") {
      return this.#failed(`there is no folder ${JSON.stringify(cwd)}`, null);
    }
    try {
      this.#program = programs.piped({
        command: request.argv ?? ["/bin/sh", "-c", request.script ?? ""],
        cwd,
        environment: { ...environment, ...request.environment, MUSTER_TASK: task },
        input: request.stdin,
        output: (from, bytes) => this.#output(from, bytes),
        inputDrained: () => {
          for (const bytes of this.#inputWaiting.splice(0)) this.#say({ type: "input_taken", bytes });
        },
        ended: (code, signal) =>
          this.#ended.resolve({
            exit_code: code,
            signal,
            reason: this.#reason ?? null,
            started_at: this.#startedAtMs,
            ended_at: clock.now(),
          }),
      });
    } catch (error) {
      // A command line or an environment that the system does not take; too many processes.
      const why = error instanceof Error ? error.message : String(error);
      return this.#failed(`it could not be started: ${why}`, NOT_STARTED);
    }
    if (request.timeout_ms !== undefined) this.#limitAfter(request.timeout_ms);
  }

  #failed(reason: string, code: number | null): void {
    const at = this.#parts.clock.now();
    const text = new TextEncoder().encode(`${reason}\n`);
    this.#output("stderr", text);
    this.#ended.resolve({ exit_code: code, signal: null, reason, started_at: at, ended_at: at });
  }

  #limitAfter(restMs: number): void {
    const now = Math.min(restMs, TIMER_MAX_MS);
    this.#limit = this.#parts.timers.after(now, () => {
      if (restMs > now) this.#limitAfter(restMs - now);
      else this.stop("timeout");
    });
  }

  #output(from: "stdout" | "stderr", bytes: Uint8Array): void {
    this.#log.append(from, bytes);
    if (this.#log.isBusy) this.#hold("log");
    if (!this.#live) return;
    const type = from === "stdout" ? FRAME.output : FRAME.errors;
    if (!this.#parts.send(frame(type, bytes))) this.#hold("agent");
  }

  #hold(why: "log" | "agent"): void {
    this.#holds.add(why);
    this.#program?.pause();
  }

  #release(why: "log" | "agent"): void {
    this.#holds.delete(why);
    if (this.#holds.size === 0) this.#program?.resume();
  }

  #input(bytes: Uint8Array): void {
    if (this.#program === undefined || this.#program.write(bytes)) {
      this.#say({ type: "input_taken", bytes: bytes.length });
    } else {
      this.#inputWaiting.push(bytes.length);
    }
  }

  /** A task ends whole: members that outlive their leader too, of which nobody would ever hear again. */
  async #endGroup(pid: number): Promise<void> {
    const { processes, clock } = this.#parts;
    if (pid <= 1 || !processes.groupAlive(pid)) return;
    if (this.#reason === undefined) {
      this.#killAtMs = clock.monotonic() + KILL_LEFT_AFTER_MS;
      processes.signalGroup(pid, "SIGTERM");
    }
    while (processes.groupAlive(pid)) {
      const overMs = clock.monotonic() - this.#killAtMs;
      // One that nobody reaps counts as there for ever.
      if (overMs >= KILLED_WITHIN_MS) return;
      if (overMs >= 0) processes.signalGroup(pid, "SIGKILL");
      await this.#pause(GROUP_LOOK_MS);
    }
  }

  #say(word: KeptWord): void {
    if (!this.#agentGone) this.#parts.send(wordFrame(word));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#parts.timers.after(ms, resolve));
  }
}

function folderOf(home: string, cwd: string | undefined): string {
  if (cwd === undefined || cwd === "") return home;
  return cwd.startsWith("/") ? cwd : `${home}/${cwd}`;
}
