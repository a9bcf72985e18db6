// What the person at this home orders: programs here or on a device of theirs, shells and forwards there. An order
// that can't be given waits here, unsigned, for as long as its giver waits; one whose session breaks is asked after
// by its id, which starts nothing a second time.
import { CHANNEL, INPUT_WINDOW_BYTES } from "../../protocol/command-messages.ts";
import type {
  ControllerMessage,
  SealedKind,
  SealedOutcome,
  SealedRequest,
} from "../../protocol/command-messages.ts";
import { concat, lv, toBase64Url, utf8 } from "../../protocol/bytes.ts";
import { MusterError, publicError } from "../../protocol/errors.ts";
import type { Clock, Network, Random } from "../../world/world.ts";
import type { CommandKind } from "../exec/command-kind.ts";
import { newTaskId } from "../tasks/task-id.ts";
import type { Controller, OrderedDevice } from "../../client/commands/device-session.ts";
import { PlacedOrder } from "../../client/commands/order.ts";
import { openForward, type LocalForward } from "./local-forward.ts";
import { OrderFramesOut } from "./order-frames-out.ts";
import { PASSING, queuedView, type OrderQueue } from "./order-queue.ts";
import type { QueuedOrder } from "./queue-rows.ts";
import { orderedDevice, type OrderedDeviceParts } from "./ordered-device.ts";

export interface OrderDeskOptions extends OrderedDeviceParts {
  clock: Clock;
  network: Pick<Network, "listen">;
  controller: Controller;
  random: Pick<Random, "bytes">;
  /** This home's own device. */
  own(): { id: string; name: string };
  /** Absent where no agent runs: then nothing runs here, and nothing is kept for devices that are away. */
  exec?: CommandKind<SealedRequest<"exec">>;
  queue?: OrderQueue;
}

export interface RunWish {
  /** Here when absent. */
  device?: string | undefined;
  request: SealedRequest<"exec">;
  /** How long to wait for a device that is away. */
  wait_ms: number;
  /** Whether it is kept here for one that is away for longer. */
  queue: boolean;
}

export interface ShellWish {
  device: string;
  request: SealedRequest<"shell">;
}

export interface CapabilityWish {
  device: string;
  request: SealedRequest<"capability">;
}

export interface ForwardWish {
  device: string;
  service: string | number;
  /** On 127.0.0.1; 0 picks a free one. */
  port: number;
}

/** What is under way, for input and signals. */
interface Handle {
  /** How many bytes `input` takes now. */
  readonly inputRoom: number;
  input(bytes: Uint8Array): void;
  tell(message: ControllerMessage): void;
  /** Whoever ordered it has gone. */
  abandon(): void;
}

const ORDERS_MAX = 256;
const AGAIN_EVERY_MS = 500;
/** A device that was lost while it worked is looked for so long. */
const LOST_MS = 5 * 60_000;
/** An abandoned program is given so long to end before this end lets go of it. */
const ABANDON_MS = 10_000;
const TERM = { type: "signal", name: "TERM" } as const;

export class OrderDesk {
  readonly #options: OrderDeskOptions;
  readonly #handles = new Map<string, Handle>();
  /** Taken back: what begins of them all the same is abandoned. */
  readonly #takenBack = new Set<string>();
  #isClosing = false;
  /** Of this machine: where others' services are now. */
  readonly #forwardPorts = new Set<number>();
  /** Told when a handle takes input again. */
  readonly #waiters = new Map<string, () => void>();

  constructor(options: OrderDeskOptions) {
    this.#options = options;
  }

  run(wish: RunWish): ReadableStream<Uint8Array> {
    return this.#account(async (order, out) => {
      const device = wish.device === undefined ? undefined : await orderedDevice(this.#options, wish.device);
      if (isLeft(wish.request)) this.#takenBack.delete(order);
      if (device === undefined || device.id === this.#options.own().id) return this.#here(order, wish, out);
      const command = { kind: "exec", request: wish.request, commandId: order } as const;
      const queue = wish.queue ? this.#options.queue : undefined;
      return this.#there(device, command, { out, waitMs: wish.wait_ms, queue });
    });
  }

