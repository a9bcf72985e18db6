// Commands that do not want to end: the real keeper with real programs. Each task ends within its limits all the same,
// and what of it is then gone, and what is not, is what docs/guides/tasks.md says.
import { afterEach, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SealedRequest } from "../../protocol/command-messages.ts";
import { until } from "../testing.ts";
import { testTasks, type TestTasks } from "./in-process.fixture.ts";
import { LOG_KEPT_MAX_BYTES } from "./task-log.ts";
import type { Task } from "./task.ts";

/** In the command lines of what is looked for: seconds that nothing else sleeps. */
const MARK = `3000.${process.pid}`;
afterEach(() => void Bun.spawnSync(["pkill", "-KILL", "-f", "--", MARK]));

let made = 0;
async function accept({ tasks }: TestTasks, request: Partial<SealedRequest<"exec">>): Promise<Task> {
  const id = `00000000-0000-7000-8000-${String((made += 1)).padStart(12, "0")}`;
  const created = await tasks.runner.accept({
    id,
    title: "a hostile one",
    description: null,
    command: null,
    input: {},
    request: { stdin: false, ...request },
    order: { signer: "me", commandId: id, digest: new Uint8Array(1) },
  });
  if (created.state !== "new") throw new Error("it was to be new");
  return created.task;
}

const ended = async (here: TestTasks, task: Task) =>
  here.tasks.desk.view(await here.tasks.runner.outcome(task));
const shown = async (here: TestTasks, task: Task): Promise<string> =>
  (await here.tasks.desk.show({ task: task.id })).task.logs;

/** How many there are with this in their command lines, or as the whole of them; what waits to be reaped is none. */
function processesOf(text: string, how: "within" | "whole" = "within"): number {
  const whole = how === "whole" ? ["-x"] : [];
  const found = Bun.spawnSync(["pgrep", "-r", "R,S,D,T", "-c", "-f", ...whole, "--", text]);
  return Number(found.stdout.toString());
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0);
}

test("output without end, on both outputs, stays within bounds and ends with its time limit", async () => {
  await using here = await testTasks();
  const task = await accept(here, { script: "yes out & yes err >&2", timeout_ms: 700 });
  const view = await ended(here, task);
  expect(view).toMatchObject({ status: "failed", reason: "timeout", logs_truncated: true });
  // Whole files go, the oldest first: what is kept has room for one more.
  expect(bytesIn(here.folder)).toBeLessThan(LOG_KEPT_MAX_BYTES * 1.3);
});

test("one that ignores every word is killed", async () => {
  await using here = await testTasks({}, 20);
  const script = "trap '' HUP INT TERM; echo up; while :; do sleep 0.1; done";
  const task = await accept(here, { script });
  await until(async () => (await shown(here, task)) === "up\n");
  here.tasks.runner.cancel(task.id);
  expect(await ended(here, task)).toMatchObject({ status: "cancelled", signal: "SIGKILL" });
});

test("a bomb of processes ends whole, while it is still growing", async () => {
  await using here = await testTasks({}, 20);
  // Each makes two more, seven times over; none listens to TERM.
  const bomb = `trap '' TERM; b() { [ $1 -gt 0 ] && { b $(($1 - 1)) & b $(($1 - 1)) & }; sleep ${MARK}; }; b 6`;
  const task = await accept(here, { script: bomb });
  await until(() => processesOf(MARK) > 40);
  here.tasks.runner.cancel(task.id);
  expect(await ended(here, task)).toMatchObject({ status: "cancelled", signal: "SIGKILL" });
  expect(processesOf(MARK)).toBe(0);
});

const LIMITERS = ["prlimit", "setpriv"].every((program) => Bun.which(program) !== null);

test.skipIf(!LIMITERS)("a bomb that goes off behind its own end is ended with it", async () => {
  await using here = await testTasks({}, 20);
  // The limit binds nobody who is root, so that it is another's here.
  const isRoot = process.getuid?.() === 0;
  const other = 50_000 + (process.pid % 10_000);
  const as = isRoot ? ["setpriv", `--reuid=${other}`, `--regid=${other}`, "--clear-groups"] : [];
  const bomb = "b() { sleep 0.05; b | b & }; trap '' TERM; b";
  const argv = [...as, "prlimit", "--nproc=40", "sh", "-c", bomb, MARK];
  const view = await ended(here, await accept(here, { argv }));
  expect(view.reason).toBeNull();
  expect(processesOf(MARK)).toBe(0);
  expect(await ended(here, await accept(here, { argv: ["true"] }))).toMatchObject({ status: "completed" });
});

test("a task ends with its program, and what it left in the background with both", async () => {
  await using here = await testTasks({}, 20);
  const scripts = {
    silent: `sleep ${MARK} & exit 3`,
    "without end": `yes ${MARK} & sleep 0.1; exit 3`,
    "now and then": `(while :; do echo ${MARK}; sleep 0.1; done) & exit 3`,
  };
  const tasks = await Promise.all(Object.values(scripts).map((script) => accept(here, { script })));
  for (const task of tasks) {
    expect(await ended(here, task)).toMatchObject({ status: "failed", exit_code: 3, reason: null });
  }
  expect(processesOf(MARK)).toBe(0);
}, 20_000);

test("who leaves the group of a task runs on, and does not keep it from its end", async () => {
  await using here = await testTasks();
  const left = () => processesOf(`sleep ${MARK}`, "whole");
  const own = await accept(here, { script: `setsid sleep ${MARK} & sleep 0.1; exit 0` });
  expect(await ended(here, own)).toMatchObject({ status: "completed" });
  const told = await accept(here, { script: `setsid sleep ${MARK} & echo up; wait` });
  await until(async () => (await shown(here, told)) === "up\n" && left() === 2);
  here.tasks.runner.cancel(told.id);
  expect(await ended(here, told)).toMatchObject({ status: "cancelled", signal: "SIGTERM" });
  expect(left()).toBe(2);
}, 20_000);
