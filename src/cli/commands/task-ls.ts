// `muster task ls`, `search` and `stats`: tasks of all devices that can be asked, and which could not.

import type { LocalResponse } from "../../protocol/local-api.ts";
import { TASK_STATUSES, type TaskStatus } from "../../protocol/task-statuses.ts";
import type { TaskSummary } from "../../protocol/tasks.ts";
import { ago } from "../durations.ts";
import { printJson, warn, type Invocation } from "../invocation.ts";
import { plainLine } from "../plain-text.ts";
import { tableLines, type Cell } from "../table.ts";
import { askAboutTasks } from "../task-calls.ts";
import { shortTask, taskState } from "../task-text.ts";

interface FleetFlags {
  device?: string | undefined;
  strict?: true | undefined;
  json?: true | undefined;
}

interface ListFlags extends FleetFlags {
  status?: TaskStatus | undefined;
  limit?: number | undefined;
}

type Completeness = Pick<LocalResponse<"task_stats">, "answered" | "timed_out" | "failed" | "offline">;

const USUAL_LIMIT = 50;

export async function taskLs(
  invocation: Invocation,
  flags: ListFlags & { cursor?: string | undefined },
): Promise<number> {
  const { cursor, limit = USUAL_LIMIT } = flags;
  const page = await askAboutTasks(invocation, (tasks) =>
    tasks.task_list({ ...asked(flags), limit, ...(cursor === undefined ? {} : { cursor }) }),
  );
  return showPage(invocation, page, flags);
}

export async function taskSearch(invocation: Invocation, words: string, flags: ListFlags): Promise<number> {
  const { limit = USUAL_LIMIT } = flags;
  const page = await askAboutTasks(invocation, (tasks) =>
    tasks.task_search({ ...asked(flags), q: words, limit }),
  );
  return showPage(invocation, page, flags);
}

export async function taskStats(invocation: Invocation, flags: FleetFlags): Promise<number> {
  const { device } = flags;
  const told = await askAboutTasks(invocation, (tasks) =>
    tasks.task_stats(device === undefined ? {} : { device }),
  );
  if (flags.json === true) printJson(invocation, told);
  else {
    const rows = TASK_STATUSES.map((status): Cell[] => [
      { text: status, style: "dim" },
      { text: String(told.stats[status]) },
    ]);
    for (const line of tableLines(invocation.out, rows)) invocation.out.line(line);
    tellMissing(invocation, told);
  }
  return exitCode(told, flags);
}

function asked({ device, status }: ListFlags) {
  return { ...(device === undefined ? {} : { device }), ...(status === undefined ? {} : { status }) };
}

function showPage(invocation: Invocation, page: LocalResponse<"task_list">, flags: ListFlags): number {
  if (flags.json === true) printJson(invocation, page);
  else {
    const { out, surroundings } = invocation;
    const now = surroundings.clock.now();
    if (page.items.length === 0) {
      out.line(
        missing(page) === 0 ? "There are no tasks." : "No task is known of the devices that answered.",
      );
    }
    const rows = page.items.map((task) => row(task, now));
    const headings = ["TASK", "DEVICE", "STATE", "CHANGED", "TITLE"];
    if (rows.length > 0) {
      for (const line of tableLines(out, rows, { headings, shorten: [3] })) out.line(line);
    }
    if (page.cursor !== null) out.line(`There are more: muster task ls --cursor ${plainLine(page.cursor)}`);
    tellMissing(invocation, page);
  }
  return exitCode(page, flags);
}

function row(task: TaskSummary, now: number): Cell[] {
  const { text, style } = taskState(task);
  const changed = ago(task.updated_at, now);
  return [
    { text: shortTask(task.id) },
    { text: task.device },
    { text, ...(style === undefined ? {} : { style }) },
    { text: changed, short: changed.replace(" ago", ""), style: "dim" },
    { text: task.title },
  ];
}

function tellMissing(invocation: Invocation, { timed_out: late, failed, offline }: Completeness): void {
  const now = invocation.surroundings.clock.now();
  for (const name of late) warn(invocation, `${plainLine(name)} did not answer in time`);
  for (const [name, why] of Object.entries(failed)) warn(invocation, `${plainLine(name)}: ${plainLine(why)}`);
  for (const [name, seen] of Object.entries(offline)) {
    warn(
      invocation,
      `${plainLine(name)} is offline, ${seen === null ? "never seen" : `last seen ${ago(seen, now)}`}`,
    );
  }
}

function missing({ timed_out: late, failed, offline }: Completeness): number {
  return late.length + Object.keys(failed).length + Object.keys(offline).length;
}

function exitCode(told: Completeness, { strict }: FleetFlags): number {
  return strict === true && missing(told) > 0 ? 1 : 0;
}
