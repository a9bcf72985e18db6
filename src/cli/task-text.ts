// How a task is told to a person: a short id, and one word of how it is.

import type { TaskSummary } from "../protocol/tasks.ts";
import type { Style } from "./terminal.ts";

/** The end of an id is what tells tasks of one minute apart. */
const SHORT = 8;
/** The whole of it is in `muster task show`. */
const WHY_MAX = 24;

export function shortTask(id: string): string {
  return id.slice(-SHORT);
}

export function taskState(task: Pick<TaskSummary, "status" | "exit_code" | "reason" | "queued">): {
  text: string;
  style?: Style;
} {
  const { status, exit_code: code, reason, queued } = task;
  switch (status) {
    case "pending":
      return { text: queued === true ? "queued here" : "pending", style: "yellow" };
    case "running":
      return { text: "running", style: "green" };
    case "completed":
      return { text: "completed" };
    case "cancelled":
      return { text: "cancelled", style: "dim" };
    case "failed": {
      const why = code !== null && reason === null ? `code ${code}` : (reason ?? "signal");
      return {
        text: `failed: ${why.length > WHY_MAX ? `${why.slice(0, WHY_MAX - 1)}…` : why}`,
        style: "red",
      };
    }
  }
}
