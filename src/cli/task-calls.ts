// What the commands ask about one task: of the agent of this home, else by this home's controller key over the hub.

import type { Invocation } from "./invocation.ts";
import { askAgentOrHub } from "./overview.ts";
import type { TaskCalls } from "./hub-session.ts";

export function askAboutTasks<Result>(
  invocation: Invocation,
  ask: (tasks: TaskCalls) => Promise<Result>,
): Promise<Result> {
  return askAgentOrHub(invocation, {
    agent: (agent) =>
      ask({
        task_show: (request) => agent.call("task_show", request),
        task_logs: (request) => agent.call("task_logs", request),
        task_cancel: (request) => agent.call("task_cancel", request),
        task_remove: (request) => agent.call("task_remove", request),
      }),
    hub: async (session) => ask(await session.tasks()),
  });
}
