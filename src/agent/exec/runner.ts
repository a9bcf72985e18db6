// Runs commands of the owner on this machine: each a process group, with bounded time and bounded memory for what
// it writes. Who watches may come, go and come back; the command does not notice.
import type { ExecResult, SealedRequest } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Clock, PipedProgram, Programs, SignalWord, Timer, Timers } from "../../world/world.ts";
import { OutputLog } from "./output-log.ts";

/** Both outputs together; it stands in the outcome, as text. */
export const LOG_MAX_BYTES = 64 * 1024;
/** Between asking a group to end and ending it. */
export const KILL_AFTER_MS = 5000;
const RUNNING_MAX = 64;

export interface RunnerOptions {
  programs: Programs;
  clock: Clock;
  timers: Timers;
  /** Absolute; where commands run that name no folder. */
  home: string;
  /** What commands get; without anything of Muster's. */
  environment: Record<string, string>;
}

/** Who sees what a command writes. */
export interface Watcher {
  /** False: hold back until `Run.drained`. */
  output(from: "stdout" | "stderr", bytes: Uint8Array): boolean;
  /** So much of the input has gone to the program. */
  inputTaken(bytes: number): void;
}

export interface Run {
  readonly pid: number;
  readonly ended: Promise<ExecResult>;
  /** From now on this one sees it, and no other; nobody without one. */
  watch(watcher: Watcher | undefined): void;
  drained(): void;
  /** At most what the watcher was told is free. */
  input(bytes: Uint8Array): void;
  endInput(): void;
  signal(name: SignalWord): void;
  /** Asks the group to end, then ends it. */
  cancel(): void;
}

export class Runner {
  readonly #options: RunnerOptions;
  readonly #running = new Set<Run>();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Throws `too_many`, `bad_request`. A program that is not there is an outcome (127), as in a shell. */
  start(request: SealedRequest<"exec">, watcher: Watcher): Run {
    if (this.#running.size >= RUNNING_MAX) {
      throw new MusterError("too_many", `${RUNNING_MAX} commands run on this device already`);
    }
    const run = startRun(this.#options, request, watcher);
    this.#running.add(run);
    run.ended.then(
      () => this.#running.delete(run),
      () => this.#running.delete(run),
    );
    return run;
  }

  /** The agent ends: what it started here would have nobody to write to. */
  close(): void {
    for (const run of this.#running) run.signal("TERM");
  }
}

function startRun(options: RunnerOptions, request: SealedRequest<"exec">, first: Watcher): Run {
  const { programs, clock, timers } = options;
  const startedAtMs = clock.now();
  const log = new OutputLog(LOG_MAX_BYTES);
  const waiting: number[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<ExecResult>();
  let watcher: Watcher | undefined = first;
  let why: "cancelled" | "timeout" | undefined;
  let killer: Timer | undefined;
  let limit: Timer | undefined;
  let over = false;

  const program: PipedProgram = programs.piped({
    command: commandOf(request),
    cwd: folderOf(options.home, request.cwd),
    environment: { ...options.environment, ...request.environment },
    input: request.stdin,
    output(from, bytes) {
      log.push(bytes);
      if (watcher?.output(from, bytes) === false) program.pause();
    },
    inputDrained() {
      for (const bytes of waiting.splice(0)) watcher?.inputTaken(bytes);
    },
    ended(code, signal) {
      over = true;
      killer?.cancel();
      limit?.cancel();
      const status =
        why === "cancelled" ? "cancelled" : code === 0 && why === undefined ? "completed" : "failed";
      resolve({
        status,
        exit_code: code,
        signal,
        reason: why ?? null,
        started_at: new Date(startedAtMs).toISOString(),
        ended_at: new Date(clock.now()).toISOString(),
        logs: log.text(),
        logs_truncated: log.truncated,
      });
    },
  });
  const stop = (reason: "cancelled" | "timeout"): void => {
    if (over || why !== undefined) return;
    why = reason;
    // One that waits for a reader can't end.
    program.resume();
    program.signal("TERM");
    killer = timers.after(KILL_AFTER_MS, () => program.signal("KILL"));
  };
  if (request.timeout_ms !== undefined) limit = timers.after(request.timeout_ms, () => stop("timeout"));

  return {
    pid: program.pid,
    ended,
    watch(next) {
      watcher = next;
      program.resume();
    },
    drained: () => program.resume(),
    input(bytes) {
      if (program.write(bytes)) watcher?.inputTaken(bytes.length);
      else waiting.push(bytes.length);
    },
    endInput: () => program.endInput(),
    signal: (name) => !over && program.signal(name),
    cancel: () => stop("cancelled"),
  };
}

function commandOf({ argv, script }: SealedRequest<"exec">): string[] {
  if (argv !== undefined && script === undefined) return argv;
  if (script !== undefined && argv === undefined) return ["/bin/sh", "-c", script];
  throw new MusterError("bad_request", "a command is either a program or a script");
}

function folderOf(home: string, cwd: string | undefined): string {
  if (cwd === undefined || cwd === "") return home;
  return cwd.startsWith("/") ? cwd : `${home}/${cwd}`;
}
