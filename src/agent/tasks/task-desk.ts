// What may be asked of this device's tasks, and done to one: for the person here, for a controller elsewhere, and for
// queries over the fleet. Who may ask was decided before.
import { toBase64Url } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import {
  TASK_LOGS_SHOWN_BYTES,
  type TaskAct,
  type TaskAnswer,
  type TaskRequest,
  type TaskSummary,
  type TaskView,
} from "../../protocol/tasks.ts";
import type { Clock, Timers } from "../../world/world.ts";
import type { Keepers } from "./keepers.ts";
import type { TaskRunner } from "./task-runner.ts";
import type { TaskStore } from "./task-store.ts";
import { isOver, type Task } from "./task.ts";

export interface TaskDeskOptions {
  store: TaskStore;
  runner: TaskRunner;
  keepers: Pick<Keepers, "log" | "tail" | "forget">;
  clock: Clock;
  timers: Timers;
  /** This device under the name it goes by now. */
  device(): { id: string; name: string };
}

/** A command may be long; what is shown of it is not. */
const WORDS_SHOWN = 64;
const WORD_SHOWN_CHARACTERS = 1000;
/** Who follows a log is answered when there is more, or after so long. */
const FOLLOW_MS = 4000;
const FOLLOW_LOOK_MS = 150;

type Acts = { [Act in TaskAct]: (request: TaskRequest<Act>) => Promise<TaskAnswer<Act>> };

export class TaskDesk implements Acts {
  readonly #options: TaskDeskOptions;

  constructor(options: TaskDeskOptions) {
    this.#options = options;
  }

  async list({ status, limit, cursor }: TaskRequest<"list">): Promise<TaskAnswer<"list">> {
    const page = await this.#options.store.list(
      { ...(status === undefined ? {} : { status }), limit },
      cursor,
    );
    return { items: page.items.map((task) => this.summary(task)), cursor: page.cursor };
  }

  async search({ q, status, limit }: TaskRequest<"search">): Promise<TaskAnswer<"search">> {
    const found = await this.#options.store.search(q, { ...(status === undefined ? {} : { status }), limit });
    return { items: found.map(({ task, rank }) => ({ ...this.summary(task), rank })), cursor: null };
  }

  async stats(): Promise<TaskAnswer<"stats">> {
    return { stats: await this.#options.store.stats() };
  }

  async show({ task }: TaskRequest<"show">): Promise<TaskAnswer<"show">> {
    return { task: await this.view(await this.#find(task)) };
  }

  async logs(request: TaskRequest<"logs">): Promise<TaskAnswer<"logs">> {
    const { keepers, runner, clock, timers, store } = this.#options;
    let task = await this.#find(request.task);
    const untilMs = clock.monotonic() + (request.wait ? FOLLOW_MS : 0);
    for (;;) {
      // Asked before the log is read: what is over writes nothing more.
      const ended = isOver(task.status);
      const part = await keepers.log(task, request.from, request.limit);
      if (part.pieces.length > 0 || ended || clock.monotonic() >= untilMs) {
        const pieces = part.pieces.map(({ from, bytes }) => ({ from, bytes: toBase64Url(bytes) }));
        const { next, start, end } = part;
        return { pieces, next, start, end, ended: ended && next >= end };
      }
      await Promise.race([
        runner.outcome(task),
        new Promise<void>((resolve) => timers.after(FOLLOW_LOOK_MS, resolve)),
      ]);
      task = (await store.get(task.id)) ?? task;
    }
  }

  async cancel({ task: reference }: TaskRequest<"cancel">): Promise<TaskAnswer<"cancel">> {
    const { runner } = this.#options;
    const task = await this.#find(reference);
    if (isOver(task.status)) {
      throw new MusterError("conflict", `task ${task.id} is over already: it is ${task.status}`, {
        hint: "what it wrote: muster task logs; to forget it: muster task rm",
      });
    }
    runner.cancel(task.id);
    return { task: await this.view(await runner.outcome(task)) };
  }

  async remove({ task: reference }: TaskRequest<"remove">): Promise<TaskAnswer<"remove">> {
    const { store, keepers, clock, device } = this.#options;
    const task = await this.#find(reference);
    if (!(await store.delete(task.id, clock.now()))) {
      throw new MusterError("conflict", `task ${task.id} is ${task.status}`, {
        hint: `end it first: muster task cancel ${task.id}`,
      });
    }
    await keepers.forget(task.id);
    return { id: task.id, device: device().name };
  }

  /** All of it, with the end of what it wrote. */
  async view(task: Task): Promise<TaskView> {
    const tail = await this.#options.keepers.tail(task, TASK_LOGS_SHOWN_BYTES);
    const command =
      task.command?.slice(0, WORDS_SHOWN).map((word) => word.slice(0, WORD_SHOWN_CHARACTERS)) ?? null;
    return {
      ...this.summary(task),
      description: task.description,
      command,
      input: task.input,
      output: task.output,
      signal: task.signal,
      logs: tail.text,
      logs_truncated: tail.cut,
      logs_bytes: tail.end,
    };
  }

  summary(task: Task): TaskSummary {
    const { id, name } = this.#options.device();
    return {
      id: task.id,
      device: name,
      device_id: id,
      title: task.title,
      status: task.status,
      exit_code: task.exitCode,
      reason: task.reason,
      created_at: iso(task.createdAt),
      updated_at: iso(task.updatedAt),
      started_at: task.startedAt === null ? null : iso(task.startedAt),
      ended_at: task.endedAt === null ? null : iso(task.endedAt),
    };
  }

  async #find(reference: string): Promise<Task> {
    const [task, other] = await this.#options.store.find(reference);
    if (task === undefined) {
      throw new MusterError("not_found", `there is no task ${reference} on ${this.#options.device().name}`, {
        hint: "see: muster task ls",
      });
    }
    if (other !== undefined) {
      throw new MusterError("ambiguous", `more than one task has an id like ${reference}`, {
        hint: "say more of it",
      });
    }
    return task;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
