// What may stand at the end of a command line, read off the tree of commands itself.

import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";

export interface Candidate {
  value: string;
  description: string;
}

/**
 * Candidates, or what kind of thing belongs there: a path, a share or an app of this device, a device, a task,
 * DEVICE/SERVICE, a query, what devices offer.
 */
export type Completion =
  | Candidate[]
  | "files"
  | "share"
  | "app"
  | "device"
  | "task"
  | "service"
  | "query"
  | "protocol";

/** First arguments that are no free text, by command. */
const ARGUMENTS: Readonly<Record<string, Completion>> = {
  "muster start": "app",
  "muster stop": "app",
  "muster logs": "app",
  "muster rm": "share",
  "muster add": "files",
  "muster device show": "device",
  "muster device rename": "device",
  "muster device remove": "device",
  "muster device approve": "device",
  "muster device rotate": "device",
  "muster device unshare": "device",
  "muster grant": "device",
  "muster query": "query",
  "muster call": "protocol",
  "muster shell": "device",
  "muster why": "device",
  "muster forward": "service",
  "muster task show": "task",
  "muster task logs": "task",
  "muster task cancel": "task",
  "muster task rm": "task",
  "muster device promote": "device",
  "muster hub handover": "device",
};

const FILE_OPTIONS: ReadonlySet<string> = new Set(["cert", "key", "ca", "config", "file"]);
const DEVICE_OPTIONS: ReadonlySet<string> = new Set(["device", "only", "prefer", "share"]);
const PROTOCOL_OPTIONS: ReadonlySet<string> = new Set(["on", "capability", "disableCapability"]);

/** `words` are those after `muster`; the last one is being typed and may be empty. */
export function candidatesFor(program: CommandUnknownOpts, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? "";
  if (words[0] === "help" && words.length > 1) return commandsUnder(program, words.slice(1, -1));
  let command = program;
  let taken = 0;
  let pending: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (word === "--") return "files";
    const wasValue = pending !== undefined;
    pending = undefined;
    if (wasValue) continue;
    if (word.startsWith("-")) {
      pending = command.options.find(
        (option) => option.required && (option.short === word || option.long === word),
      );
      continue;
    }
    const inner = taken === 0 ? visibleCommands(command).find((sub) => sub.name() === word) : undefined;
    if (inner === undefined) taken += 1;
    else command = inner;
  }
  if (pending !== undefined) return optionValues(pending);
  if (typed.startsWith("-")) return optionsOf(command);
  return argumentsOf(command, taken);
}

function optionValues(option: Option): Completion {
  if (FILE_OPTIONS.has(option.attributeName())) return "files";
  if (DEVICE_OPTIONS.has(option.attributeName())) return "device";
  if (PROTOCOL_OPTIONS.has(option.attributeName())) return "protocol";
  return (option.argChoices ?? []).map((value) => ({ value, description: "" }));
}

function optionsOf(command: CommandUnknownOpts): Candidate[] {
  const visible = command.createHelp().visibleOptions(command);
  return visible.flatMap((option) => {
    return option.long == null ? [] : [{ value: option.long, description: option.description }];
  });
}

function argumentsOf(command: CommandUnknownOpts, taken: number): Completion {
  if (taken > 0) return [];
  const subcommands = subcommandsOf(command);
  const first = command.registeredArguments[0];
  const choices = (first?.argChoices ?? []).map((value) => ({ value, description: "" }));
  if (subcommands.length + choices.length > 0) return [...subcommands, ...choices];
  return ARGUMENTS[pathOf(command)] ?? [];
}

/** What `help` may go on with. */
function commandsUnder(program: CommandUnknownOpts, words: readonly string[]): Candidate[] {
  let command: CommandUnknownOpts | undefined = program;
  for (const word of words) command = command?.commands.find((sub) => sub.name() === word);
  return command === undefined ? [] : subcommandsOf(command);
}

function subcommandsOf(command: CommandUnknownOpts): Candidate[] {
  return visibleCommands(command).map((sub) => ({
    value: sub.name(),
    description: sub.summary() || sub.description(),
  }));
}

/** With `help`, which is no command of its own to the parser. */
function visibleCommands(command: CommandUnknownOpts): CommandUnknownOpts[] {
  return command.createHelp().visibleCommands(command);
}

function pathOf(command: CommandUnknownOpts): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
