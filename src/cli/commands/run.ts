// `muster run -- COMMAND`: a task here or on a device, its outputs here, its exit code ours.

import { execFacts, type SealedRequest } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { taskView, type TaskView } from "../../protocol/tasks.ts";
import { parseDuration } from "../durations.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { hearOrder, withOrders } from "../orders.ts";
import { pickDevice } from "../pick-device.ts";
import { plainLine, plainValue } from "../plain-text.ts";
import { showOutput } from "../show-output.ts";
import type { OrderCalls } from "../hub-session.ts";

export interface RunFlags {
  device?: string | undefined;
  /** A capability: some device that offers it. */
  on?: string | undefined;
  detach?: true | undefined;
  title?: string | undefined;
  cwd?: string | undefined;
  timeout?: string | undefined;
  /** False: a device that is away is not waited for. */
  queue: boolean;
}

const TIMEOUT = { name: "--timeout", min: "1s", max: "30d" } as const;
/** How long a person waits for a device that is away; the task goes on waiting. */
const WAIT_MS = 30_000;
/** There is no code to have: Muster, not the program, failed. */
const NO_CODE = 125;
/** As shells have it: 128 and the signal's number. */
const SIGNAL_BASE = 128;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

export async function run(invocation: Invocation, words: string[], given: RunFlags): Promise<number> {
  const flags = given.on === undefined ? given : { ...given, device: await deviceFor(invocation, given) };
  const { surroundings, json } = invocation;
  if (words.length === 0) {
    throw new MusterError("usage", "there is nothing to run", { hint: "muster run --device pi -- uptime" });
  }
  return withOrders(invocation, async (orders) => {
    const body = await orders.run({
      ...(flags.device === undefined ? {} : { device: flags.device }),
      request: requestOf(words, flags, surroundings.cwd),
      wait_ms: flags.queue ? WAIT_MS : 0,
      queue: flags.queue,
    });
    let order = "";
    let feeding: AsyncIterator<Uint8Array> | undefined;
    const cancel = (): void => void orders.tell(order, { type: "signal", name: "TERM" }).catch(() => {});
    invocation.interrupted.addEventListener("abort", cancel, { once: true });
    try {
      const result = taskView.parse(
        await hearOrder(invocation, body, {
          opened: (id) => (order = id),
          accepted({ device, facts }) {
            if (flags.detach === true) return;
            tellHeldBack(invocation, device.name, facts);
            feeding = surroundings.stdin.pieces()[Symbol.asyncIterator]();
            void feed(orders, order, feeding);
          },
          async output(from, bytes) {
            if (!json) await showOutput(from === "output" ? surroundings.stdout : surroundings.stderr, bytes);
          },
        }),
      );
      return ended(invocation, result, flags);
    } finally {
      invocation.interrupted.removeEventListener("abort", cancel);
      void feeding?.return?.();
    }
  });
}

async function deviceFor(invocation: Invocation, { device, on = "" }: RunFlags): Promise<string> {
  if (device !== undefined) {
    throw new MusterError("usage", "--device names the device, and --on leaves it open", {
      hint: "use one of them",
    });
  }
  return pickDevice(invocation, on);
}

function requestOf(words: string[], flags: RunFlags, here: string): SealedRequest<"exec"> {
  const { detach, title, timeout } = flags;
  const cwd = flags.cwd ?? (flags.device === undefined ? here : undefined);
  return {
    argv: words,
    stdin: detach !== true,
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeout === undefined ? {} : { timeout_ms: parseDuration(timeout, TIMEOUT) }),
    ...(detach === undefined ? {} : { detach }),
    ...(title === undefined ? {} : { title }),
  };
}

function tellHeldBack(invocation: Invocation, device: string, facts: Record<string, unknown>): void {
  const told = execFacts.safeParse(facts);
  if (!told.success || !told.data.held_back) return;
  warn(invocation, `as many tasks run on ${plainLine(device)} as may: ${told.data.task} waits for its turn`);
}

/** The exit code; what there is to say of the end was said then. */
function ended(invocation: Invocation, task: TaskView, { detach }: RunFlags): number {
  const { json, out, interrupted } = invocation;
  if (json) printJson(invocation, task);
  const { id, device, reason } = plainValue({ ...task, logs: "" });
  if (task.queued === true && task.status === "pending" && detach !== true) {
    throw new MusterError(
      "device_offline",
      `${device} is still away; task ${id} waits here until it is back`,
      {
        hint: `see muster task show ${id}, or take it back: muster task cancel ${id}`,
      },
    );
  }
  if (detach === true) {
    if (!json) out.line(`Task ${id} on ${device}: ${task.queued === true ? "queued here" : task.status}.`);
    return 0;
  }
  if (task.status === "failed" && reason !== null) warn(invocation, `task ${id} failed: ${reason}`);
  if (task.exit_code !== null) return task.exit_code;
  if (task.signal !== null) return SIGNAL_BASE + (SIGNAL_NUMBERS[task.signal] ?? 0);
  return interrupted.aborted ? SIGNAL_BASE + 2 : NO_CODE;
}

async function feed(orders: OrderCalls, order: string, pieces: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) {
      await orders.input(order, piece.value);
    }
    await orders.tell(order, { type: "input_end" });
  } catch {
    // It ended without reading all of it; how it ended is told elsewhere.
  }
}
