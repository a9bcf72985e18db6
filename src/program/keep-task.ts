// One task's keeper as a process of its own. The agent that started it sits at its standard input and output, and may
// go; whoever wants it to end signals it.
import { keepTask } from "../agent/tasks/keep-task.ts";
import { realDisk } from "../world/disk.ts";
import { realProcesses } from "../world/processes.ts";
import { realPrograms } from "../world/programs.ts";
import { realClock, realTimers } from "../world/time.ts";

export async function runKeeper(folder: string): Promise<void> {
  const { stdin, stdout } = process;
  const keeper = keepTask({
    disk: realDisk,
    programs: realPrograms,
    processes: realProcesses,
    clock: realClock,
    timers: realTimers,
    pid: process.pid,
    folder,
    send: (bytes) => stdout.write(bytes),
  });
  stdout.on("drain", () => keeper.drained());
  stdout.on("error", () => keeper.lost());
  stdin.on("data", (bytes: Buffer) => keeper.data(bytes));
  stdin.on("end", () => keeper.lost());
  stdin.on("error", () => keeper.lost());
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => keeper.cancel("cancelled"));
  await keeper.done;
  // Its last words are behind what a slow reader has not taken yet; one that is gone takes nothing.
  await new Promise<void>((resolve) => {
    stdout.once("error", () => resolve());
    stdout.write("", () => resolve());
  });
}
