// The command `exec`: a task of this device, its output as it comes. Its order is stored in the statement that accepts
// the task. It runs on when its session is cut, and the same command in a later session sees the rest, or how it ended.
import { CHANNEL, type SealedRequest } from "../../protocol/command-messages.ts";
import { MusterError } from "../../protocol/errors.ts";
import type { Clock, Random } from "../../world/world.ts";
import { isTaskId, newTaskId } from "../tasks/task-id.ts";
import type { Tasks } from "../tasks/open-tasks.ts";
import type { TaskWatcher } from "../tasks/task-runner.ts";
import { isOver, titleOf, type NewTask, type TaskOrder } from "../tasks/task.ts";
import type { CommandKind, CommandPeer } from "./command-kind.ts";

export interface ExecParts {
  tasks: Pick<Tasks, "runner" | "desk">;
  clock: Clock;
  random: Pick<Random, "bytes">;
}

export function execCommand({ tasks, clock, random }: ExecParts): CommandKind<SealedRequest<"exec">> {
  const { runner, desk } = tasks;
  return {
    record: "own",
    async start(request, { peer, name }) {
      const watcher = request.detach === true ? undefined : watcherOf(peer);
      const id = isTaskId(name.commandId) ? name.commandId : newTaskId(clock, random);
      const taken = await runner.accept(newTask(id, request, name), watcher);
      if (taken.state === "reused") {
        throw new MusterError("conflict", "this command id was used for another command");
      }
      const { task } = taken;
      if (task === undefined) throw new MusterError("not_found", "the task of this command was removed");
      if (taken.state === "known" && watcher !== undefined) runner.watch(task.id, watcher);
      const ended = request.detach === true ? Promise.resolve(task) : runner.outcome(task);
      return {
        repeated: taken.state === "new" ? undefined : isOver(task.status) ? "over" : "running",
        facts: { task: task.id, status: task.status, held_back: runner.isHeldBack(task.id) },
        outcome: ended.then(async (now) => ({ result: { ...(await desk.view(now)) } })),
        input: (bytes) => runner.input(task.id, bytes),
        message(message) {
          if (message.type === "input_end") runner.endInput(task.id);
          // The first asks; who asks so is done with it.
          else if (message.type === "signal" && message.name === "TERM") runner.cancel(task.id);
          else if (message.type === "signal") runner.signal(task.id, message.name);
        },
        drain: () => runner.resume(task.id),
        left() {
          if (watcher === undefined) return;
          // What was on its way is lost: a later session that went on would leave a gap in it.
          runner.endInput(task.id);
          runner.unwatch(task.id, watcher);
        },
        revoke: () => watcher !== undefined && runner.cancel(task.id),
      };
    },
  };
}

function newTask(id: string, request: SealedRequest<"exec">, order: TaskOrder): NewTask {
  const { argv, script, cwd, environment, timeout_ms: timeoutMs, stdin, title, description } = request;
  if ((argv === undefined) === (script === undefined)) {
    throw new MusterError("bad_request", "a command is either a program or a script");
  }
  return {
    id,
    title: title ?? titleOf(request),
    description: description ?? null,
    command: argv ?? ["/bin/sh", "-c", script ?? ""],
    input: {
      cwd: cwd ?? null,
      // Their values may be secrets.
      environment: Object.keys(environment ?? {}),
      timeout_ms: timeoutMs ?? null,
      stdin,
    },
    request,
    order,
  };
}

function watcherOf(peer: CommandPeer): TaskWatcher {
  return {
    started() {},
    output: (from, bytes) => peer.send(from === "stdout" ? CHANNEL.output : CHANNEL.errors, bytes),
    inputTaken: (bytes) => peer.inputTaken(bytes),
  };
}
