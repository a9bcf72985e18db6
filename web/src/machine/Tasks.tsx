// What a device runs and ran: a box to run more, the list, and the log of the one that is open.
import { useState, useSyncExternalStore, type FormEvent, type ReactNode } from "react";
import type { TaskSummary } from "../../../src/protocol/tasks.ts";
import type { DeviceView } from "../../../src/protocol/views.ts";
import { Problem } from "../parts/Problem.tsx";
import { useTask } from "../parts/use-task.ts";
import { TASKS_SHOWN, type MachineTasks } from "./machine-tasks.ts";
import { TaskLine } from "./TaskLine.tsx";
import { useMachineTasks } from "./use-machine-tasks.ts";

export interface TasksProps {
  device: DeviceView;
  /** It can be asked now. */
  active: boolean;
}

export function Tasks({ device, active }: TasksProps): ReactNode {
  const tasks = useMachineTasks(device, active);
  return (
    <section className="machine-part" aria-labelledby="tasks">
      <h2 id="tasks">Tasks</h2>
      <RunBox device={device} tasks={tasks} active={active} />
      <TaskList device={device} tasks={tasks} active={active} />
    </section>
  );
}

interface PartProps extends TasksProps {
  tasks: MachineTasks;
}

function RunBox({ device, tasks, active }: PartProps): ReactNode {
  const [script, setScript] = useState("");
  const task = useTask();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!active || script.trim() === "") return;
    task.run(async () => {
      await tasks.run(script);
      setScript("");
    });
  };
  return (
    <form className="run" onSubmit={submit}>
      <div className="run-line">
        <input
          className="input mono"
          placeholder="A command, as in a shell"
          aria-label={`Command to run on ${device.name}`}
          autoComplete="off"
          autoCapitalize="off"
          autoCorrect="off"
          spellCheck={false}
          enterKeyHint="go"
          maxLength={8192}
          value={script}
          onChange={(event) => setScript(event.target.value)}
        />
        <button
          type="submit"
          className="button primary"
          disabled={!active || task.busy || script.trim() === ""}
        >
          {task.busy ? "Running…" : "Run"}
        </button>
      </div>
      {task.problem === null ? null : <Problem what="It was not run" problem={task.problem} />}
    </form>
  );
}

function TaskList({ device, tasks, active }: PartProps): ReactNode {
  const { store } = tasks;
  const { tasks: list, problem, log, opened } = useSyncExternalStore(store.subscribe, store.get);
  if (list === null) {
    if (problem !== null) return <Problem what={`${device.name} did not tell its tasks`} problem={problem} />;
    return active ? <p className="nothing faint">Asking {device.name}…</p> : null;
  }
  const older = opened !== null && !list.some(({ id }) => id === opened.id) ? [opened] : [];
  const isMissing = log?.at === "failed" && opened?.id !== log.task;
  return (
    <>
      {isMissing && log.problem !== null ? (
        <Problem what="The task of this address is not there" problem={log.problem} />
      ) : null}
      {problem === null || !active ? null : (
        <Problem what="This list is not what it is now" problem={problem} />
      )}
      {list.length === 0 && older.length === 0 ? (
        <p className="nothing faint">
          Nothing has run on {device.name} yet. A task goes on when this page is closed; its log is kept
          there.
        </p>
      ) : (
        <ul className="tasks" aria-label={`Tasks of ${device.name}`}>
          {[...older, ...list].map((task: TaskSummary) => (
            <TaskLine
              key={task.id}
              task={task}
              tasks={tasks}
              active={active}
              log={log?.task === task.id ? log : null}
            />
          ))}
        </ul>
      )}
      {list.length < TASKS_SHOWN ? null : (
        <p className="faint">The last {TASKS_SHOWN} are shown; the search finds the others.</p>
      )}
    </>
  );
}
