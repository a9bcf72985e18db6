// Gives the orders that wait here, once their device is there: in their order for each device, each until the device
// has it durably. One that is given twice is the same command to the device, and starts once.
import type { Kysely } from "kysely";
import { MusterError, publicError, type ErrorCode } from "../../protocol/errors.ts";
import type { Log } from "../../protocol/log.ts";
import type { TaskView } from "../../protocol/tasks.ts";
import type { Clock, Timer } from "../../world/world.ts";
import type { HubPort } from "../hub-port.ts";
import type { Controller } from "../../client/commands/device-session.ts";
import { PlacedOrder } from "../../client/commands/order.ts";
import { titleOf } from "../tasks/task.ts";
import { orderedDevice, type OrderedDeviceParts } from "./ordered-device.ts";
import {
  addQueued,
  dropQueued,
  failQueued,
  isQueued,
  queuedOrders,
  type QueuedOrder,
  type QueueTables,
} from "./queue-rows.ts";

export interface OrderQueueOptions extends OrderedDeviceParts {
  db: Kysely<QueueTables>;
  clock: Clock;
  controller: Controller;
  hub: Pick<HubPort, "request" | "state">;
  log: Log;
}

export const QUEUED_MAX = 256;
const LOOK_EVERY_MS = 2000;
/** A device that took none of an order's words in so long is asked again later. */
const GIVE_WITHIN_MS = 15_000;
/** For the end of its input to reach the device. */
const LEAVE_AFTER_MS = 500;
/** What passes by itself: the order waits on. */
export const PASSING: ReadonlySet<ErrorCode> = new Set([
  "device_offline",
  "hub_unreachable",
  "session_cut",
  "unavailable",
  "too_many",
]);

export class OrderQueue {
  readonly #options: OrderQueueOptions;
  /** Somebody here gives these by himself, and waits for them. */
  readonly #held = new Set<string>();
  /** On their way to their device now; each settles when it is known whether that has it. Never rejects. */
  readonly #going = new Map<string, Promise<unknown>>();
  #timer: Timer | undefined;
  #looking = false;
  #closed = false;

  constructor(options: OrderQueueOptions) {
    this.#options = options;
    this.#lookLater();
  }

  /** Throws `too_many`. Resolves once it is durable. It is not given here until `release`. */
  async add(order: Omit<QueuedOrder, "problem" | "createdAt">): Promise<QueuedOrder> {
    const { db, clock } = this.#options;
    if ((await queuedOrders(db)).length >= QUEUED_MAX) {
      throw new MusterError("too_many", `${QUEUED_MAX} tasks wait here for devices that are away already`, {
        hint: "see: muster task ls",
      });
    }
    this.#held.add(order.id);
    const queued = { ...order, createdAt: clock.now(), problem: null };
    await addQueued(db, queued);
    return queued;
  }

  /** Whoever waited for it does so no more. */
  release(id: string): void {
    this.#held.delete(id);
  }

  /** It was given, or nobody wants it any more. False for one that its device has. */
  async drop(id: string): Promise<boolean> {
    this.#held.delete(id);
    await this.#going.get(id);
    return dropQueued(this.#options.db, id);
  }

  async all(): Promise<QueuedOrder[]> {
    return queuedOrders(this.#options.db);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#timer = this.#options.controller.timers.after(LOOK_EVERY_MS, () => {
      this.#look()
        .catch((error: unknown) => {
          const { code, message } = publicError(error);
          this.#options.log.warn("queued tasks could not be looked through", {
            error_code: code,
            problem: message,
          });
        })
        .finally(() => this.#lookLater());
    });
  }

  async #look(): Promise<void> {
    const { hub, db } = this.#options;
    if (this.#looking || hub.state.at !== "connected") return;
    const waiting = (await queuedOrders(db)).filter(
      ({ id, problem }) => problem === null && !this.#held.has(id),
    );
    if (waiting.length === 0) return;
    this.#looking = true;
    try {
      const { fleet } = await hub.request({ type: "fleet_get" }, "fleet");
      const there = new Set(fleet.devices.filter(({ status }) => status === "online").map(({ id }) => id));
      const devices = Map.groupBy(
        waiting.filter(({ device }) => there.has(device.id)),
        ({ device }) => device.id,
      );
      await Promise.all([...devices.values()].map((orders) => this.#giveAll(orders)));
    } finally {
      this.#looking = false;
    }
  }

  async #giveAll(orders: readonly QueuedOrder[]): Promise<void> {
    for (const order of orders) {
      if (this.#closed || this.#held.has(order.id)) continue;
      const given = this.#giveOne(order);
      this.#going.set(
        order.id,
        given.catch(() => {}), // told below
      );
      const isThere = await given.finally(() => this.#going.delete(order.id));
      if (!isThere) return;
    }
  }

  /** False where its device is not there any more. */
  async #giveOne(order: QueuedOrder): Promise<boolean> {
    const { db, log } = this.#options;
    // It may have been taken back while those before it were given.
    if (!(await isQueued(db, order.id))) return true;
    try {
      await this.#give(order);
      await dropQueued(db, order.id);
    } catch (error) {
      const problem = publicError(error);
      if (PASSING.has(problem.code)) return false;
      log.warn("a queued task was refused", {
        task: order.id,
        error_code: problem.code,
        problem: problem.message,
      });
      await failQueued(db, order.id, problem.message);
    }
    return true;
  }

  /** Resolves once the device has it. */
  async #give({ id, device, request }: QueuedOrder): Promise<void> {
    const { controller } = this.#options;
    const target = await orderedDevice(this.#options, device.id);
    const { promise: accepted, resolve, reject } = Promise.withResolvers<void>();
    const order = new PlacedOrder(
      controller,
      target,
      { kind: "exec", request, commandId: id },
      {
        accepted: () => resolve(),
        output: () => {},
        inputRoom: () => {},
        drain: () => {},
      },
    );
    order.outcome.then(({ error }) => {
      if (error === undefined) resolve();
      else reject(new MusterError(error.code, error.message));
    }, reject);
    const limit = controller.timers.after(GIVE_WITHIN_MS, () => order.close());
    try {
      await accepted;
    } finally {
      limit.cancel();
      order.tell({ type: "input_end" });
      controller.timers.after(LEAVE_AFTER_MS, () => order.close());
    }
  }
}

/** As a task is shown, though it is none yet. */
export function queuedView({ id, device, request, createdAt, problem }: QueuedOrder): TaskView {
  const at = new Date(createdAt).toISOString();
  return {
    id,
    device: device.name,
    device_id: device.id,
    title: request.title ?? titleOf(request),
    description: request.description ?? null,
    status: problem === null ? "pending" : "failed",
    command: request.argv?.slice(0, 64).map((word) => word.slice(0, 1000)) ?? null,
    input: {},
    output: null,
    exit_code: null,
    signal: null,
    reason: problem,
    created_at: at,
    updated_at: at,
    started_at: null,
    ended_at: null,
    queued: true,
    logs: "",
    logs_truncated: false,
    logs_bytes: 0,
  };
}
