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
import { toHex, u64 } from "../../protocol/bytes.ts";
import { MusterError, publicError, type ErrorCode } from "../../protocol/errors.ts";
import type { Clock, Network, Random } from "../../world/world.ts";
import type { Runner } from "../exec/runner.ts";
import { PlacedOrder, type Controller, type OrderedDevice } from "../sessions/order.ts";
import { openForward, type LocalForward } from "./local-forward.ts";
import { OrderFramesOut } from "./order-frames-out.ts";
import { orderedDevice, type OrderedDeviceParts } from "./ordered-device.ts";

export interface OrderDeskOptions extends OrderedDeviceParts {
  clock: Clock;
  network: Pick<Network, "listen">;
  controller: Controller;
  random: Pick<Random, "bytes">;
  /** This home's own device. */
  own(): { id: string; name: string };
  /** Absent where no agent runs: then nothing runs here. */
  runner?: Runner;
}

export interface RunWish {
  /** Here when absent. */
  device?: string | undefined;
  request: SealedRequest<"exec">;
  /** How long to wait for a device that is away. */
  wait_ms: number;
}

export interface ShellWish {
  device: string;
  request: SealedRequest<"shell">;
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
/** What may pass by itself. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "device_offline",
  "hub_unreachable",
  "session_cut",
  "unavailable",
]);

export class OrderDesk {
  readonly #options: OrderDeskOptions;
  readonly #handles = new Map<string, Handle>();
  /** Told when a handle takes input again. */
  readonly #waiters = new Map<string, () => void>();

  constructor(options: OrderDeskOptions) {
    this.#options = options;
  }

  run(wish: RunWish): ReadableStream<Uint8Array> {
    return this.#account(async (order, out) => {
      const device = wish.device === undefined ? undefined : await orderedDevice(this.#options, wish.device);
      if (device === undefined || device.id === this.#options.own().id) return this.#here(order, wish, out);
      const command = { kind: "exec", request: wish.request, commandId: order } as const;
      return this.#there(device, command, { out, waitMs: wish.wait_ms });
    });
  }

  shell(wish: ShellWish): ReadableStream<Uint8Array> {
    return this.#account(async (order, out) => {
      const device = await orderedDevice(this.#options, wish.device);
      const command = { kind: "shell", request: wish.request, commandId: order } as const;
      return this.#there(device, command, { out, waitMs: 0 });
    });
  }

  forward(wish: ForwardWish): ReadableStream<Uint8Array> {
    return this.#account(async (order, out) => {
      const { controller, clock, network } = this.#options;
      const device = await orderedDevice(this.#options, wish.device);
      const forward: LocalForward = await openForward(
        { controller, clock, network, device },
        { ...wish, order },
        (facts) => out.event({ type: "accepted", device: shown(device), facts }),
      );
      this.#hold(order, { inputRoom: 0, input() {}, tell() {}, abandon: () => forward.close() });
      return forward.outcome;
    });
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
    for (const handle of this.#handles.values()) handle.abandon();
  }

  /** Runs it and tells its account, whose last event says how it ended. */
  #account(work: (order: string, out: OrderFramesOut) => Promise<SealedOutcome>): ReadableStream<Uint8Array> {
    if (this.#handles.size >= ORDERS_MAX) throw new MusterError("too_many", "too many orders are under way");
    const order = newOrderId(this.#options);
    const out = new OrderFramesOut();
    out.gone = () => this.#handles.get(order)?.abandon();
    this.#hold(order, { inputRoom: 0, input() {}, tell() {}, abandon() {} });
    out.event({ type: "opened", order });
    work(order, out)
      .then(
        (outcome) => out.end({ type: "ended", outcome }),
        (error: unknown) => out.end({ type: "failed", error: publicError(error).toJSON() }),
      )
      .finally(() => {
        this.#handles.delete(order);
        this.#wake(order);
      });
    return out.readable;
  }

  async #here(order: string, { request }: RunWish, out: OrderFramesOut): Promise<SealedOutcome> {
    const { runner, own } = this.#options;
    if (runner === undefined) {
      throw new MusterError("agent_not_running", "no agent runs on this machine", {
        hint: "start it: `muster start`",
      });
    }
    let room = INPUT_WINDOW_BYTES;
    const run = runner.start(request, {
      output: (from, bytes) => out.bytes(from === "stdout" ? "output" : "errors", bytes),
      inputTaken: (bytes) => {
        room += bytes;
        this.#wake(order);
      },
    });
    out.room = () => run.drained();
    this.#hold(order, {
      get inputRoom() {
        return room;
      },
      input(bytes) {
        room -= bytes.length;
        run.input(bytes);
      },
      tell(message) {
        if (message.type === "input_end") run.endInput();
        else if (message.type === "signal" && message.name === "TERM") run.cancel();
        else if (message.type === "signal") run.signal(message.name);
      },
      abandon: () => run.cancel(),
    });
    out.event({ type: "accepted", device: own(), facts: { pid: run.pid } });
    return { result: { ...(await run.ended) } };
  }

  async #there<Kind extends SealedKind>(
    device: OrderedDevice,
    wish: { kind: Kind; request: SealedRequest<Kind>; commandId: string },
    { out, waitMs }: { out: OrderFramesOut; waitMs: number },
  ): Promise<SealedOutcome> {
    const { clock, controller } = this.#options;
    let untilMs = clock.monotonic() + waitMs;
    let accepted = false;
    let abandoned = false;
    let told = false;
    for (;;) {
      const order = new PlacedOrder(controller, device, wish, {
        accepted: (facts) => {
          if (!accepted) out.event({ type: "accepted", device: shown(device), facts });
          accepted = true;
          told = false;
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
        tell: (message) => order.tell(message),
        abandon: () => {
          abandoned = true;
          order.resume();
          if (!accepted || wish.kind !== "exec") return order.close();
          order.tell({ type: "signal", name: "TERM" });
          controller.timers.after(ABANDON_MS, () => order.close());
        },
      });
      try {
        return await order.outcome;
      } catch (error) {
        const problem = publicError(error);
        const mayPass = PASSING.has(problem.code) && !abandoned && (!accepted || wish.kind === "exec");
        if (!mayPass) throw problem;
        const lost = accepted && !told;
        if (lost) untilMs = clock.monotonic() + LOST_MS;
        if (clock.monotonic() >= untilMs) throw problem;
        if (!told) this.#tellWaiting(out, problem, { lost, untilMs });
        told = true;
        await new Promise<void>((resolve) => controller.timers.after(AGAIN_EVERY_MS, resolve));
      }
    }
  }

  #tellWaiting(out: OrderFramesOut, problem: MusterError, how: { lost: boolean; untilMs: number }): void {
    const { clock } = this.#options;
    const until = new Date(clock.now() + how.untilMs - clock.monotonic()).toISOString();
    if (how.lost) out.event({ type: "lost", reason: problem.toJSON() });
    else out.event({ type: "waiting", reason: problem.toJSON(), until });
  }

  #hold(order: string, handle: Handle): void {
    this.#handles.set(order, handle);
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

/** A UUID of version 7 (RFC 9562): what was ordered later sorts later. */
function newOrderId({ clock, random }: Pick<OrderDeskOptions, "clock" | "random">): string {
  const bytes = random.bytes(16);
  const time = u64(clock.now()).subarray(2);
  bytes.set(time);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const text = toHex(bytes);
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    "-",
  );
}

function shown({ id, name }: OrderedDevice): { id: string; name: string } {
  return { id, name };
}
