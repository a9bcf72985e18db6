// For tests: keepers that run inside the test's own process, with real programs, folders and a record in memory. What
// kills a keeper is simulated elsewhere; here it is what it does while it lives.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT_LOG } from "../../protocol/log.ts";
import { realPrograms } from "../../world/programs.ts";
import { realWorld } from "../../world/real.ts";
import type { PipedOptions, PipedProgram } from "../../world/world.ts";
import { keepTask } from "./keep-task.ts";
import { openTasks, type OpenTasksOptions, type Tasks } from "./open-tasks.ts";

export interface TestTasks extends AsyncDisposable {
  tasks: Tasks;
  folder: string;
}

/** `haste`: how much faster than the clock the keepers' time runs. */
export async function testTasks(change: Partial<OpenTasksOptions> = {}, haste = 1): Promise<TestTasks> {
  const folder = await mkdtemp(join(tmpdir(), "muster-tasks-"));
  const tasks = await openTasks({
    world: realWorld,
    programs: { piped: (wish) => startKeeper(wish, haste) },
    log: SILENT_LOG,
    notices: { set() {}, clear() {} },
    place: { kind: "sqlite", path: ":memory:" },
    runningMax: 8,
    keeper: ["keeper"],
    folder: join(folder, "tasks"),
    home: folder,
    environment: { PATH: process.env["PATH"] ?? "" },
    device: () => ({ id: "device-id", name: "pi" }),
    ...change,
  });
  return {
    tasks,
    folder,
    async [Symbol.asyncDispose]() {
      await tasks.close("stop");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Its pipe holds so much, as a real one does. */
const PIPE_BYTES = 64 * 1024;

function startKeeper(options: PipedOptions, haste: number): PipedProgram {
  const { clock, timers } = realWorld;
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  let isPaused = false;
  let isOver = false;
  const flush = (): void => {
    const wasFull = heldBytes > PIPE_BYTES;
    for (;;) {
      const bytes = isPaused ? undefined : held.shift();
      if (bytes === undefined) break;
      heldBytes -= bytes.length;
      options.output("stdout", bytes);
    }
    if (wasFull && heldBytes <= PIPE_BYTES) keeper.drained();
    if (isOver && held.length === 0) options.ended(0, null);
  };
  const keeper = keepTask({
    ...realWorld,
    clock: { now: () => clock.now(), monotonic: () => clock.monotonic() * haste },
    timers: { ...timers, after: (delayMs, run) => timers.after(delayMs / haste, run) },
    programs: realPrograms,
    pid: process.pid,
    folder: options.command.at(-1) ?? "",
    send(bytes) {
      held.push(new Uint8Array(bytes));
      heldBytes += bytes.length;
      queueMicrotask(flush);
      return heldBytes <= PIPE_BYTES;
    },
  });
  void keeper.done.then(() => {
    isOver = true;
    queueMicrotask(flush);
  });
  return {
    pid: process.pid,
    write(bytes) {
      keeper.data(bytes);
      return true;
    },
    endInput: () => keeper.lost(),
    pause: () => void (isPaused = true),
    resume() {
      isPaused = false;
      flush();
    },
    signal() {},
  };
}
