// The tasks of the fake agent's fleet: enough to show every state.
import { MusterError } from "../../protocol/errors.ts";
import type { LocalRequest } from "../../protocol/local-api.ts";
import type { QueryReply } from "../../protocol/query-messages.ts";
import type { TaskStats, TaskSummary, TaskView } from "../../protocol/tasks.ts";

const AT = "2026-11-20T06:09:38.000Z";

function summary(change: Partial<TaskSummary>): TaskSummary {
  return {
    id: "01936f7a-1111-7000-8000-0000000000aa",
    device: "laptop",
    device_id: "laptop-id",
    title: "uptime",
    status: "completed",
    exit_code: 0,
    reason: null,
    created_at: AT,
    updated_at: AT,
    started_at: AT,
    ended_at: AT,
    ...change,
  };
}

const unended = { exit_code: null, ended_at: null } as const;

const TASKS: readonly TaskSummary[] = [
  summary({
    ...unended,
    id: "01936f7a-4444-7000-8000-0000000000dd",
    device: "pi",
    status: "running",
    title: "./train.sh --epochs 90 --data /srv/pictures/of/everything --out model.bin",
  }),
  summary({
    ...unended,
    id: "01936f7a-3333-7000-8000-0000000000cc",
    device: "away",
    status: "pending",
    queued: true,
    started_at: null,
    title: "backup",
  }),
  summary({
    id: "01936f7a-2222-7000-8000-0000000000bb",
    device: "pi",
    status: "failed",
    exit_code: 2,
    title: "ls \u001b[31m/none",
  }),
  summary({}),
];

/** Two devices answer, one keeps an order here while it is away, one is slow, one is too old. */
export function taskAnswers({ type, params, device }: LocalRequest<"task_query">): QueryReply[] {
  const query_id = "019ab000-0000-7000-8000-000000000002";
  const { status, q } = params;
  const wanted = TASKS.filter(
    (task) =>
      (status === undefined || task.status === status) && (typeof q !== "string" || task.title.includes(q)),
  );
  const part = (name: string, isFinal = true): QueryReply => {
    const items = wanted.filter((task) => task.device === name);
    const data =
      type === "GetTaskStats"
        ? { stats: countOf(items) }
        : { items: items.map((item) => ({ ...item, rank: 1 })) };
    const text = JSON.stringify({ cursor: null, ...data });
    return { type: "aggregate_query_part", query_id, from_device: name, data: text, is_final: isFinal };
  };
  const isAll = device === undefined && q === undefined;
  const names = device === undefined ? ["laptop", "pi"] : [device];
  return [
    {
      type: "aggregate_query_expected",
      query_id,
      expected: [...names, ...(isAll ? ["slow", "old"] : [])].map((name) => ({ id: `${name}-id`, name })),
    },
    ...(type === "ListTasks" ? [part("away", false)] : []),
    ...names.map((name) => part(name)),
    {
      type: "aggregate_query_done",
      query_id,
      answered: names,
      timed_out: isAll ? ["slow"] : [],
      failed: isAll ? { old: 'this device knows no command "task.list"' } : {},
      offline: isAll ? { away: "2026-11-20T05:00:00.000Z", never: null } : {},
    },
  ];
}

function countOf(tasks: readonly TaskSummary[]): TaskStats {
  const stats: TaskStats = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const { status } of tasks) stats[status] += 1;
  return stats;
}

function found(reference: string): TaskView {
  const task = TASKS.find(({ id }) => id.endsWith(reference) || id.startsWith(reference));
  if (task === undefined) {
    throw new MusterError("not_found", `no device that answered has a task ${reference}`, {
      hint: "not heard of: away",
    });
  }
  return {
    ...task,
    description: null,
    command: ["ls", "/none"],
    input: { cwd: null, environment: [], timeout_ms: null, stdin: true },
    output: null,
    signal: null,
    logs: "ls: cannot access '/none'\n\u001b[2J",
    logs_truncated: false,
    logs_bytes: 30,
  };
}

interface One {
  task: string;
}

export const FAKE_TASKS = {
  task_show: (_: unknown, { task }: One) => ({ task: found(task) }),
  task_logs: (_: unknown, { task, from }: One & { from: number }) => {
    const bytes = Buffer.from(found(task).logs).toString("base64url");
    const end = 30;
    return { pieces: from < end ? [{ from: "stdout", bytes }] : [], next: end, start: 0, end, ended: true };
  },
  task_cancel: (_: unknown, { task }: One) => ({
    task: { ...found(task), status: "cancelled", reason: "cancelled" },
  }),
  task_remove: (_: unknown, { task }: One) => ({ id: found(task).id, device: found(task).device }),
};
