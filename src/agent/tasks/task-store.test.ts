// One suite for every place where tasks are kept. PostgreSQL is a real server where one is installed; elsewhere its
// half is skipped, and says so.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { postgresPrograms, startPostgres, type PostgresServer } from "../../store/postgres-server.fixture.ts";
import { openPostgresStore, POSTGRES_SCHEMA } from "../../store/open-postgres.ts";
import { openStore, type Store } from "../../store/open-store.ts";
import { storeOptions } from "../../store/testing.ts";
import { TASK_STATUSES } from "../../protocol/task-statuses.ts";
import { openPostgres } from "../../world/postgres.ts";
import { sqlTaskStore } from "./sql-task-store.ts";
import { TASK_MIGRATIONS, type TaskDatabase } from "./task-tables.ts";
import type { TaskStore } from "./task-store.ts";
import { mayChange, type NewTask, type Task, type TaskChange } from "./task.ts";

const programs = postgresPrograms();
let server: PostgresServer | undefined;
const clock = { now: () => 1, monotonic: () => 0 };

const BACKENDS: Record<string, { skip: boolean; open(): Promise<Store<TaskDatabase>> }> = {
  sqlite: {
    skip: false,
    open: () => openStore<TaskDatabase>(storeOptions({ migrations: TASK_MIGRATIONS })),
  },
  postgres: {
    skip: programs === undefined,
    open: () =>
      openPostgresStore<TaskDatabase>({
        pool: openPostgres(server?.url ?? "", POSTGRES_SCHEMA),
        migrations: TASK_MIGRATIONS,
        clock,
      }),
  },
};

beforeAll(async () => {
  if (programs !== undefined) server = await startPostgres(programs);
}, 60_000);
afterAll(() => server?.[Symbol.asyncDispose]());

let made = 0;
function newTask(change: Partial<NewTask> = {}): NewTask {
  made += 1;
  const id = `00000000-0000-7000-8000-${String(made).padStart(12, "0")}`;
  return {
    id,
    title: `task ${made}`,
    description: null,
    command: ["echo", String(made)],
    input: { cwd: "/tmp" },
    request: { argv: ["echo", String(made)], stdin: false, environment: { SECRET: "x" } },
    order: { signer: "signer", commandId: id, digest: Uint8Array.of(made & 0xff, 1) },
    ...change,
  };
}

async function create(store: TaskStore, change: Partial<NewTask> = {}, nowMs = 1): Promise<Task> {
  const created = await store.create(newTask(change), nowMs);
  if (created.state !== "new") throw new Error("it was to be new");
  return created.task;
}

async function must(changed: Promise<Task | undefined>): Promise<Task> {
  const task = await changed;
  if (task === undefined) throw new Error("it was to be changed");
  return task;
}

