// `muster run -- COMMAND`: a task here or on a device, its outputs here, its exit code ours.

import { execFacts, type SealedRequest } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { taskView, type TaskView } from "../../protocol/tasks.ts";
import { parseDuration } from "../durations.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { hearOrder, withOrders } from "../orders.ts";
import { pickDevice } from "../pick-device.ts";
import { plainLine, plainValue } from "../plain-text.ts";
import { bringInput, type OrderInput } from "../order-input.ts";
import { shownOn } from "../show-output.ts";

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
/** As shells have it: 128 and the signal's number (signal(7); those that differ from system to system are left out). */
const SIGNAL_BASE = 128;
const SIGPIPE = 13;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
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
    let input: OrderInput | undefined;
    let problem: MusterError | undefined;
    let isThere = false;
    let isRead = true;
    const shown = { output: shownOn(surroundings.stdout), errors: shownOn(surroundings.stderr) };
    const cancel = (): void => void orders.tell(order, { type: "signal", name: "TERM" }).catch(() => {});
    const interrupt = (): void => {
      if (!json && isThere) warn(invocation, "it was asked to end; Ctrl-C again does not wait for that");
      cancel();
    };
    invocation.interrupted.addEventListener("abort", interrupt, { once: true });
    try {
      const result = taskView.parse(
        await hearOrder(invocation, body, {
          device: flags.device,
          opened: (id) => (order = id),
          accepted({ device, facts }) {
            if (flags.detach === true) return;
            isThere = true;
            tellHeldBack(invocation, device.name, facts);
            input = bringInput(orders, {
              order,
              pieces: surroundings.stdin.pieces(),
              failed(found) {
                problem = found;
                cancel();
              },
            });
          },
          lost() {
            if (input?.isOpen !== true) return;
            input.stop();
            warn(invocation, "its input ends there with what had come through");
          },
          async output(from, bytes) {
            if (json) return;
            await shown[from](bytes);
            if (!isRead || surroundings.stdout.isGone !== true) return;
            // As a pipe would have it: who writes for nobody is ended.
            isRead = false;
            cancel();
          },
        }),
      );
      if (problem !== undefined) throw problem;
      return isRead ? ended(invocation, result, flags) : SIGNAL_BASE + SIGPIPE;
    } catch (error) {
      throw isThere ? runsOn(error, order) : error;
    } finally {
      invocation.interrupted.removeEventListener("abort", interrupt);
      input?.stop();
    }
  });
}

/** Without this home's agent nobody here hears of it, which is not its end. */
function runsOn(error: unknown, task: string): unknown {
  if (!(error instanceof MusterError) || error.code !== "agent_not_running") return error;
  const hint = `the task runs on; start the agent, then: muster task logs -f ${task}`;
  return new MusterError(error.code, error.message, { hint, cause: error });
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
  const { id, device, reason, signal } = plainValue({ ...task, logs: "" });
  if (task.queued === true && task.status === "pending" && detach !== true) {
    throw new MusterError(
      "device_offline",
      `${device} is still away; task ${id} waits here, and starts without input when it is back`,
      {
        hint: `see muster task show ${id}, or take it back: muster task cancel ${id}`,
      },
    );
  }
  if (detach === true) {
    if (!json) out.line(`Task ${id} on ${device}: ${task.queued === true ? "queued here" : task.status}.`);
    return 0;
  }
  if (task.queued === true && task.status === "cancelled") warn(invocation, `task ${id} was taken back`);
  if (task.status === "failed" && reason !== null) warn(invocation, `task ${id} failed: ${reason}`);
  else if (task.status === "failed" && task.signal !== null)
    warn(invocation, `task ${id} was ended by ${signal}`);
  if (task.exit_code !== null) return task.exit_code;
  if (task.signal !== null) return SIGNAL_BASE + (SIGNAL_NUMBERS[task.signal] ?? 0);
  return interrupted.aborted ? SIGNAL_BASE + 2 : NO_CODE;
}
