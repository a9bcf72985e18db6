// Tasks of the whole fleet for the person at this home: this device is asked directly, each other one that is there by
// a command in a sealed session, all at once. Who did not answer is named, and delays nobody.
import { MusterError, publicError, systemCode } from "../../protocol/errors.ts";
import { errorOf } from "../../protocol/command-messages.ts";
import type { LocalRequest, LocalResponse } from "../../protocol/local-api.ts";
import { TASK_STATUSES } from "../../protocol/task-statuses.ts";
import {
  TASK_ANSWERS,
  type TaskAct,
  type TaskAnswer,
  type TaskRequest,
  type TaskStats,
  type TaskSummary,
} from "../../protocol/tasks.ts";
import type { DeviceView } from "../../protocol/views.ts";
import type { Clock, Random } from "../../world/world.ts";
import type { OrderQueue } from "../orders/order-queue.ts";
import { queuedView } from "../orders/order-queue.ts";
import { orderedDevice, type OrderedDeviceParts } from "../orders/ordered-device.ts";
import type { Controller, OrderedDevice } from "../../client/commands/device-session.ts";
import { PlacedOrder } from "../../client/commands/order.ts";
import { newTaskId } from "./task-id.ts";
import type { TaskDesk } from "./task-desk.ts";

export interface FleetTasksOptions extends OrderedDeviceParts {
  clock: Clock;
  random: Pick<Random, "bytes">;
  controller: Controller;
  /** Absent where no agent runs: then this device has no part in it, and nothing is kept here for others. */
  desk?: TaskDesk;
  queue?: OrderQueue;
  own(): { id: string; name: string };
}

/** A query over the fleet waits so long for each device. */
const FLEET_LIMIT_MS = 5000;
/** And what is asked of one device: a cancelled program has five seconds to end, a followed log as long to grow. */
const DEVICE_LIMIT_MS = 15_000;
const AT_ONCE_MAX = 64;

interface Completeness {
  answered: string[];
  timed_out: string[];
  failed: Record<string, string>;
  offline: Record<string, string | null>;
}

export class FleetTasks {
  readonly #options: FleetTasksOptions;

  constructor(options: FleetTasksOptions) {
    this.#options = options;
  }

