// What a task is to the device that runs it, and which change of its status is legal: one table, which the store
// keeps to in every statement.
import type { SealedRequest } from "../../protocol/command-messages.ts";
import { shellWord } from "../../protocol/shell-word.ts";
import { TASK_STATUSES, type TaskStatus } from "../../protocol/task-statuses.ts";

/** What each status may become. */
export const TASK_CHANGES: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  pending: ["running", "failed", "cancelled"],
  running: ["completed", "failed", "cancelled"],
  completed: [],
  failed: [],
  cancelled: [],
};

export function mayChange(from: TaskStatus, to: TaskStatus): boolean {
  return TASK_CHANGES[from].includes(to);
}

/** What may become this. */
export function changesTo(to: TaskStatus): TaskStatus[] {
  return TASK_STATUSES.filter((from) => mayChange(from, to));
}

export function isOver(status: TaskStatus): boolean {
  return TASK_CHANGES[status].length === 0;
}

export type TaskCommand = SealedRequest<"exec">;

/** Moments are milliseconds since the epoch. */
export interface Task {
  id: string;
  title: string;
  description: string | null;
  status: TaskStatus;
  command: string[] | null;
  input: Record<string, unknown>;
  output: unknown;
  exitCode: number | null;
  signal: string | null;
  reason: string | null;
  createdAt: number;
  updatedAt: number;
  startedAt: number | null;
  endedAt: number | null;
  /** What is to be run, environment included: for the runner alone. */
  request: TaskCommand;
  /** How often its start was begun: 0 before the first. Each has a folder of its own. */
  launch: number;
}

/** Who ordered it, and under which id: the same again is the same task. */
export interface TaskOrder {
  signer: string;
  commandId: string;
  /** SHA-256 of kind and request. */
  digest: Uint8Array;
}

export type NewTask = Pick<Task, "id" | "title" | "description" | "command" | "input" | "request"> & {
  order: TaskOrder;
};

/** What changes while it lives. */
export type TaskChange = Partial<
  Pick<Task, "status" | "output" | "exitCode" | "signal" | "reason" | "startedAt" | "endedAt" | "launch">
>;

/** Text that stands for a command where there is one line for it. */
export function titleOf({ argv, script }: TaskCommand): string {
  const text = argv?.map(shellWord).join(" ") ?? script ?? "";
  const line = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return line.length > TITLE_MAX ? `${line.slice(0, TITLE_MAX - 1)}…` : line || "(nothing)";
}

const TITLE_MAX = 120;
