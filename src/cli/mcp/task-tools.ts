// What an assistant may learn of tasks: what runs and ran, and what it wrote.

import { z } from "zod";
import { TASK_STATUSES } from "../../protocol/task-statuses.ts";
import type { LocalRequest } from "../../protocol/local-api.ts";
import type { FleetAnswer } from "../../protocol/query-gather.ts";
import { TASK_CURSOR } from "../../protocol/task-cursor.ts";
import { TASK_REQUESTS } from "../../protocol/tasks.ts";
import { queryTasks } from "../fleet-queries.ts";
import type { Invocation } from "../invocation.ts";
import { askAboutTasks } from "../task-calls.ts";
import { deviceInput, taskInput } from "./inputs.ts";
import { bytesOf, headOf, textOf } from "./task-output.ts";
import { TEXT_MAX_CHARACTERS } from "./tool-result.ts";
import { READS, tool, UNTRUSTED, type Tool } from "./tool.ts";

/** A page of them fits into one answer. */
const LIST_MAX = 50;
const LIST_USUAL = 20;
const LOG_USUAL_BYTES = 16 * 1024;
/** Only where a log ends. */
const NOTHING = { from: Number.MAX_SAFE_INTEGER, limit: 1, wait: false } as const;

const ofDevice = deviceInput
  .optional()
  .describe("Only of this device; of all that can be asked when absent.");
const where = deviceInput.optional().describe("Where it is; looked for when absent.");
const status = z.enum(TASK_STATUSES).optional().describe("Only those that are so.");
const limit = z.number().int().min(1).max(LIST_MAX).default(LIST_USUAL).describe("At most so many.");

function asked(
  invocation: Invocation,
  { device, ...question }: LocalRequest<"task_query">,
): Promise<FleetAnswer> {
  return queryTasks(invocation, { ...question, ...(device === undefined ? {} : { device }) });
}

const listTasks = tool({
  name: "list_tasks",
  title: "Tasks of the fleet",
  description:
    "List what runs and ran on the devices, the latest change first. A task is a command with a home device; it goes " +
    `on when whoever began it has gone. ${UNTRUSTED}`,
  input: z.strictObject({
    device: ofDevice,
    status,
    limit,
    cursor: z
      .string()
      .regex(TASK_CURSOR)
      .optional()
      .describe("`cursor` of an earlier answer, to go on behind it."),
  }),
  hints: READS,
  async run({ device, ...params }, { invocation }) {
    const { items, cursor = null, ...told } = await asked(invocation, { type: "ListTasks", params, device });
    return { facts: { items, cursor, ...told } };
  },
});

const searchTasks = tool({
  name: "search_tasks",
  title: "Find tasks by words",
  description: `Find tasks whose title, command or description holds all the words, the best match first. ${UNTRUSTED}`,
  input: z.strictObject({
    q: TASK_REQUESTS.search.shape.q.describe("What to look for."),
    device: ofDevice,
    status,
    limit,
  }),
  hints: READS,
  async run({ device, ...params }, { invocation }) {
    return { facts: { ...(await asked(invocation, { type: "SearchTasks", params, device })) } };
  },
});

const taskStats = tool({
  name: "task_stats",
  title: "How many tasks of each status",
  description: "Count the tasks of the devices that can be asked, by status.",
  input: z.strictObject({ device: ofDevice }),
  hints: READS,
  async run({ device }, { invocation }) {
    const { total = {}, ...told } = await asked(invocation, { type: "GetTaskStats", params: {}, device });
    return { facts: { stats: total, ...told } };
  },
});

const showTask = tool({
  name: "show_task",
  title: "One task in full",
  description:
    "Show one task: its command, status, exit code, the reason why it did not simply end, times, and the end of what " +
    `it wrote. ${UNTRUSTED}`,
  input: z.strictObject({ task: taskInput, device: where }),
  hints: READS,
  async run(given, { invocation }) {
    const { task } = await askAboutTasks(invocation, (tasks) => tasks.task_show(given));
    const { logs, ...facts } = task;
    return { facts, text: logs };
  },
});

const readTaskLogs = tool({
  name: "read_task_logs",
  title: "What a task wrote",
  description:
    "Read what a task wrote, both outputs together: its end, or with `from` a page from there on. Go on with `from` = " +
    "`next` until `ended` is true; with `wait` an empty page waits some seconds for more. Positions " +
    `are bytes; what stands before \`start\` is not kept. ${UNTRUSTED}`,
  input: z.strictObject({
    task: taskInput,
    device: where,
    from: z.number().int().min(0).optional().describe("Position of the first byte; its end when absent."),
    max_bytes: z.number().int().min(1).max(TEXT_MAX_CHARACTERS).default(LOG_USUAL_BYTES),
    wait: z.boolean().default(false).describe("With `from`: wait where nothing more is there yet."),
  }),
  hints: READS,
  async run({ task, device, from: asked, max_bytes: limitBytes, wait }, { invocation }) {
    const named = { task, ...(device === undefined ? {} : { device }) };
    return askAboutTasks(invocation, async (tasks) => {
      const from = asked ?? Math.max(0, (await tasks.task_logs({ ...named, ...NOTHING })).end - limitBytes);
      const page = await tasks.task_logs({
        ...named,
        from,
        limit: limitBytes,
        wait: wait && asked !== undefined,
      });
      // It has whole pieces, which may be more than was asked for.
      const all = bytesOf(page.pieces);
      const first = page.next - all.length;
      const bytes = headOf(all, limitBytes);
      const next = first + bytes.length;
      const { start, end } = page;
      const ended = page.ended && next >= end;
      return { facts: { task, from: first, next, start, end, ended }, text: textOf(bytes) };
    });
  },
});

export const TASK_TOOLS: readonly Tool[] = [listTasks, searchTasks, taskStats, showTask, readTaskLogs];
