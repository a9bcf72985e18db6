// One question about tasks to this device and to each other one that is there, by a command in a sealed session, all
// at once. Each part is told as it comes; who gave none is named with the reason, and delays nobody.
import { errorOf } from "../../protocol/command-messages.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import { deviceIdOf } from "../../protocol/ids.ts";
import type { Completeness } from "../../protocol/query-gather.ts";
import { TASK_ANSWERS, type TaskAct, type TaskAnswer, type TaskRequest } from "../../protocol/tasks.ts";
import type { DeviceView } from "../../protocol/views.ts";
import { orderedParticipant } from "../../client/commands/ordered-participant.ts";
import type { OrderedDevice } from "../../client/commands/device-session.ts";
import { PlacedOrder } from "../../client/commands/order.ts";
import type { Clock, Random } from "../../world/world.ts";
import { findDevice } from "../device-desk.ts";
import type { OrderedDeviceParts } from "../orders/ordered-device.ts";
import type { Controller } from "../../client/commands/device-session.ts";
import type { TaskDesk } from "./task-desk.ts";
import { newTaskId } from "./task-id.ts";

export interface FleetAskingOptions extends OrderedDeviceParts {
  clock: Clock;
  random: Pick<Random, "bytes">;
  controller: Controller;
  /** Absent where no agent runs: then this device is one that is away. */
  desk?: TaskDesk;
  own(): { id: string; name: string };
}

export interface FleetHearer<Answer> {
  /** Who is asked, before anybody answered. */
  expected?(devices: { id: string; name: string }[]): void;
  part(device: string, answer: Answer): void;
}

/** For each device, and for all of them together. */
const LIMIT_MS = 5000;
/** Each is a session: more than this would be a burden here, and hardly any fleet has them. */
const AT_ONCE_MAX = 256;

type Ask<Act extends TaskAct> = { act: Act; device: string | undefined; request: TaskRequest<Act> };

export class FleetAsking {
  readonly #options: FleetAskingOptions;

  constructor(options: FleetAskingOptions) {
    this.#options = options;
  }

  /** `act` on whoever `device` means, or on all. Resolves when everybody is accounted for. */
  async ask<Act extends TaskAct>(
    { act, device, request }: Ask<Act>,
    hear: FleetHearer<TaskAnswer<Act>>,
    left?: AbortSignal,
  ): Promise<Completeness> {
    const { own, desk, controller } = this.#options;
    const told: Completeness = { answered: [], timed_out: [], failed: {}, offline: {} };
    const isOwn = device === own().name || device === own().id;
    const isHere = isOwn || (device === undefined && desk !== undefined && act !== "show");
    // It is not kept waiting by a hub that is: its answer only waits to be told.
    let here = isHere ? this.here(act, request) : undefined;
    here?.catch(() => {}); // told below
    const found = isOwn ? [] : await this.#others(device, told);
    const others = found.filter(({ id }) => desk === undefined || id !== own().id);
    // By the beginning of its id.
    if (others.length < found.length) here = this.here(act, request);
    hear.expected?.([
      ...(here === undefined ? [] : [own()]),
      ...others.map(({ id, name }) => ({ id, name })),
    ]);
    const late = new AbortController();
    const limit = controller.timers.after(LIMIT_MS, () => late.abort(TOO_LATE));
    const signal = left === undefined ? late.signal : AbortSignal.any([late.signal, left]);
    const tell = async (view: Named, answer: () => Promise<TaskAnswer<Act>>): Promise<void> => {
      try {
        const part = await answer();
        told.answered.push(view.name);
        hear.part(view.name, part);
      } catch (error) {
        const problem = signal.aborted ? signal.reason : publicError(error);
        if (problem === TOO_LATE) told.timed_out.push(view.name);
        else if (act === "show" && problem.code === "not_found") told.answered.push(view.name);
        else if (problem.code === "device_offline") told.offline[view.name] = view.last_seen;
        else told.failed[view.name] = publicError(problem).message;
      }
    };
    const waiting = [...others];
    const inTurn = async (): Promise<void> => {
      for (let view = waiting.shift(); view !== undefined; view = waiting.shift()) {
        const { target } = view;
        await tell(view, () => this.there(target(), { act, request, signal }));
      }
    };
    const asked = Array.from({ length: Math.min(AT_ONCE_MAX, others.length) }, inTurn);
    if (here !== undefined) asked.push(tell({ ...own(), last_seen: null }, () => here));
    await Promise.all(asked);
    limit.cancel();
    left?.throwIfAborted();
    told.answered.sort();
    return told;
  }

