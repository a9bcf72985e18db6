// What waits here for a device that is away, as parts of that device's own answers: it is nobody else's to tell.
import { isBehind } from "../../protocol/task-cursor.ts";
import { TASK_STATUSES } from "../../protocol/task-statuses.ts";
import { TASK_REQUESTS, type TaskRequest, type TaskStats, type TaskView } from "../../protocol/tasks.ts";

export interface QueuedPart {
  device: string;
  data: object;
}

/** `params` fit the type. */
export function queuedParts(
  type: "ListTasks" | "SearchTasks" | "GetTaskStats",
  queued: readonly TaskView[],
  params: unknown,
): QueuedPart[] {
  switch (type) {
    case "ListTasks":
      return listed(queued, TASK_REQUESTS.list.parse(params));
    case "SearchTasks":
      return searched(queued, TASK_REQUESTS.search.parse(params));
    case "GetTaskStats":
      return counted(queued);
  }
}

function listed(queued: readonly TaskView[], { status, cursor, limit }: TaskRequest<"list">): QueuedPart[] {
  return queued
    .filter((task) => (status === undefined || status === task.status) && isBehind(task, cursor))
    .slice(0, limit)
    .map((task) => ({ device: task.device, data: { items: [task] } }));
}

/** As a device's own search finds tasks: all words, of which one in the title counts twice one elsewhere. */
function searched(queued: readonly TaskView[], { q, status, limit }: TaskRequest<"search">): QueuedPart[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return queued
    .filter((task) => status === undefined || status === task.status)
    .flatMap((task) => {
      const title = task.title.toLowerCase();
      const all = [title, task.description ?? "", ...(task.command ?? [])].join("\n").toLowerCase();
      if (!words.every((word) => all.includes(word))) return [];
      const inTitle = words.filter((word) => title.includes(word)).length;
      const rank = words.length === 0 ? 0 : (words.length + inTitle) / (2 * words.length);
      return [{ device: task.device, data: { items: [{ ...task, rank }] } }];
    })
    .slice(0, limit);
}

function counted(queued: readonly TaskView[]): QueuedPart[] {
  return [...Map.groupBy(queued, ({ device }) => device)].map(([device, tasks]) => {
    const none: TaskStats = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
    const stats = TASK_STATUSES.reduce(
      (sums, status) => ({ ...sums, [status]: tasks.filter((task) => task.status === status).length }),
      none,
    );
    return { device, data: { stats } };
  });
}
