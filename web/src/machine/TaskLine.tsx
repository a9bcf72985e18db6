// One task on one line, and what it wrote when it is opened.
import type { ReactNode } from "react";
import type { TaskSummary } from "../../../src/protocol/tasks.ts";
import { exact } from "../format/time.ts";
import { LineName, toggleUnlessControl } from "../fleet/LineName.tsx";
import { Age } from "../parts/Age.tsx";
import { CopyButton } from "../parts/CopyButton.tsx";
import { Problem } from "../parts/Problem.tsx";
import { StateMark } from "../parts/StateMark.tsx";
import { useTask } from "../parts/use-task.ts";
import { LogView } from "./LogView.tsx";
import type { MachineTasks, OpenedLog } from "./machine-tasks.ts";
import { isOver, shownTask } from "./task-words.ts";

export interface TaskLineProps {
  task: TaskSummary;
  tasks: MachineTasks;
  /** Its log, where this is the one that is open. */
  log: OpenedLog | null;
  active: boolean;
}

export function TaskLine({ task, tasks, log, active }: TaskLineProps): ReactNode {
  const cancelling = useTask();
  const shown = shownTask(task);
  const toggle = (): void => tasks.open(log === null ? task.id : null);
  return (
    <li className="entry task" data-open={log !== null}>
      <div className="line" onClick={(event) => toggleUnlessControl(event, toggle)}>
        <StateMark state={shown} />
        <LineName name={task.title} open={log !== null} onToggle={toggle} />
        <span className="task-why">
          {shown.reason === null ? null : <span className="reason">{shown.reason}</span>}
        </span>
        <span className="task-age faint numbers">
          <Age at={task.created_at} />
        </span>
      </div>
      {log === null ? null : (
        <div className="task-details">
          <LogView log={log} title={task.title} />
          <div className="actions">
            {isOver(task) ? null : (
              <button
                type="button"
                className="button danger"
                disabled={!active || cancelling.busy}
                onClick={() => cancelling.run(() => tasks.cancel(task.id))}
              >
                {cancelling.busy ? "Cancelling…" : "Cancel"}
              </button>
            )}
            <span className="faint">begun {exact(task.started_at ?? task.created_at)}</span>
            <CopyButton
              className="button quiet mono"
              text={task.id}
              what="id of the task"
              label={task.id.slice(-8)}
            />
            {cancelling.problem === null ? null : (
              <Problem what="It was not cancelled" problem={cancelling.problem} />
            )}
          </div>
        </div>
      )}
    </li>
  );
}
