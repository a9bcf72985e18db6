import { expect, test } from "bun:test";
import type { LogPage } from "../../../src/client/commands/device-tasks.ts";
import { MusterError } from "../../../src/protocol/errors.ts";
import type { TaskSummary, TaskView } from "../../../src/protocol/tasks.ts";
import type { Timers } from "../../../src/world/world.ts";
import { MachineTasks, type AskedDevice } from "./machine-tasks.ts";

const AT = "2026-01-01T00:00:00.000Z";

function task(id: string, part: Partial<TaskView> = {}): TaskView {
  const times = { created_at: AT, updated_at: AT, started_at: AT, ended_at: null };
  const logs = { logs: "", logs_truncated: false, logs_bytes: 0, signal: null, output: null };
  const about = { device: "pi", device_id: "d", title: id, description: null, command: null, input: {} };
  return { id, status: "running", exit_code: null, reason: null, ...about, ...times, ...logs, ...part };
}

/** A device whose answers are given one by one. */
function asked() {
  const tasks = new Map<string, TaskView>();
  const followed: { from: number; left: AbortSignal; say(page: Partial<LogPage> | Error): void }[] = [];
  let closed = 0;
  const device = {
    async ask(act: string, request: { task?: string }) {
      if (act === "list") return { items: [...tasks.values()] satisfies TaskSummary[], cursor: null };
      const found = tasks.get(request.task ?? "");
      if (found === undefined) throw new MusterError("not_found", "no such task");
      if (act === "cancel") tasks.set(found.id, { ...found, status: "cancelled" });
      return { task: tasks.get(found.id) };
    },
    async run(script: string) {
      const made = task(script);
      tasks.set(script, made);
      return made;
    },
    async *follow(_task: string, { from }: { from: number }, left: AbortSignal): AsyncGenerator<LogPage> {
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<Partial<LogPage> | Error>();
        followed.push({ from, left, say: resolve });
        const page = await promise;
        if (page instanceof Error) throw page;
        yield { at: 0, next: 0, pieces: [], ended: false, ...page };
        if (page.ended === true) return;
      }
    },
    close: () => (closed += 1),
  };
  const timers: Timers = {
    after: () => ({ cancel() {} }),
    every: () => ({ cancel() {} }),
    soon: (run) => queueMicrotask(run),
  };
  const machine = new MachineTasks({
    timers,
    // The answers have the shapes of what was asked, which a stand-in need not follow through.
    reach: () => device as unknown as AskedDevice,
    isVisible: () => true,
  });
  const text = () =>
    machine.store
      .get()
      .log?.parts.map((part) => part.text)
      .join("");
  const turn = async (): Promise<void> => {
    for (let at = 0; at < 20; at++) await Promise.resolve();
  };
  return { machine, tasks, followed, closed: () => closed, text, turn };
}

const wrote = (text: string) => ({
  pieces: [{ from: "stdout" as const, bytes: new TextEncoder().encode(text) }],
});

test("what is run is opened, grows, and is told as over at its end", async () => {
  const { machine, tasks, followed, text, turn } = asked();
  machine.begin();
  await machine.run("uptime");
  await turn();
  expect(machine.store.get().log).toMatchObject({ task: "uptime", at: "following" });
  followed.at(-1)?.say(wrote("up 3 days\n"));
  await turn();
  expect(text()).toBe("up 3 days\n");
  tasks.set("uptime", task("uptime", { status: "completed", exit_code: 0 }));
  followed.at(-1)?.say({ ended: true });
  await turn();
  expect(machine.store.get()).toMatchObject({ log: { at: "ended" }, tasks: [{ status: "completed" }] });
});

test("a task by its address is told of though the list does not have it", async () => {
  const { machine, tasks, followed, turn } = asked();
  machine.open("old");
  expect(machine.store.get().log).toMatchObject({ task: "old", at: "reading" });
  machine.begin();
  await turn();
  expect(machine.store.get()).toMatchObject({
    log: { at: "failed", problem: { code: "not_found" } },
    opened: null,
  });
  tasks.set("old", task("old", { status: "completed" }));
  machine.open("old");
  await turn();
  followed.at(-1)?.say({ ended: true });
  await turn();
  expect(machine.store.get()).toMatchObject({ log: { at: "ended" }, opened: { id: "old" } });
  machine.open(null);
  expect(machine.store.get()).toMatchObject({ log: null, opened: null });
});

test("a log is read from near its end, and another one takes its place", async () => {
  const { machine, tasks, followed, turn } = asked();
  tasks.set("long", task("long", { logs_bytes: 10_000_000 }));
  tasks.set("other", task("other"));
  machine.begin();
  machine.open("long");
  await turn();
  expect(followed[0]?.from).toBe(10_000_000 - 256 * 1024);
  expect(machine.store.get().log?.isCut).toBe(true);
  machine.open("other");
  await turn();
  expect(followed[0]?.left.aborted).toBe(true);
  followed[0]?.say(wrote("late"));
  await turn();
  expect(machine.store.get().log).toMatchObject({ task: "other", parts: [] });
});

test("what is written faster than it is read is left out, and said so", async () => {
  const { machine, followed, text, turn } = asked();
  machine.begin();
  await machine.run("yes");
  await turn();
  followed.at(-1)?.say({ ...wrote("first\n"), at: 0, next: 6 });
  await turn();
  expect([text(), machine.store.get().log?.isCut]).toEqual(["first\n", false]);
  followed.at(-1)?.say({ ...wrote("much later\n"), at: 9_000_000, next: 9_000_011 });
  await turn();
  expect([text(), machine.store.get().log?.isCut]).toEqual(["much later\n", true]);
});

test("after a cut what was known stays, and the open log goes on with the next beginning", async () => {
  const { machine, followed, closed, text, turn } = asked();
  machine.begin();
  await machine.run("build");
  await turn();
  followed.at(-1)?.say(wrote("step 1\n"));
  await turn();
  followed.at(-1)?.say(new MusterError("session_cut", "it was cut"));
  machine.end();
  await turn();
  expect([text(), closed(), machine.store.get().tasks?.length]).toEqual(["step 1\n", 1, 1]);
  await machine.cancel("build").then(
    () => expect.unreachable(),
    (error: unknown) => expect(error).toMatchObject({ code: "unavailable" }),
  );
  machine.begin();
  await turn();
  expect(text()).toBe("step 1\n");
  followed.at(-1)?.say(wrote("step 1\nstep 2\n"));
  await turn();
  expect(text()).toBe("step 1\nstep 2\n");
});
