// Tasks of the whole fleet for the person at this home: lists, searches and sums of all devices, part by part, and
// what is done to one task, wherever it lives. What waits here for a device that is away is a part of that device's.
import { MusterError, systemCode } from "../../protocol/errors.ts";
import type { LocalRequest } from "../../protocol/local-api.ts";
import type { QueryReply } from "../../protocol/query-messages.ts";
import { TASK_REQUESTS, type TaskAnswer, type TaskRequest, type TaskSummary } from "../../protocol/tasks.ts";
import { queuedView, type OrderQueue } from "../orders/order-queue.ts";
import { orderedDevice } from "../orders/ordered-device.ts";
import { Arrivals } from "./arrivals.ts";
import { FleetAsking, type FleetAskingOptions } from "./fleet-asking.ts";
import { queuedParts } from "./queued-answers.ts";
import { newTaskId } from "./task-id.ts";

export interface FleetTasksOptions extends FleetAskingOptions {
  /** Absent where no agent runs: then nothing is kept here for others. */
  queue?: OrderQueue;
}

/** What is asked of one device: a cancelled program has five seconds to end, a followed log as long to grow. */
const DEVICE_LIMIT_MS = 15_000;

const ACTS = { ListTasks: "list", SearchTasks: "search", GetTaskStats: "stats" } as const;

export class FleetTasks {
  readonly #options: FleetTasksOptions;
  readonly #asking: FleetAsking;

  constructor(options: FleetTasksOptions) {
    this.#options = options;
    this.#asking = new FleetAsking(options);
  }

  /** Who is expected, each part as it comes, and who gave none. Aborting `left` takes it back. */
  async *query(
    { type, params, device }: LocalRequest<"task_query">,
    left: AbortSignal,
  ): AsyncGenerator<QueryReply> {
    const act = ACTS[type];
    const read = TASK_REQUESTS[act].safeParse(params);
    if (!read.success) {
      const field = read.error.issues[0]?.path.join(".") ?? "";
      throw new MusterError("invalid", `what is asked of the tasks does not fit: ${field}`);
    }
    const request = read.data;
    const { clock, random } = this.#options;
    const query_id = newTaskId(clock, random);
    const replies = new Arrivals<QueryReply>();
    const part = (name: string, data: object, isFinal: boolean): void => {
      const answer = { type: "aggregate_query_part" as const, query_id, from_device: name };
      replies.push({ ...answer, data: JSON.stringify(data), is_final: isFinal });
    };
    const queued = queuedParts(type, await this.#queued(device), params);
    const asked = this.#asking.ask(
      { act, device, request },
      {
        expected(devices) {
          replies.push({ type: "aggregate_query_expected", query_id, expected: devices });
          for (const { device: name, data } of queued) part(name, data, false);
        },
        part: (name, answer) => part(name, answer, true),
      },
      left,
    );
    asked.then(
      (told) => {
        replies.push({ type: "aggregate_query_done", query_id, ...told });
        replies.end();
      },
      (error: unknown) => replies.fail(error),
    );
    yield* replies;
  }

  async show({ device, ...request }: LocalRequest<"task_show">): Promise<TaskAnswer<"show">> {
    const queued = await this.#queued(device, request.task);
    if (queued[0] !== undefined) return { task: queued[0] };
    return this.#one("show", { device, request });
  }

  async logs({ device, ...request }: LocalRequest<"task_logs">): Promise<TaskAnswer<"logs">> {
    const queued = await this.#queued(device, request.task);
    if (queued[0] !== undefined) return { pieces: [], next: 0, start: 0, end: 0, ended: false };
    return this.#one("logs", { device, request });
  }

  async cancel({ device, ...request }: LocalRequest<"task_cancel">): Promise<TaskAnswer<"cancel">> {
    const [queued] = await this.#queued(device, request.task);
    if (queued !== undefined && (await this.#options.queue?.drop(queued.id)) === true) {
      return { task: { ...queued, status: "cancelled", reason: "cancelled" } };
    }
    return this.#one("cancel", { device, request });
  }

  async remove({ device, ...request }: LocalRequest<"task_remove">): Promise<TaskAnswer<"remove">> {
    const [queued] = await this.#queued(device, request.task);
    if (queued !== undefined && (await this.#options.queue?.drop(queued.id)) === true) {
      return { id: queued.id, device: queued.device };
    }
    return this.#one("remove", { device, request });
  }

  async #queued(device: string | undefined, id?: string) {
    const own = this.#options.own();
    if (device !== undefined && (device === own.name || device === own.id)) return [];
    const all = ((await this.#options.queue?.all()) ?? []).map(queuedView);
    return all.filter(
      (task) => (id === undefined || isLike(task.id, id)) && (device === undefined || isOf(task, device)),
    );
  }

  /** Of the device that has it, which is looked for where none is named. */
  async #one<Act extends "show" | "logs" | "cancel" | "remove">(
    act: Act,
    { device, request }: { device: string | undefined; request: TaskRequest<Act> },
  ): Promise<TaskAnswer<Act>> {
    const holder = device ?? (await this.#holder(request.task));
    const { own, controller } = this.#options;
    if (holder === own().name || holder === own().id) return this.#asking.here(act, request);
    const target = await orderedDevice(this.#options, holder);
    if (target.id === own().id) return this.#asking.here(act, request);
    const late = new AbortController();
    const limit = controller.timers.after(DEVICE_LIMIT_MS, () =>
      late.abort(new MusterError("unavailable", `${target.name} did not answer in time`)),
    );
    try {
      return await this.#asking.there(target, { act, request, signal: late.signal });
    } finally {
      limit.cancel();
    }
  }

  async #holder(task: string): Promise<string> {
    const missing = (error: unknown): undefined => {
      if (systemCode(error) === "not_found") return undefined;
      throw error;
    };
    const here = await this.#options.desk?.show({ task }).catch(missing);
    if (here !== undefined) return here.task.device_id;
    const found: TaskSummary[] = [];
    const told = await this.#asking.ask(
      { act: "show", device: undefined, request: { task } },
      { part: (_, answer) => found.push(answer.task) },
    );
    const [first, other] = found;
    if (other !== undefined) {
      throw new MusterError("ambiguous", `more than one device has a task like ${task}`, {
        hint: "name the device with --device",
      });
    }
    if (first !== undefined) return first.device_id;
    const silent = [...Object.keys(told.offline), ...told.timed_out, ...Object.keys(told.failed)];
    throw new MusterError("not_found", `no device that answered has a task ${task}`, {
      hint: silent.length === 0 ? "see: muster task ls" : `not heard of: ${silent.join(", ")}`,
    });
  }
}

function isLike(id: string, reference: string): boolean {
  return id.startsWith(reference) || id.endsWith(reference);
}

function isOf({ device, device_id: id }: TaskSummary, reference: string): boolean {
  return device === reference || id.startsWith(reference);
}
