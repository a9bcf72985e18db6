// The command that offers the fleet to a coding assistant.

import { Option, type Command } from "@commander-js/extra-typings";
import { collectReference } from "./option-values.ts";
import type { Choose } from "./choose.ts";

/** What runs on a device for a client that left is ended first. */
const ENDS_WITHIN_MS = 10_000;

export function addMcpCommand(program: Command, choose: Choose): void {
  program
    .command("mcp")
    .summary("the fleet as tools of a coding assistant")
    .description(
      "Serve the Model Context Protocol on standard input and output, for a coding assistant that starts this " +
        "program: devices, tasks, queries and capabilities as tools. It only reads, unless commands are allowed, on " +
        "the devices that are named.",
    )
    .addOption(new Option("--allow <what>", "let it run commands").choices(["run"] as const))
    .option("-d, --device <device...>", "with --allow run: only on these", collectReference)
    .addHelpText(
      "after",
      "\nExamples:\n  muster mcp\n  muster mcp --allow run --device pi nas\n\nIn the configuration of the assistant:\n" +
        '  {"mcpServers": {"muster": {"command": "muster", "args": ["mcp"]}}}',
    )
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/mcp.ts")).mcp(invocation, options),
        endsWithinMs: ENDS_WITHIN_MS,
      });
    });
}
