// The tasks of the fake agent's fleet: enough to show every state.
import { MusterError } from "../../protocol/errors.ts";
import type { TaskSummary, TaskView } from "../../protocol/tasks.ts";

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

const COMPLETENESS = {
  answered: ["laptop", "pi"],
  timed_out: ["slow"],
  failed: { old: 'this device knows no command "task.list"' },
  offline: { away: "2026-11-20T05:00:00.000Z", never: null },
};

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
  task_list: (_: unknown, { status }: { status?: string }) => ({
    items: TASKS.filter((task) => status === undefined || task.status === status),
    cursor: null,
    ...COMPLETENESS,
  }),
  task_search: (_: unknown, { q }: { q: string }) => ({
    items: TASKS.filter(({ title }) => title.includes(q)).map((task) => ({ ...task, rank: 1 })),
    cursor: null,
    answered: ["laptop", "pi"],
    timed_out: [],
    failed: {},
    offline: {},
  }),
  task_stats: () => ({
    stats: { pending: 1, running: 1, completed: 1, failed: 1, cancelled: 0 },
    ...COMPLETENESS,
  }),
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
