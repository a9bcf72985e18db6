import { expect, test } from "bun:test";
import type { SealedRequest } from "../../protocol/command-messages.ts";
import { realPrograms } from "../../world/programs.ts";
import { realWorld } from "../../world/real.ts";
import type { Programs } from "../../world/world.ts";
import { until } from "../testing.ts";
import { testTasks, type TestTasks } from "./in-process.fixture.ts";
import type { Task } from "./task.ts";
import type { TaskWatcher } from "./task-runner.ts";

let made = 0;
async function accept(
  { tasks }: TestTasks,
  request: Partial<SealedRequest<"exec">>,
  watcher?: TaskWatcher,
): Promise<Task> {
  const id = `00000000-0000-7000-8000-${String((made += 1)).padStart(12, "0")}`;
  const created = await tasks.runner.accept(
    {
      id,
      title: "a task",
      description: null,
      command: null,
      input: {},
      request: { stdin: false, ...request },
      order: { signer: "me", commandId: id, digest: new Uint8Array(1) },
    },
    watcher,
  );
  if (created.state !== "new") throw new Error("it was to be new");
  return created.task;
}

const ended = async (test: TestTasks, task: Task) =>
  test.tasks.desk.view(await test.tasks.runner.outcome(task));

test("a task ends with its code, its outputs and where it ran", async () => {
  await using here = await testTasks();
  const task = await accept(here, { script: "pwd; echo $WORD >&2; exit 3", environment: { WORD: "given" } });
  const { logs, ...view } = await ended(here, task);
  expect(view).toMatchObject({ status: "failed", exit_code: 3, reason: null });
  // Two pipes have no order between them.
  expect(logs.split("\n").toSorted()).toEqual(["", here.folder, "given"].toSorted());
});

test("so many run at once, the others wait for their turn and may be taken back", async () => {
  await using here = await testTasks({ runningMax: 2 });
  const { runner, desk } = here.tasks;
  const all = [];
  for (let number = 0; number < 4; number++) all.push(await accept(here, { argv: ["sleep", "300"] }));
  await until(async () => (await desk.stats()).stats.running === 2);
  const [first, , third, fourth] = all as [Task, Task, Task, Task];
  expect(runner.isHeldBack(third.id)).toBe(true);
  runner.cancel(third.id);
  expect(await runner.outcome(third)).toMatchObject({ status: "cancelled", startedAt: null, launch: 0 });
  runner.cancel(first.id);
  expect(await runner.outcome(first)).toMatchObject({ status: "cancelled", signal: "SIGTERM" });
  await until(async () => (await desk.show({ task: fourth.id })).task.status === "running");
});

test("a time limit ends it, and says so", async () => {
  await using here = await testTasks();
  const task = await accept(here, { argv: ["sleep", "300"], timeout_ms: 50 });
  expect(await ended(here, task)).toMatchObject({ status: "failed", reason: "timeout", signal: "SIGTERM" });
});

test("a reader that is slow holds the program back, and loses nothing", async () => {
  await using here = await testTasks();
  let bytes = 0;
  let id = "";
  const watcher: TaskWatcher = {
    started() {},
    output(_, piece) {
      bytes += piece.length;
      setImmediate(() => here.tasks.runner.resume(id));
      return false;
    },
    inputTaken() {},
  };
  const task = await accept(here, { argv: ["head", "-c", "3000000", "/dev/zero"] }, watcher);
  id = task.id;
  expect((await here.tasks.runner.outcome(task)).status).toBe("completed");
  await until(() => bytes === 3_000_000);
});

test("who begins to watch while a task is being started sees what it writes", async () => {
  const { disk } = realWorld;
  const asked = Promise.withResolvers<void>();
  const watched = Promise.withResolvers<void>();
  const makeFolder = async (path: string): Promise<void> => {
    await disk.makeFolder(path);
    // Of its first start.
    if (!path.endsWith("/1")) return;
    asked.resolve();
    await watched.promise;
  };
  await using here = await testTasks({ world: { ...realWorld, disk: { ...disk, makeFolder } } });
  const { runner } = here.tasks;
  let text = "";
  const task = await accept(here, { argv: ["cat"], stdin: true });
  await asked.promise;
  runner.watch(task.id, {
    started() {},
    output: (_, bytes) => Boolean((text += new TextDecoder().decode(bytes))),
    inputTaken() {},
  });
  watched.resolve();
  runner.input(task.id, new TextEncoder().encode("here"));
  runner.endInput(task.id);
  expect((await runner.outcome(task)).status).toBe("completed");
  expect(text).toBe("here");
});

test("a log is followed while it grows, and ends with the task", async () => {
  await using here = await testTasks();
  const task = await accept(here, { script: "echo one; sleep 0.3; echo two" });
  let text = "";
  for (let from = 0, done = false; !done;) {
    const page = await here.tasks.desk.logs({ task: task.id, from, limit: 1000, wait: true });
    text += page.pieces.map((piece) => Buffer.from(piece.bytes, "base64url").toString()).join("");
    from = page.next;
    done = page.ended;
  }
  expect(text).toBe("one\ntwo\n");
});

test("what is told to end ends whole, even members that ignore it", async () => {
  await using here = await testTasks({}, 20);
  const script = "(trap '' TERM; echo $$; exec sleep 300) & trap 'exit 9' TERM; echo up; wait";
  const task = await accept(here, { script });
  await until(async () => (await here.tasks.desk.show({ task: task.id })).task.logs.split("\n").length === 3);
  here.tasks.runner.cancel(task.id);
  const view = await ended(here, task);
  expect(view).toMatchObject({ status: "cancelled", exit_code: 9 });
  const group = /^\d+$/m.exec(view.logs)?.[0] ?? "";
  const left = Bun.spawnSync(["sh", "-c", `pgrep -r R,S,D,T -g ${group} || true`]).stdout.toString();
  expect(left).toBe("");
}, 15_000);

test("where no keeper can be started, or each ends at once, a task fails after some tries and says so", async () => {
  const { clock, timers } = realWorld;
  let isFull = true;
  let tries = 0;
  const piped: Programs["piped"] = (wish) => {
    if (!isFull) return realPrograms.piped({ ...wish, command: ["false"] });
    tries += 1;
    timers.soon(() => wish.ended(127, null));
    const nothing = (): void => {};
    const parts = { endInput: nothing, pause: nothing, resume: nothing, signal: nothing };
    return { pid: 0, write: () => true, ...parts };
  };
  const fast = { ...timers, after: (ms: number, run: () => void) => timers.after(ms / 50, run) };
  await using here = await testTasks({ world: { ...realWorld, clock, timers: fast }, programs: { piped } });
  const why = { status: "failed", reason: "its keeper could not be started", exit_code: null };
  expect(await ended(here, await accept(here, { argv: ["true"] }))).toMatchObject(why);
  expect(tries).toBe(5);
  isFull = false;
  // One that is started, and ends before it decided anything, is tried as often.
  expect(await ended(here, await accept(here, { argv: ["true"] }))).toMatchObject(why);
});

test("removed tasks leave no folder", async () => {
  await using here = await testTasks();
  const task = await accept(here, { argv: ["true"] });
  await here.tasks.runner.outcome(task);
  await here.tasks.desk.remove({ task: task.id });
  const left = Bun.spawnSync(["ls", `${here.folder}/tasks`]).stdout.toString();
  expect(left).toBe("");
});
