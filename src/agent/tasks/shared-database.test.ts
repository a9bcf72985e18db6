// Two devices with one PostgreSQL: the real runner, keepers and programs. What the store itself promises is in
// task-store.test.ts; here it is what tasks are while the server goes and comes.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { POSTGRES_SCHEMA } from "../../store/open-postgres.ts";
import { postgresPrograms, startPostgres, type PostgresServer } from "../../store/postgres-server.fixture.ts";
import { openPostgres } from "../../world/postgres.ts";
import { until } from "../testing.ts";
import { testTasks, type TestTasks } from "./in-process.fixture.ts";
import type { Task } from "./task.ts";

const programs = postgresPrograms();

describe.skipIf(programs === undefined)("two devices with one database", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(programs ?? "");
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  function device(name: string): Promise<TestTasks> {
    return testTasks({
      place: { kind: "postgres", connect: () => openPostgres(server.url, POSTGRES_SCHEMA) },
      device: () => ({ id: `id of ${name}`, name }),
    });
  }

  /** The same number is the same id on every device. */
  async function accept({ tasks }: TestTasks, number: number, script: string): Promise<Task> {
    const id = `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;
    const created = await tasks.runner.accept({
      id,
      title: `task ${number}`,
      description: null,
      command: null,
      input: {},
      request: { stdin: false, script },
      order: { signer: "me", commandId: id, digest: new Uint8Array(1) },
    });
    if (created.state !== "new") throw new Error("it was to be new");
    return created.task;
  }

  /** The database is opened behind its back: until then it takes nothing. */
  const ready = async (here: TestTasks): Promise<void> => {
    let first: Task | undefined;
    await until(async () => {
      first = await accept(here, 0, "true").catch(() => undefined);
      return first !== undefined;
    });
    if (first !== undefined) await here.tasks.runner.outcome(first);
  };
  const codeOf = (error: unknown) => (error as { code?: string }).code; // what was thrown here is a refusal

  test("each runs its own, though their ids are the same", async () => {
    await using one = await device("one");
    await using two = await device("two");
    await Promise.all([ready(one), ready(two)]);
    const ended = async (here: TestTasks, base: number) => {
      const tasks = await Promise.all([1, 2, 3, 4, 5].map((at) => accept(here, at, `exit ${base + at}`)));
      return Promise.all(tasks.map(async (task) => (await here.tasks.runner.outcome(task)).exitCode));
    };
    const [first, second] = await Promise.all([ended(one, 10), ended(two, 20)]);
    expect([first, second]).toEqual([
      [11, 12, 13, 14, 15],
      [21, 22, 23, 24, 25],
    ]);
    expect((await one.tasks.desk.list({ limit: 100 })).items).toHaveLength(6);
  });

  test("while the server is away nothing is taken and what runs goes on; its end is kept when it is back", async () => {
    await using here = await device("three");
    await ready(here);
    const gate = join(here.folder, "gate");
    const task = await accept(
      here,
      1,
      `while [ ! -e ${gate} ]; do sleep 0.05; done; echo done > ${gate}; exit 3`,
    );
    await until(async () => (await here.tasks.desk.show({ task: task.id })).task.status === "running");
    await server.stop();
    const began = performance.now();
    expect(await accept(here, 2, "true").then(() => undefined, codeOf)).toBe("unavailable");
    expect(performance.now() - began).toBeLessThan(2000);
    await Bun.write(gate, "open");
    await until(async () => existsSync(gate) && (await Bun.file(gate).text()) === "done\n");
    await server.start();
    expect(await here.tasks.runner.outcome(task)).toMatchObject({ status: "failed", exitCode: 3 });
    const next = await accept(here, 3, "exit 4");
    expect((await here.tasks.runner.outcome(next)).exitCode).toBe(4);
  }, 30_000);
});
