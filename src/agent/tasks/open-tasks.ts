// The tasks of one agent, put together: where they are kept, who runs them, what may be asked of them. A database on
// another machine may be away when the agent starts; then tasks are refused, and it is tried again.
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import { openPostgresStore } from "../../store/open-postgres.ts";
import { openStore, type Store } from "../../store/open-store.ts";
import type { PostgresPool, Programs, World } from "../../world/world.ts";
import type { Notices } from "../notices.ts";
import { openKeepers } from "./keepers.ts";
import { sqlTaskStore } from "./sql-task-store.ts";
import { TaskDesk } from "./task-desk.ts";
import { TaskRunner } from "./task-runner.ts";
import { watchStore } from "./store-watch.ts";
import type { TaskStore } from "./task-store.ts";
import { TASK_MIGRATIONS, type TaskDatabase } from "./task-tables.ts";

/** Where tasks are kept. */
export type TaskPlace = { kind: "sqlite"; path: string } | { kind: "postgres"; connect(): PostgresPool };

export interface OpenTasksOptions {
  world: Pick<World, "clock" | "timers" | "disk" | "processes" | "openSqlite">;
  programs: Pick<Programs, "piped">;
  log: Log;
  notices: Pick<Notices, "set" | "clear">;
  place: TaskPlace;
  runningMax: number;
  /** The program that keeps a task; see keep-task.ts. */
  keeper: readonly string[];
  /** Where each task has its folder. */
  folder: string;
  /** Where commands run that name no folder. */
  home: string;
  environment: Record<string, string>;
  device(): { id: string; name: string };
}

export interface Tasks {
  readonly runner: TaskRunner;
  readonly desk: TaskDesk;
  close(tasks: "stop" | "leave"): Promise<void>;
}

const AGAIN_AFTER_MS = 5000;
const TIDY_EVERY_MS = 3_600_000;

/** Resolves once what an earlier agent left is taken up, where that needs nothing but this machine. */
export async function openTasks(options: OpenTasksOptions): Promise<Tasks> {
  const { world, programs, log, notices, folder, home, environment, device, runningMax } = options;
  const { clock, timers, disk, processes } = world;
  await disk.makeFolder(folder);
  const late = new LateStore();
  const store = late.store;
  const keepers = openKeepers({
    disk,
    programs,
    processes,
    clock,
    folder,
    command: options.keeper,
    home,
    environment,
  });
  const runner = new TaskRunner({ store, keepers, clock, timers, log, runningMax });
  const open = async (): Promise<void> => {
    const opened = await openPlace(options);
    late.found(opened, sqlTaskStore(opened.db, device().id));
    await runner.recover();
  };
  let closed = false;
  let watch: { cancel(): void } | undefined;
  const openAgain = (): void => {
    if (closed) return;
    open().then(
      () => {
        notices.clear("tasks");
        if (!closed) watch = watchStore({ store, timers, notices, log });
      },
      (error: unknown) => {
        const { message } = publicError(error);
        late.missing = error;
        notices.set("tasks", `no tasks can be taken: ${message}`);
        log.warn("the database of tasks can't be used", { problem: message });
        timers.after(AGAIN_AFTER_MS, openAgain);
      },
    );
  };
  if (options.place.kind === "sqlite") await open();
  else openAgain();
  const tidy = timers.every(TIDY_EVERY_MS, () => {
    runner.tidy().catch((error: unknown) => log.warn("old tasks could not be forgotten", { error }));
  });
  return {
    runner,
    desk: new TaskDesk({ store, runner, keepers, clock, timers, device }),
    async close(tasks) {
      closed = true;
      watch?.cancel();
      tidy.cancel();
      await runner.close(tasks);
      await late.close();
    },
  };
}

function openPlace({ world, place, notices }: OpenTasksOptions): Promise<Store<TaskDatabase>> {
  if (place.kind === "postgres") {
    return openPostgresStore<TaskDatabase>({
      pool: place.connect(),
      migrations: TASK_MIGRATIONS,
      clock: world.clock,
    });
  }
  return openStore<TaskDatabase>({
    world,
    path: place.path,
    migrations: TASK_MIGRATIONS,
    lossLevel: "warning",
    onNotice: ({ message }) => notices.set("tasks lost", message),
  });
}

/** A store that is not there yet refuses, and says why. */
class LateStore {
  missing: unknown = new MusterError("unavailable", "the database of tasks is just being opened");
  readonly store: TaskStore;
  #opened: Pick<Store<TaskDatabase>, "close"> | undefined;
  #store: TaskStore | undefined;

  constructor() {
    this.store = new Proxy({} as TaskStore, {
      get: (_, name: keyof TaskStore) => {
        const found = this.#store;
        if (found === undefined) return () => Promise.reject(publicError(this.missing));
        return found[name].bind(found);
      },
    });
  }

  found(opened: Pick<Store<TaskDatabase>, "close">, store: TaskStore): void {
    this.#opened = opened;
    this.#store = store;
  }

  async close(): Promise<void> {
    await this.#opened?.close();
  }
}