  shell(wish: ShellWish): ReadableStream<Uint8Array> {
    return this.#account(async (order, out) => {
      const device = await orderedDevice(this.#options, wish.device);
      const command = { kind: "shell", request: wish.request, commandId: order } as const;
      return this.#there(device, command, { out, waitMs: 0 });
    });
  }

  capability(wish: CapabilityWish): ReadableStream<Uint8Array> {
    return this.#account(async (order, out) => {
      const device = await orderedDevice(this.#options, wish.device);
      const command = { kind: "capability", request: wish.request, commandId: order } as const;
      return this.#there(device, command, { out, waitMs: 0 });
    });
  }

  forward(wish: ForwardWish): ReadableStream<Uint8Array> {
    return this.#account(async (order, out) => {
      const { controller, clock, network } = this.#options;
      const device = await orderedDevice(this.#options, wish.device);
      let port = 0;
      const forward: LocalForward = await openForward(
        { controller, clock, network, device },
        { ...wish, order },
        (facts) => {
          port = Number(facts["local_port"]);
          this.#forwardPorts.add(port);
          out.event({ type: "accepted", device: shown(device), facts });
        },
      );
      const over = (): void => void this.#forwardPorts.delete(port);
      forward.outcome.then(over, over);
      this.#hold(order, { inputRoom: 0, input() {}, tell() {}, abandon: () => forward.close() });
      return forward.outcome;
    });
  }

  get forwardPorts(): readonly number[] {
    return [...this.#forwardPorts];
  }

  /** Resolves once all of it was taken. */
  async input(order: string, bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      const handle = this.#handle(order);
      if (handle.inputRoom === 0) {
        await new Promise<void>((resolve) => this.#waiters.set(order, resolve));
        continue;
      }
      const part = rest.subarray(0, handle.inputRoom);
      handle.input(part);
      rest = rest.subarray(part.length);
    }
  }

  tell(order: string, message: ControllerMessage): void {
    this.#handle(order).tell(message);
  }

  close(): void {
    this.#isClosing = true;
    for (const handle of this.#handles.values()) handle.abandon();
  }

  /** Runs it and tells its account, whose last event says how it ended. */
  #account(work: (order: string, out: OrderFramesOut) => Promise<SealedOutcome>): ReadableStream<Uint8Array> {
    if (this.#handles.size >= ORDERS_MAX) throw new MusterError("too_many", "too many orders are under way");
    const order = newTaskId(this.#options.clock, this.#options.random);
    const out = new OrderFramesOut();
    out.gone = () => {
      this.#takenBack.add(order);
      this.#handles.get(order)?.abandon();
    };
    this.#hold(order, {
      inputRoom: 0,
      input() {},
      tell: (message) => void (message.type === "signal" && this.#takenBack.add(order)),
      abandon: () => void this.#takenBack.add(order),
    });
    out.event({ type: "opened", order });
    work(order, out)
      .then(
        (outcome) => out.end({ type: "ended", outcome }),
        (error: unknown) => out.end({ type: "failed", error: publicError(error).toJSON() }),
      )
      .finally(() => {
        this.#handles.delete(order);
        this.#takenBack.delete(order);
        this.#wake(order);
      });
    return out.readable;
  }

  /** As a command of this home's own key, but for the session. */
  async #here(order: string, { request }: RunWish, out: OrderFramesOut): Promise<SealedOutcome> {
    const { exec, own, controller } = this.#options;
    if (exec === undefined) {
      throw new MusterError("agent_not_running", "no agent runs on this machine", {
        hint: "start it: `muster start`",
      });
    }
    let room = INPUT_WINDOW_BYTES;
    const signer = controller.signer.publicKey;
    const peer = {
      send: (channel: number, bytes: Uint8Array) =>
        out.bytes(channel === CHANNEL.errors ? "errors" : "output", bytes),
      roomBytes: Number.POSITIVE_INFINITY,
      inputTaken: (bytes: number) => {
        room += bytes;
        this.#wake(order);
      },
    };
    const digest = controller.crypto.sha256(concat(lv(utf8("exec")), lv(utf8(JSON.stringify(request)))));
    const name = { signer: toBase64Url(signer), commandId: order, digest };
    const running = await exec.start(request, { peer, signer, name });
    out.room = () => running.drain();
    this.#hold(order, {
      get inputRoom() {
        return room;
      },
      input(bytes) {
        room -= bytes.length;
        running.input(bytes);
      },
      tell: (message) => running.message(message),
      abandon: () => {
        if (!isLeft(request)) running.message(TERM);
      },
    });
    out.event({ type: "accepted", device: own(), facts: running.facts });
    return running.outcome;
  }

  async #there<Kind extends SealedKind>(
    device: OrderedDevice,
    wish: { kind: Kind; request: SealedRequest<Kind>; commandId: string },
    { out, waitMs, queue }: { out: OrderFramesOut; waitMs: number; queue?: OrderQueue | undefined },
  ): Promise<SealedOutcome> {
    const { clock, controller } = this.#options;
    const waiting = queue === undefined ? undefined : new Waiting(queue, device, wish);
    let untilMs = clock.monotonic() + waitMs;
    let accepted = false;
    let abandoned = false;
    /** Of what runs there, whether it heard of it or not. */
    let wantsEnd = false;
    let told = false;
    for (;;) {
      const order = new PlacedOrder(controller, device, wish, {
        accepted: (facts) => {
          if (!accepted) out.event({ type: "accepted", device: shown(device), facts });
          accepted = true;
          told = false;
          waiting?.given();
          if (wantsEnd) order.tell(TERM);
        },
        output(channel, bytes) {
          if (!out.bytes(channel === CHANNEL.errors ? "errors" : "output", bytes)) order.pause();
        },
        inputRoom: () => this.#wake(wish.commandId),
        drain: () => {},
      });
      out.room = () => order.resume();
      this.#hold(wish.commandId, {
        get inputRoom() {
          return order.inputRoom;
        },
        input: (bytes) => order.input(bytes),
        tell: (message) => {
          wantsEnd ||= message.type === "signal" && message.name === "TERM";
          if (accepted || message.type !== "signal") return order.tell(message);
          abandoned = true;
          order.close();
        },
        abandon: () => {
          abandoned = true;
          order.resume();
          if (!accepted || wish.kind !== "exec" || isLeft(wish.request)) return order.close();
          wantsEnd = true;
          order.tell(TERM);
          controller.timers.after(ABANDON_MS, () => order.close());
        },
      });
      try {
        return await order.outcome;
      } catch (error) {
        const problem = publicError(error);
        if (abandoned && !accepted && waiting?.order !== undefined) return await this.#withdraw(waiting);
        const mayPass = PASSING.has(problem.code) && !abandoned && (!accepted || wish.kind === "exec");
        if (!mayPass) {
          await waiting?.end();
          throw problem;
        }
        if (waiting !== undefined && !accepted && waiting.order === undefined) {
          const queued = await waiting.begin();
          out.event({
            type: "queued",
            task: queued.id,
            device: queued.device,
            reason: problem.toJSON(),
          });
          told = true;
          if (queued.request.detach === true) return waiting.left();
        }
        const lost = accepted && !told;
        if (lost) untilMs = clock.monotonic() + LOST_MS;
        if (clock.monotonic() >= untilMs) {
          if (accepted || waiting === undefined) throw problem;
          return waiting.left();
        }
        if (!told) this.#tellWaiting(out, problem, { lost, untilMs });
        told = true;
        await new Promise<void>((resolve) => controller.timers.after(AGAIN_EVERY_MS, resolve));
        // Before its device has come, or has heard of it.
        if (!abandoned || accepted) continue;
        if (waiting?.order !== undefined) return await this.#withdraw(waiting);
        throw problem;
      }
    }
  }

  /** An agent that ends takes nothing back: what waits here is given by the next one. */
  async #withdraw(waiting: Waiting): Promise<SealedOutcome> {
    return this.#isClosing ? waiting.left() : waiting.cancelled();
  }

  #tellWaiting(out: OrderFramesOut, problem: MusterError, how: { lost: boolean; untilMs: number }): void {
    const { clock } = this.#options;
    const until = new Date(clock.now() + how.untilMs - clock.monotonic()).toISOString();
    if (how.lost) out.event({ type: "lost", reason: problem.toJSON() });
    else out.event({ type: "waiting", reason: problem.toJSON(), until });
  }

  #hold(order: string, handle: Handle): void {
    this.#handles.set(order, handle);
    if (this.#takenBack.has(order)) handle.abandon();
    this.#wake(order);
  }

  #handle(order: string): Handle {
    const handle = this.#handles.get(order);
    if (handle !== undefined) return handle;
    throw new MusterError("not_found", "that order is not under way any more");
  }

  #wake(order: string): void {
    const wake = this.#waiters.get(order);
    this.#waiters.delete(order);
    wake?.();
  }
}

