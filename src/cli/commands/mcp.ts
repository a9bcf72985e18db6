// `muster mcp`: the fleet as tools of a coding assistant, which starts this program and speaks to it.

import { MusterError } from "../../protocol/errors.ts";
import type { Invocation } from "../invocation.ts";
import { FLEET_TOOLS } from "../mcp/fleet-tools.ts";
import { runTools } from "../mcp/run-tools.ts";
import { serveMcp } from "../mcp/serve.ts";
import { TASK_TOOLS } from "../mcp/task-tools.ts";

export interface McpFlags {
  allow?: "run" | undefined;
  device?: string[] | undefined;
}

const READ_ONLY =
  "Nothing can be changed or run from here: the person who starts this server may allow commands, by " +
  "`muster mcp --allow run --device NAME`.";

export async function mcp(invocation: Invocation, { allow, device: devices }: McpFlags): Promise<void> {
  if (allow === undefined && devices !== undefined) {
    throw new MusterError("usage", "--device says where commands may run, and none may", {
      hint: "allow them with --allow run, or leave --device out",
    });
  }
  if (allow === "run" && devices === undefined) {
    throw new MusterError("usage", "--allow run needs the devices that commands may run on", {
      hint: "name each: muster mcp --allow run --device pi",
    });
  }
  if (invocation.surroundings.stdin.isTerminal) {
    invocation.err.prose(
      "This speaks the Model Context Protocol with the program that starts it, not with a person. Ctrl-C ends it.",
    );
  }
  const reading = [...FLEET_TOOLS, ...TASK_TOOLS];
  if (devices === undefined) await serveMcp(invocation, { tools: reading, mayChange: READ_ONLY });
  else {
    const mayChange = `Commands may run on these devices: ${devices.join(", ")}.`;
    await serveMcp(invocation, { tools: [...reading, ...runTools(devices)], mayChange });
  }
}
