// What changes something, for a person who has allowed it: commands on the devices that were named, and their end.
//
// The rule: a command is begun as a task of its device and then watched. A client that stops waiting for it ends it; a
// call whose time is over leaves it running and says which task it is.

import { z } from "zod";
import { COMMAND_REQUESTS } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import { taskTitle, taskView, type TaskView } from "../../protocol/tasks.ts";
import { hearOrder, withOrders } from "../orders.ts";
import { plainLine } from "../plain-text.ts";
import type { TaskCalls } from "../hub-session.ts";
import { askAboutTasks } from "../task-calls.ts";
import { seconds, taskInput } from "./inputs.ts";
import { bytesOf, OutputTail, textOf } from "./task-output.ts";
import { TEXT_MAX_CHARACTERS } from "./tool-result.ts";
import { tool, UNTRUSTED, type Tool, type ToolAnswer, type ToolCall } from "./tool.ts";

const PAGE_BYTES = 128 * 1024;
/** Clients wait a minute, as a rule. */
const WAIT_USUAL_S = 45;
const PROGRESS_CHARACTERS = 200;

/** Only for these devices, by the names that the person gave. */
export function runTools(allowed: readonly string[]): readonly Tool[] {
  const names = allowed.map((name) => plainLine(name)).join(", ");
  const device = z
    .string()
    .min(1)
    .max(200)
    .meta({ description: `One of: ${names}.`, enum: [...allowed] });
  return [runCommand(allowed, device), cancelTask(allowed, device)];
}

function runCommand(allowed: readonly string[], device: z.ZodString): Tool {
  const { script, cwd } = COMMAND_REQUESTS.exec.shape;
  return tool({
    name: "run_command",
    title: "Run a command on a device",
    description:
      "Run a command on one of the devices that the person allowed, as the user of Muster there, and return its exit " +
      "code and the end of what it wrote (both outputs together). It is a task of that device: where it still runs " +
      "after wait_s its id is returned with status `running`; read_task_logs, show_task and cancel_task go on from " +
      `there. It has no input and no terminal. ${UNTRUSTED}`,
    input: z.strictObject({
      device,
      command: script.unwrap().describe("For /bin/sh: `df -h | head`."),
      cwd: cwd.describe("Folder to run in; a relative one stands under the home of the user there."),
      title: taskTitle.optional().describe("What lists call it; the command when absent."),
      wait_s: seconds({ max: 600, usual: WAIT_USUAL_S }).describe(
        "Wait so long for its end; it runs on after that.",
      ),
      timeout_s: z
        .number()
        .int()
        .min(1)
        .max(30 * 86_400)
        .optional()
        .describe("End it after this long."),
      detach: z.boolean().default(false).describe("Do not wait for its end."),
    }),
    hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    async run(given, call) {
      demandAllowed(allowed, given.device);
      const begun = await begin(given, call);
      if (given.detach) return answerOf(begun, undefined);
      return watch(begun, { waitMs: given.wait_s * 1000, call });
    },
  });
}

interface RunInput {
  device: string;
  command: string;
  cwd?: string | undefined;
  title?: string | undefined;
  timeout_s?: number | undefined;
}

async function begin(given: RunInput, { invocation }: ToolCall): Promise<TaskView> {
  const { device, command, cwd, title, timeout_s: timeout } = given;
  return withOrders(invocation, async (orders) => {
    const body = await orders.run({
      device,
      request: {
        script: command,
        stdin: false,
        detach: true,
        ...(cwd === undefined ? {} : { cwd }),
        ...(title === undefined ? {} : { title }),
        ...(timeout === undefined ? {} : { timeout_ms: timeout * 1000 }),
      },
      wait_ms: 0,
      queue: false,
    });
    return taskView.parse(await hearOrder(invocation, body, { async output() {} }));
  });
}