/** An order that is kept here while its device is away and somebody waits for both. */
class Waiting {
  readonly #queue: OrderQueue;
  readonly #wish: Parameters<OrderQueue["add"]>[0];
  order: QueuedOrder | undefined;

  constructor(
    queue: OrderQueue,
    device: OrderedDevice,
    wish: { request: SealedRequest<SealedKind>; commandId: string },
  ) {
    this.#queue = queue;
    // Only programs are queued.
    const request = wish.request as SealedRequest<"exec">;
    this.#wish = { id: wish.commandId, device: shown(device), request };
  }

  async begin(): Promise<QueuedOrder> {
    this.order = await this.#queue.add(this.#wish);
    return this.order;
  }

  /** The device has it: asking once more would start nothing, so that the row may stay a moment longer. */
  given(): void {
    if (this.order !== undefined) void this.#queue.drop(this.order.id).catch(() => {});
  }

  async end(): Promise<void> {
    if (this.order !== undefined) await this.#queue.drop(this.order.id);
  }

  /** It stays here, and is given without whoever ordered it. */
  left(): SealedOutcome {
    if (this.order === undefined) throw new MusterError("internal", "an order was left that is not kept");
    this.#queue.release(this.order.id);
    return { result: { ...queuedView(this.order) } };
  }

  async cancelled(): Promise<SealedOutcome> {
    if (this.order === undefined)
      throw new MusterError("internal", "an order was cancelled that is not kept");
    await this.end();
    return { result: { ...queuedView(this.order), status: "cancelled", reason: "cancelled" } };
  }
}

/** Nobody was going to wait for its end: who goes before its answer takes nothing back. */
function isLeft(request: object): boolean {
  return "detach" in request && request.detach === true;
}

function shown({ id, name }: OrderedDevice): { id: string; name: string } {
  return { id, name };
}
