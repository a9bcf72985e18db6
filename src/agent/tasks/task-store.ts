// Where a device keeps its tasks. The rule of every implementation: what a call resolved with is durable, a status
// changes only as the table in task.ts says, and nothing of another device is ever seen.
import type { TaskStatus } from "../../protocol/task-statuses.ts";
import type { TaskStats } from "../../protocol/tasks.ts";
import type { NewTask, Task, TaskChange, TaskOrder } from "./task.ts";

export type Creation =
  | { state: "new"; task: Task }
  /** This very order was taken before. Its task is undefined once it was deleted. */
  | { state: "known"; task: Task | undefined }
  /** The order's id stands for another order. */
  | { state: "reused" };

export interface TaskFilter {
  status?: TaskStatus;
  /** At most so many. */
  limit: number;
}

export interface TaskStore {
  /** One statement decides whether the order is new. */
  create(task: NewTask, nowMs: number): Promise<Creation>;
  get(id: string): Promise<Task | undefined>;
  /** What this order became; undefined where it was never taken. */
  ofOrder(order: Pick<TaskOrder, "signer" | "commandId">): Promise<Task | undefined>;
  /** By id, or the beginning or end of one: at most two, to know that there is more than one. */
  find(reference: string): Promise<Task[]>;
  /** The latest change first. `cursor` is the last page's; what changed since may show again, or later. */
  list(filter: TaskFilter, cursor?: string | null): Promise<{ items: Task[]; cursor: string | null }>;
  /** Those that may have begun, or are to begin, the oldest first. */
  unfinished(limit: number): Promise<Task[]>;
  /** All words have to be there. The best first. */
  search(words: string, filter: TaskFilter): Promise<{ task: Task; rank: number }[]>;
  /** Undefined where the change is not legal, or the start's number is another by now. */
  update(task: Pick<Task, "id" | "launch">, change: TaskChange, nowMs: number): Promise<Task | undefined>;
  /** False where there is none, or it is not over. Its order is remembered. */
  delete(id: string, nowMs: number): Promise<boolean>;
  /** It still waits to be started, in just this start. */
  canRun(task: Pick<Task, "id" | "launch">): Promise<boolean>;
  stats(): Promise<TaskStats>;
  /** Of those that ended before: the oldest beyond the newest `keep`. */
  surplus(keep: number): Promise<Task[]>;
  /** Forgets orders of deleted tasks from before. */
  forget(beforeMs: number): Promise<void>;
}