  async list({ device, ...request }: LocalRequest<"task_list">): Promise<LocalResponse<"task_list">> {
    const { parts, ...completeness } = await this.#ask("list", { device, request });
    const queued = await this.#queued(device, (task) => {
      const isFirst = request.cursor === undefined || request.cursor === null;
      return isFirst && (request.status === undefined || request.status === task.status);
    });
    const items = [...parts.flatMap((part) => part.items), ...queued].toSorted(later);
    const isCut = items.length > request.limit || parts.some((part) => part.cursor !== null);
    const shown = items.slice(0, request.limit);
    const last = shown.at(-1);
    const cursor = isCut && last !== undefined ? `${Date.parse(last.updated_at)}.${last.id}` : null;
    return { items: shown, cursor, ...completeness };
  }

  async search({ device, ...request }: LocalRequest<"task_search">): Promise<LocalResponse<"task_search">> {
    const { parts, ...completeness } = await this.#ask("search", { device, request });
    const items = parts
      .flatMap((part) => part.items)
      .toSorted((a, b) => (b.rank ?? 0) - (a.rank ?? 0) || later(a, b))
      .slice(0, request.limit);
    return { items, cursor: null, ...completeness };
  }

  async stats({ device }: LocalRequest<"task_stats">): Promise<LocalResponse<"task_stats">> {
    const { parts, ...completeness } = await this.#ask("stats", { device, request: {} });
    const stats: TaskStats = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
    for (const part of parts) for (const status of TASK_STATUSES) stats[status] += part.stats[status];
    return { stats, ...completeness };
  }

  async show({ device, ...request }: LocalRequest<"task_show">): Promise<TaskAnswer<"show">> {
    const queued = await this.#queued(device, ({ id }) => isLike(id, request.task));
    if (queued[0] !== undefined) return { task: queued[0] };
    return this.#one("show", { device, request });
  }

  async logs({ device, ...request }: LocalRequest<"task_logs">): Promise<TaskAnswer<"logs">> {
    const queued = await this.#queued(device, ({ id }) => isLike(id, request.task));
    if (queued[0] !== undefined) return { pieces: [], next: 0, start: 0, end: 0, ended: false };
    return this.#one("logs", { device, request });
  }

  async cancel({ device, ...request }: LocalRequest<"task_cancel">): Promise<TaskAnswer<"cancel">> {
    const [queued] = await this.#queued(device, ({ id }) => isLike(id, request.task));
    if (queued !== undefined && (await this.#options.queue?.drop(queued.id)) === true) {
      return { task: { ...queued, status: "cancelled", reason: "cancelled" } };
    }
    return this.#one("cancel", { device, request });
  }

  async remove({ device, ...request }: LocalRequest<"task_remove">): Promise<TaskAnswer<"remove">> {
    const [queued] = await this.#queued(device, ({ id }) => isLike(id, request.task));
    if (queued !== undefined && (await this.#options.queue?.drop(queued.id)) === true) {
      return { id: queued.id, device: queued.device };
    }
    return this.#one("remove", { device, request });
  }

  async #queued(device: string | undefined, wanted: (task: { id: string; status: string }) => boolean) {
    const own = this.#options.own();
    if (device !== undefined && (device === own.name || device === own.id)) return [];
    const all = ((await this.#options.queue?.all()) ?? []).map(queuedView);
    return all.filter((task) => wanted(task) && (device === undefined || isOf(task, device)));
  }

  /** Of the device that has it, which is looked for where none is named. */
  async #one<Act extends "show" | "logs" | "cancel" | "remove">(
    act: Act,
    { device, request }: { device: string | undefined; request: TaskRequest<Act> },
  ): Promise<TaskAnswer<Act>> {
    const holder = device ?? (await this.#holder(request.task));
    const { own } = this.#options;
    if (holder === own().name || holder === own().id) return this.#here(act, request);
    const target = await orderedDevice(this.#options, holder);
    if (target.id === own().id) return this.#here(act, request);
    return this.#there(target, { act, request, limitMs: DEVICE_LIMIT_MS });
  }

  async #holder(task: string): Promise<string> {
    const missing = (error: unknown): undefined => {
      if (systemCode(error) === "not_found") return undefined;
      throw error;
    };
    const here = await this.#options.desk?.show({ task }).catch(missing);
    if (here !== undefined) return here.task.device_id;
    const { parts, ...completeness } = await this.#ask("show", { device: undefined, request: { task } });
    const [found, other] = parts;
    if (other !== undefined) {
      throw new MusterError("ambiguous", `more than one device has a task like ${task}`, {
        hint: "name the device with --device",
      });
    }
    if (found !== undefined) return found.task.device_id;
    const silent = [...Object.keys(completeness.offline), ...completeness.timed_out];
    throw new MusterError("not_found", `no device that answered has a task ${task}`, {
      hint: silent.length === 0 ? "see: muster task ls" : `not heard of: ${silent.join(", ")}`,
    });
  }

  /** Each device's part, and who gave none. */
  async #ask<Act extends TaskAct>(
    act: Act,
    { device, request }: { device: string | undefined; request: TaskRequest<Act> },
  ): Promise<Completeness & { parts: TaskAnswer<Act>[] }> {
    const told: Completeness & { parts: TaskAnswer<Act>[] } = {
      parts: [],
      answered: [],
      timed_out: [],
      failed: {},
      offline: {},
    };
    const { own } = this.#options;
    const isOwn = device === undefined || device === own().name || device === own().id;
    const part = async (name: string, answer: Promise<TaskAnswer<Act>>): Promise<void> => {
      try {
        told.parts.push(await answer);
        told.answered.push(name);
      } catch (error) {
        const problem = publicError(error);
        if (act === "show" && problem.code === "not_found") told.answered.push(name);
        else if (problem.code === "device_offline") told.offline[name] = null;
        else if (problem === TOO_LATE) told.timed_out.push(name);
        else told.failed[name] = problem.message;
      }
    };
    const asked: Promise<void>[] = [];
    const isAsked = this.#options.desk !== undefined && act !== "show";
    if (isOwn && (isAsked || device !== undefined)) asked.push(part(own().name, this.#here(act, request)));
    if (device !== undefined && !isOwn) {
      const target = await orderedDevice(this.#options, device);
      const answer =
        target.id === own().id
          ? this.#here(act, request)
          : this.#there(target, { act, request, limitMs: FLEET_LIMIT_MS });
      asked.push(part(target.name, answer));
    } else if (device === undefined) {
      for (const view of await this.#others(told)) {
        const answer = orderedDevice(this.#options, view.id).then((target) =>
          this.#there(target, { act, request, limitMs: FLEET_LIMIT_MS }),
        );
        asked.push(part(view.name, answer));
      }
    }
    await Promise.all(asked);
    told.answered.sort(byName);
    return told;
  }

  /** The devices that are there; those that are not are told. */
  async #others(told: Completeness): Promise<DeviceView[]> {
    const { hub, book, own, controller, clock } = this.#options;
    if (book.log?.mayCommand(controller.signer.publicKey, clock.now()) !== true) return [];
    const fleet = await hub.request({ type: "fleet_get" }, "fleet").then(
      (answer) => answer.fleet,
      () => undefined, // without the hub this device is all that can be asked
    );
    const others = (fleet?.devices ?? []).filter(({ id, kind }) => id !== own().id && kind !== "browser");
    const there: DeviceView[] = [];
    for (const device of others) {
      if (device.status === "online" && there.length < AT_ONCE_MAX) there.push(device);
      else if (device.status === "online") told.failed[device.name] = "too many devices are asked at once";
      else if (device.status !== "revoked" && device.status !== "pending") {
        told.offline[device.name] = device.last_seen;
      }
    }
    return there;
  }

  async #here<Act extends TaskAct>(act: Act, request: TaskRequest<Act>): Promise<TaskAnswer<Act>> {
    const { desk } = this.#options;
    if (desk === undefined) {
      throw new MusterError("agent_not_running", "no agent runs on this machine", {
        hint: "start it: `muster start`",
      });
    }
    // Each act has one request and one answer; the compiler does not follow the name through both.
    const answer = desk[act].bind(desk) as (asked: unknown) => Promise<TaskAnswer<Act>>;
    return answer(request);
  }

  async #there<Act extends TaskAct>(
    target: OrderedDevice,
    { act, request, limitMs }: { act: Act; request: TaskRequest<Act>; limitMs: number },
  ): Promise<TaskAnswer<Act>> {
    const { controller, clock, random } = this.#options;
    const order = new PlacedOrder(
      controller,
      target,
      // The kinds are named after the acts.
      { kind: `task.${act}`, request, commandId: newTaskId(clock, random) },
      { accepted() {}, output() {}, inputRoom() {}, drain() {} },
    );
    let isLate = false;
    const limit = controller.timers.after(limitMs, () => {
      isLate = true;
      order.close();
    });
    try {
      const { result, error } = await order.outcome;
      if (error !== undefined) throw errorOf(error);
      return TASK_ANSWERS[act].parse(result) as TaskAnswer<Act>; // the shape of this very act
    } catch (error) {
      throw isLate ? TOO_LATE : error;
    } finally {
      limit.cancel();
    }
  }
}

const TOO_LATE = new MusterError("unavailable", "it did not answer in time");

function later(a: TaskSummary, b: TaskSummary): number {
  return Date.parse(b.updated_at) - Date.parse(a.updated_at) || (a.id < b.id ? 1 : -1);
}

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function isLike(id: string, reference: string): boolean {
  return id.startsWith(reference) || id.endsWith(reference);
}

function isOf({ device, device_id: id }: TaskSummary, reference: string): boolean {
  return device === reference || id.startsWith(reference);
}