  async here<Act extends TaskAct>(act: Act, request: TaskRequest<Act>): Promise<TaskAnswer<Act>> {
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

  /** Rejects with the reason of `signal` once that is aborted. */
  async there<Act extends TaskAct>(
    target: OrderedDevice,
    { act, request, signal }: { act: Act; request: TaskRequest<Act>; signal: AbortSignal },
  ): Promise<TaskAnswer<Act>> {
    signal.throwIfAborted();
    const { controller, clock, random } = this.#options;
    const order = new PlacedOrder(
      controller,
      target,
      // The kinds are named after the acts.
      { kind: `task.${act}`, request, commandId: newTaskId(clock, random) },
      { accepted() {}, output() {}, inputRoom() {}, drain() {} },
    );
    const close = (): void => order.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      const { result, error } = await order.outcome;
      if (error !== undefined) throw errorOf(error);
      return TASK_ANSWERS[act].parse(result) as TaskAnswer<Act>; // the shape of this very act
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  /** The devices that are there, or the one that is meant; those that are not are told. */
  async #others(device: string | undefined, told: Completeness): Promise<Target[]> {
    const { hub, book, own, controller, clock, desk } = this.#options;
    const isAllowed = book.log?.mayCommand(controller.signer.publicKey, clock.now()) === true;
    if (device === undefined && !isAllowed) {
      told.note = ONLY_HERE;
      return [];
    }
    const fleet = await hub.request({ type: "fleet_get" }, "fleet").then(
      (answer) => answer.fleet,
      (error: unknown) => this.#withoutHub(device, told, error),
    );
    if (fleet === undefined) return [];
    const isElsewhere = ({ id, kind }: DeviceView): boolean =>
      kind !== "browser" && (id !== own().id || desk === undefined);
    const meant =
      device === undefined ? fleet.devices.filter(isElsewhere) : [findDevice(fleet.devices, device)];
    return meant.flatMap((view) => {
      const { id, name, status, last_seen } = view;
      if (status === "online") return [{ id, name, last_seen, target: () => this.#target(view, device) }];
      if (device !== undefined || (status !== "revoked" && status !== "pending"))
        told.offline[name] = last_seen;
      return [];
    });
  }

  /** This device is all that can be asked then, and the others are known by the owner log. */
  #withoutHub(device: string | undefined, told: Completeness, error: unknown): undefined {
    if (device !== undefined) throw error;
    const { book, crypto, own, desk } = this.#options;
    for (const { publicKey, name, kind } of book.log?.participants() ?? []) {
      if (kind === "browser") continue;
      if (desk !== undefined && deviceIdOf(crypto.sha256(publicKey)) === own().id) continue;
      told.failed[name] = "the hub is out of reach, and with it this device";
    }
  }

  #target({ id, name }: DeviceView, reference = id): OrderedDevice {
    const { crypto, book } = this.#options;
    const problem = book.problem();
    if (book.log === undefined || problem !== undefined) {
      throw problem ?? new MusterError("unavailable", "no owner log");
    }
    return orderedParticipant(crypto, book.log, { id, name, reference });
  }
}

interface Named {
  id: string;
  name: string;
  last_seen: string | null;
}

interface Target extends Named {
  /** Throws where the owner log does not know it. */
  target(): OrderedDevice;
}

const ONLY_HERE =
  "only a controller asks other devices for their tasks; `muster query ListTasks` shows what they let be seen";
const TOO_LATE = new MusterError("unavailable", "it did not answer in time");
