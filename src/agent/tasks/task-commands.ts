// What a controller may ask of this device's tasks in a sealed session, one short command each.
import type { SealedRequest } from "../../protocol/command-messages.ts";
import type { TaskAct } from "../../protocol/tasks.ts";
import type { CommandKind } from "../exec/command-kind.ts";
import type { TaskDesk } from "./task-desk.ts";

type TaskCommands = { [Act in TaskAct as `task.${Act}`]: CommandKind<SealedRequest<`task.${Act}`>> };

export function taskCommands(desk: TaskDesk): TaskCommands {
  return {
    "task.list": reading((request) => desk.list(request)),
    "task.search": reading((request) => desk.search(request)),
    "task.stats": reading(() => desk.stats()),
    "task.show": reading((request) => desk.show(request)),
    "task.logs": reading((request) => desk.logs(request)),
    "task.cancel": short((request) => desk.cancel(request)),
    "task.remove": short((request) => desk.remove(request)),
  };
}

/** What changes nothing needs no record of its own, and may be asked as often as one likes. */
function reading<Request>(answer: (request: Request) => Promise<object>): CommandKind<Request> {
  return { ...short(answer), record: "none" };
}

function short<Request>(answer: (request: Request) => Promise<object>): CommandKind<Request> {
  return {
    record: "session",
    async start(request) {
      return {
        facts: {},
        outcome: answer(request).then((result) => ({ result: { ...result } })),
        input() {},
        message() {},
        drain() {},
        left() {},
        revoke() {},
      };
    },
  };
}
