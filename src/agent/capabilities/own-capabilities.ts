// What every agent does without any plugin: its tasks are listed by query, and a controller's sealed session runs
// programs and shells. The latter two are offered so that others see them; nobody asks for them by capability request.
import type { z } from "zod";
import { MusterError } from "../../protocol/errors.ts";
import { TASK_REQUESTS } from "../../protocol/tasks.ts";
import type { TaskDesk } from "../tasks/task-desk.ts";
import type { CapabilitySource } from "./capability.ts";
import { listedCapability } from "./listed-capability.ts";

/** `exec`: whether this device takes such commands at all. */
export function ownCapabilities(tasks: TaskDesk, exec: "owner" | "off"): CapabilitySource {
  const control =
    exec === "off" ? [] : [listedCapability("exec", "control"), listedCapability("shell", "control")];
  return {
    capabilities: [listedCapability("tasks", "read"), ...control],
    answers: {
      ListTasks: async (params) => tasks.list(read(TASK_REQUESTS.list, params)),
      GetTaskStats: async (params) => {
        read(TASK_REQUESTS.stats, params);
        return tasks.stats();
      },
      SearchTasks: async (params) => tasks.search(read(TASK_REQUESTS.search, params)),
    },
  };
}

function read<Shape extends z.ZodType>(shape: Shape, params: unknown): z.infer<Shape> {
  const found = shape.safeParse(params);
  if (found.success) return found.data;
  const field = found.error.issues[0]?.path.join(".") ?? "";
  throw new MusterError("invalid", `the params do not fit${field === "" ? "" : `: ${field}`}`);
}
