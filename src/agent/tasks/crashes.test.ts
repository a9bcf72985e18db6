// Thousands of tasks whose agents are killed at every step of accepting, starting and ending them, by seeds. The
// real store, runner, keepers and run folders; only processes, disk and time are of the test.
import { expect, test } from "bun:test";
import { SILENT_LOG } from "../../protocol/log.ts";
import { openStore } from "../../store/open-store.ts";
import { storeOptions } from "../../store/testing.ts";
import { CrashWorld } from "./crash-world.fixture.ts";
import { sqlTaskStore } from "./sql-task-store.ts";
import { TaskRunner } from "./task-runner.ts";
import { TASK_MIGRATIONS, type TaskDatabase } from "./task-tables.ts";
import { isOver, type NewTask, type Task } from "./task.ts";

const WORLDS = 24;
const TASKS = 60;
const TURNS_MAX = 8000;

/** mulberry32: small, and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function newTask(number: number): NewTask {
  const id = `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;
  return {
    id,
    title: `task ${number}`,
    description: null,
    command: ["true"],
    input: {},
    request: { argv: ["true"], stdin: false },
    order: { signer: "someone", commandId: id, digest: Uint8Array.of(1) },
  };
}

/** Runs one world to its end, and tells what became of each task. */
async function live(seed: number, keeperDies: number) {
  const fraction = seeded(seed);
  const world = new CrashWorld(fraction, keeperDies);
  const { db, close } = await openStore<TaskDatabase>(storeOptions({ migrations: TASK_MIGRATIONS }));
  const record = sqlTaskStore(db, "device");
  const asked = Array.from({ length: TASKS }, (_, number) => newTask(number));
  const accepted = new Set<string>();
  let crashes = 0;
  const begin = (): void => {
    const steps = crashes < 40 ? 1 + Math.floor(fraction() * 60) : Number.POSITIVE_INFINITY;
    const { store, keepers } = world.agent(steps, record, () => {
      crashes += 1;
      world.time.after(fraction() * 100, begin);
    });
    const runner = new TaskRunner({
      store,
      keepers,
      clock: world.clock,
      timers: world.time,
      log: SILENT_LOG,
      runningMax: 7,
    });
    void runner.recover().then(async () => {
      for (const task of asked) {
        if (accepted.has(task.id)) continue;
        // Its sender asks again until it hears that it was taken.
        const { state } = await runner.accept(task);
        if (state !== "reused") accepted.add(task.id);
      }
    });
  };
  begin();
  let tasks: Task[] = [];
  for (let turn = 0; turn < TURNS_MAX; turn += 50) {
    await world.turns(50);
    if (accepted.size < TASKS) continue;
    tasks = await Promise.all(asked.map(async ({ id }) => (await record.get(id)) as Task)); // checked below
    if (tasks.every((task) => isOver(task.status))) break;
  }
  await close();
  return { world, tasks, crashes };
}

test("no accepted task is lost or started twice, and each ends once, as its program did", async () => {
  let crashed = 0;
  for (let seed = 1; seed <= WORLDS; seed++) {
    const { world, tasks, crashes } = await live(seed, 0);
    crashed += crashes;
    for (const task of tasks) {
      const program = world.programs.get(task.id);
      expect({
        seed,
        id: task.id,
        status: task.status,
        exit: task.exitCode,
        starts: program?.starts,
      }).toEqual({
        seed,
        id: task.id,
        status: program?.code === 0 ? "completed" : "failed",
        exit: program?.code ?? -1,
        starts: 1,
      });
    }
  }
  expect(crashed).toBeGreaterThan(WORLDS * 15);
}, 60_000);

test("where keepers are killed as well, a task is interrupted, never left running, never started again", async () => {
  let interrupted = 0;
  for (let seed = 1001; seed <= 1000 + WORLDS / 2; seed++) {
    const { world, tasks } = await live(seed, 0.3);
    for (const task of tasks) {
      const starts = world.programs.get(task.id)?.starts ?? 0;
      expect({ seed, id: task.id, over: isOver(task.status), once: starts <= 1 }).toEqual({
        seed,
        id: task.id,
        over: true,
        once: true,
      });
      if (task.reason === "interrupted") interrupted += 1;
      else
        expect({ seed, exit: task.exitCode }).toEqual({
          seed,
          exit: world.programs.get(task.id)?.code ?? -1,
        });
    }
  }
  expect(interrupted).toBeGreaterThan(20);
}, 60_000);