/** Until it ends, its time is over, or nobody waits any more: then it is ended too. */
async function watch(
  begun: TaskView,
  { waitMs, call }: { waitMs: number; call: ToolCall },
): Promise<ToolAnswer> {
  const { invocation, steady } = call;
  const named = { task: begun.id, device: begun.device_id };
  const output = new OutputTail(TEXT_MAX_CHARACTERS);
  try {
    return await askAboutTasks(invocation, async (tasks) => {
      await follow(tasks, { named, waitMs, output, call });
      const { task } = await tasks.task_show(named);
      return answerOf(task, output);
    });
  } catch (thrown) {
    if (invocation.interrupted.aborted) {
      // It may have ended by itself meanwhile.
      await askAboutTasks(steady, (tasks) => tasks.task_cancel(named)).catch(() => {});
      throw thrown;
    }
    throw lostSight(thrown, begun);
  }
}

async function follow(
  tasks: TaskCalls,
  given: { named: { task: string; device: string }; waitMs: number; output: OutputTail; call: ToolCall },
): Promise<void> {
  const { named, waitMs, output, call } = given;
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const timer = call.invocation.surroundings.timers.after(waitMs, () => resolve(undefined));
  try {
    for (let from = 0; ;) {
      call.invocation.interrupted.throwIfAborted();
      const asked = tasks.task_logs({ ...named, from, limit: PAGE_BYTES, wait: true });
      const page = await Promise.race([asked, over]);
      if (page === undefined) {
        // Its answer comes too late for anyone.
        asked.catch(() => {});
        return;
      }
      const bytes = bytesOf(page.pieces);
      output.add(bytes);
      from = page.next;
      if (bytes.length > 0) call.progress(lastLine(textOf(bytes)));
      else if (!page.ended) call.progress("still running");
      if (page.ended && from >= page.end) return;
    }
  } finally {
    timer.cancel();
  }
}

/** That the task can't be watched says nothing of the task. */
function lostSight(thrown: unknown, { id, device }: TaskView): unknown {
  if (!(thrown instanceof MusterError)) return thrown;
  return new MusterError(thrown.code, `task ${id} on ${device} can't be watched: ${thrown.message}`, {
    hint: "it has begun, and may run on: ask for it by show_task",
    cause: thrown,
  });
}

function answerOf(task: TaskView, output: OutputTail | undefined): ToolAnswer {
  const { id, device, title, status, exit_code, signal, reason, started_at, ended_at, logs_bytes } = task;
  const facts = { task: id, device, title, status, exit_code, signal, reason, started_at, ended_at };
  if (output === undefined) return { facts };
  const leftOut = Math.max(0, logs_bytes - output.bytes);
  return {
    facts: {
      ...facts,
      output_bytes: logs_bytes,
      ...(leftOut === 0 ? {} : { output_left_out_bytes: leftOut }),
    },
    text: output.text,
  };
}

function cancelTask(allowed: readonly string[], device: z.ZodString): Tool {
  return tool({
    name: "cancel_task",
    title: "End a task",
    description:
      "Ask all programs of a task to end; five seconds later they are ended. Only on the devices that the person " +
      "allowed.",
    input: z.strictObject({ task: taskInput, device }),
    hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
    async run(given, { invocation }) {
      demandAllowed(allowed, given.device);
      const { task } = await askAboutTasks(invocation, (tasks) => tasks.task_cancel(given));
      return answerOf(task, undefined);
    },
  });
}

function demandAllowed(allowed: readonly string[], device: string): void {
  if (allowed.includes(device)) return;
  throw new MusterError("forbidden", `"${device}" is none of the devices that commands are allowed on`, {
    hint: `allowed: ${allowed.join(", ")}; the person who starts this server may name more with --device`,
  });
}

function lastLine(text: string): string {
  return plainLine(
    text
      .trimEnd()
      .split(/[\r\n]/)
      .at(-1) ?? "",
  ).slice(0, PROGRESS_CHARACTERS);
}
