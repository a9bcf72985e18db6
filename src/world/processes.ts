// Real child processes, each the leader of a process group of its own, so that it is ended whole.
import { spawn as spawnChild } from "node:child_process";
import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";
import { systemCode } from "../protocol/errors.ts";
import type { ChildProcess, Processes, SpawnOptions } from "./world.ts";

/** What a shell answers for a command that it cannot find. */
const NOT_STARTED = 127;

function spawn(options: SpawnOptions): ChildProcess {
  const [program, ...rest] = options.command;
  if (program === undefined) throw new Error("an empty command");
  const output = openSync(options.outputPath, "a", 0o600);
  const child = spawnChild(program, rest, {
    cwd: options.cwd,
    env: options.environment,
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  let told = false;
  const exited = (code: number | null, signal: string | null) => {
    if (told) return;
    told = true;
    options.exited(code, signal);
  };
  child.on("error", (error) => {
    appendFileSync(options.outputPath, `${error.message}\n`);
    exited(NOT_STARTED, null);
  });
  child.on("exit", exited);
  const pid = child.pid ?? 0;
  return { pid, signal: (name) => signalGroup(pid, name) };
}

function signalGroup(pid: number, name: "SIGTERM" | "SIGKILL" | "SIGINT" | "SIGHUP"): void {
  if (pid <= 1) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    // Nobody is left in the group: what was wanted holds already.
    if (systemCode(error) !== "ESRCH") throw error;
  }
}

function groupAlive(pid: number): boolean {
  if (pid <= 1) return false;
  try {
    process.kill(-pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/** Field 22 of /proc/PID/stat is the start time in ticks since boot (proc(5)). */
const START_TIME_FIELD = 22;

function startMark(pid: number): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold spaces: count the fields behind it. The first of them is field 3.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return `${boot}:${fields[START_TIME_FIELD - 3]}`;
  } catch {
    // No such process, or no /proc (macOS): then nothing is known of it.
    return undefined;
  }
}

export const realProcesses: Processes = { spawn, groupAlive, signalGroup, startMark };
