// The words for how a task is. Apart from the shapes, because the command line offers them before it loads anything.

export const TASK_STATUSES = ["pending", "running", "completed", "failed", "cancelled"] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];
