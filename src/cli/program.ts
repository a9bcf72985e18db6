// The tree of commands: names, arguments, options and help, and nothing of what they do. The work is imported
// when a command runs, so that help and completion load only the parser.

import { Command, Option, type Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Choose } from "./choose.ts";
import { addCapabilityCommands } from "./define-capabilities.ts";
import { addKeyCommands } from "./define-keys.ts";
import { addFleetCommands } from "./define-fleet.ts";
import { addOrderCommands } from "./define-orders.ts";
import { addMachineCommands } from "./define-machine.ts";
import { addMcpCommand } from "./define-mcp.ts";
import { addPeerCommands } from "./define-peers.ts";
import { addServiceCommands } from "./define-service.ts";
import { addShareCommands } from "./define-shares.ts";
import { addTaskCommands } from "./define-tasks.ts";
import { addToolCommands } from "./define-tools.ts";
import type { Surroundings } from "./surroundings.ts";
import { createTerminal } from "./terminal.ts";

/** Wider help is harder to read, not easier. */
const HELP_COLUMNS = 80;

const GETTING_STARTED = `
Examples:
  muster start                         start this machine, with a hub of its own
  muster add ./site                    publish a folder
  muster add 3000 --public             publish the app on port 3000 to everyone
  muster status                        is all well, and if not, what is not

\`muster COMMAND --help\` tells more about each.`;

export function makeProgram(
  surroundings: Pick<Surroundings, "version" | ProgramOutputs>,
  choose: Choose,
): Command {
  const { stdout, environment, stringWidth } = surroundings;
  const terminal = createTerminal(stdout, environment, stringWidth);
  const program = new Command("muster")
    .description("Every machine you own or rent, as one fleet.")
    .version(`muster ${surroundings.version}`, "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => Math.min(terminal.columns, HELP_COLUMNS),
      getOutHasColors: () => true, // the terminal's own style decides
    })
    .configureHelp({
      styleTitle: (title) => terminal.style("bold", title),
      // Nearly every command has options; saying so at each only makes the list wider.
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" "),
    })
    .exitOverride()
    .addHelpText("after", GETTING_STARTED);
  addMachineCommands(program, choose);
  addServiceCommands(program, choose);
  addShareCommands(program, choose);
  addFleetCommands(program, choose);
  addOrderCommands(program, choose);
  addTaskCommands(program, choose);
  addCapabilityCommands(program, choose);
  addMcpCommand(program, choose);
  addPeerCommands(program, choose);
  addKeyCommands(program, choose);
  addToolCommands(program, choose);
  acceptVerbose(program);
  return program;
}

/** `-v` may stand anywhere; only the program's own help tells of it. */
function acceptVerbose(command: CommandUnknownOpts): void {
  const option = new Option("-v, --verbose", "tell on standard error what is done");
  command.addOption(command.parent === null ? option : option.hideHelp());
  for (const inner of command.commands) acceptVerbose(inner);
}

function argumentTerm(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

type ProgramOutputs = "stdout" | "environment" | "stringWidth";
