// How a task is told in the list: one of four marks with its word.
import type { TaskSummary } from "../../../src/protocol/tasks.ts";
import type { ShownState } from "../fleet/shown-state.ts";

export function shownTask({ status, exit_code: code, reason }: TaskSummary): ShownState {
  switch (status) {
    case "pending":
      return { mark: "unknown", word: "pending", reason: null };
    case "running":
      return { mark: "live", word: "running", reason: null };
    case "completed":
      return { mark: "live", word: "done", reason: null };
    case "cancelled":
      return { mark: "unknown", word: "cancelled", reason: null };
    case "failed": {
      const why = reason ?? (code === null ? "signal" : `code ${code}`);
      return { mark: "dead", word: "failed", reason: why };
    }
  }
}

export function isOver({ status }: Pick<TaskSummary, "status">): boolean {
  return status !== "pending" && status !== "running";
}