for (const [name, backend] of Object.entries(BACKENDS)) {
  describe.skipIf(backend.skip)(name, () => {
    let store: Store<TaskDatabase>;
    let devices = 0;
    const device = (): TaskStore => sqlTaskStore(store.db, `device-${(devices += 1)}`);

    beforeAll(async () => {
      store = await backend.open();
    }, 60_000);
    afterAll(() => store.close());

    test("a task is read as it was made", async () => {
      const tasks = device();
      const made = await create(tasks, { title: 'a "title" — é', description: "long\n\ttext" }, 5);
      expect(await tasks.get(made.id)).toEqual(made);
      expect(made).toMatchObject({
        status: "pending",
        launch: 0,
        createdAt: 5,
        exitCode: null,
        output: null,
      });
      expect(made.request.environment).toEqual({ SECRET: "x" });
      expect(await tasks.get("00000000-0000-7000-8000-ffffffffffff")).toBeUndefined();
    });

    test("the same order is the same task; its id for another order is refused", async () => {
      const tasks = device();
      const asked = newTask();
      const [first, ...others] = await Promise.all(Array.from({ length: 8 }, () => tasks.create(asked, 1)));
      const news = [first, ...others].filter((created) => created?.state === "new");
      expect(news).toHaveLength(1);
      const other = { ...asked.order, digest: Uint8Array.of(9) };
      expect(await tasks.create({ ...asked, order: other }, 2)).toEqual({ state: "reused" });
      // Another's order can't take this id.
      expect(await tasks.create(newTask({ id: asked.id }), 2)).toEqual({ state: "reused" });
      expect((await tasks.ofOrder(asked.order))?.id).toBe(asked.id);
    });

    test("devices that share a database do not see each other's tasks", async () => {
      const [near, far] = [device(), device()];
      const asked = newTask();
      await near.create(asked, 1);
      expect((await far.create(asked, 1)).state).toBe("new");
      const own = await create(near);
      expect(await far.get(own.id)).toBeUndefined();
      expect(await far.find(own.id)).toEqual([]);
      expect(await far.ofOrder({ signer: "signer", commandId: own.id })).toBeUndefined();
      expect(await far.update(own, { status: "running" }, 2)).toBeUndefined();
      expect(await far.canRun(own)).toBe(false);
      expect(await far.delete(own.id, 2)).toBe(false);
      expect((await far.list({ limit: 10 })).items).toHaveLength(1);
      expect((await far.search("task", { limit: 10 })).length).toBe(1);
      expect((await far.stats()).pending).toBe(1);
      expect(await far.unfinished(10)).toHaveLength(1);
    });

    test("a status changes as the table says, and never otherwise", async () => {
      const tasks = device();
      const ways: Record<string, TaskChange[]> = {
        pending: [],
        running: [{ status: "running" }],
        completed: [{ status: "running" }, { status: "completed", exitCode: 0 }],
        failed: [{ status: "failed", reason: "x" }],
        cancelled: [{ status: "cancelled" }],
      };
      for (const from of TASK_STATUSES) {
        for (const to of TASK_STATUSES) {
          const task = await create(tasks);
          for (const change of ways[from] ?? []) await must(tasks.update(task, change, 2));
          const changed = await tasks.update(task, { status: to }, 3);
          expect([from, to, changed?.status ?? "refused"]).toEqual([
            from,
            to,
            mayChange(from, to) ? to : "refused",
          ]);
          expect((await tasks.get(task.id))?.status).toBe(mayChange(from, to) ? to : from);
        }
      }
    });

    test("a start is begun once, whoever tries at the same time", async () => {
      const tasks = device();
      const task = await create(tasks);
      expect(await tasks.canRun(task)).toBe(true);
      const tries = await Promise.all([1, 2, 3, 4].map(() => tasks.update(task, { launch: 1 }, 2)));
      expect(tries.filter((changed) => changed !== undefined)).toHaveLength(1);
      expect(await tasks.canRun(task)).toBe(false);
      expect(await tasks.canRun({ ...task, launch: 1 })).toBe(true);
      // Whoever still believes in the start before has no say.
      expect(await tasks.update(task, { status: "failed" }, 3)).toBeUndefined();
    });

    test("what is over is changed by nothing, deleted once, and its order is remembered", async () => {
      const tasks = device();
      const asked = newTask();
      const task = await create(tasks, asked);
      expect(await tasks.delete(task.id, 2)).toBe(false);
      await must(tasks.update(task, { status: "cancelled", reason: "cancelled", endedAt: 2 }, 2));
      expect(await tasks.update(task, { exitCode: 3 }, 3)).toBeUndefined();
      expect(await tasks.delete(task.id, 4)).toBe(true);
      expect(await tasks.delete(task.id, 4)).toBe(false);
      expect(await tasks.get(task.id)).toBeUndefined();
      expect((await tasks.list({ limit: 5 })).items).toEqual([]);
      expect(await tasks.create(asked, 5)).toEqual({ state: "known", task: undefined });
      await tasks.forget(4);
      expect((await tasks.create(asked, 5)).state).toBe("known");
      await tasks.forget(5);
      expect((await tasks.create(asked, 6)).state).toBe("new");
    });

    test("pages hold each task once, the latest change first, while others come", async () => {
      const tasks = device();
      const all: string[] = [];
      for (let number = 0; number < 25; number++)
        all.push((await create(tasks, {}, 1000 + (number >> 2))).id);
      const seen: Task[] = [];
      let cursor: string | null = null;
      do {
        const page = await tasks.list({ limit: 4 }, cursor);
        seen.push(...page.items);
        cursor = page.cursor;
        await create(tasks, {}, 5000);
      } while (cursor !== null);
      expect(seen.map(({ id }) => id).toSorted()).toEqual(all.toSorted());
      expect(seen.map(({ updatedAt }) => updatedAt)).toEqual(
        seen.map(({ updatedAt }) => updatedAt).toSorted((a, b) => b - a),
      );
      expect((await tasks.list({ limit: 2 }, "nonsense'; drop table tasks")).items).toHaveLength(2);
    });

    test("lists, counts and what is unfinished are by status", async () => {
      const tasks = device();
      const [a, b] = [await create(tasks, {}, 1), await create(tasks, {}, 2)];
      await create(tasks, {}, 3);
      await must(tasks.update(a, { status: "running", startedAt: 4 }, 4));
      await must(tasks.update(b, { status: "failed", exitCode: 7, output: { any: ["thing"] } }, 5));
      expect(await tasks.stats()).toEqual({ pending: 1, running: 1, completed: 0, failed: 1, cancelled: 0 });
      const failed = await tasks.list({ status: "failed", limit: 10 });
      expect(failed.items).toMatchObject([{ id: b.id, exitCode: 7, output: { any: ["thing"] } }]);
      expect((await tasks.unfinished(10)).map(({ id }) => id).includes(b.id)).toBe(false);
      expect(await tasks.surplus(0)).toMatchObject([{ id: b.id }]);
      expect(await tasks.surplus(1)).toEqual([]);
    });

    test("a search wants all words, takes them as they are, and puts titles first", async () => {
      const tasks = device();
      await create(tasks, { title: "backup", description: "photos to the NAS" });
      await create(tasks, { title: "photos backup" });
      await create(tasks, { title: "other 100%" });
      const found = await tasks.search("PHOTOS backup", { limit: 10 });
      expect(found.map(({ task }) => task.title)).toEqual(["photos backup", "backup"]);
      expect(found[0]?.rank).toBe(1);
      expect(await tasks.search("%", { limit: 10 })).toHaveLength(1);
      expect(await tasks.search("_", { limit: 10 })).toHaveLength(0);
      expect(await tasks.search("100\\%", { limit: 10 })).toHaveLength(0);
    });

    test("a task is found by either end of its id", async () => {
      const tasks = device();
      const task = await create(tasks);
      const other = await create(tasks);
      expect(await tasks.find(task.id.slice(-8))).toMatchObject([{ id: task.id }]);
      expect(await tasks.find(other.id.slice(0, 8))).toHaveLength(2);
      expect(await tasks.find("ffffff")).toEqual([]);
    });
  });
}
