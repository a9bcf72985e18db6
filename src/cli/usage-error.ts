// What the parser refuses, in this program's words: one sentence, and a hint that says what to type instead.

import type { CommanderError, CommandUnknownOpts } from "@commander-js/extra-typings";
import { MusterError } from "../protocol/errors.ts";

export function usageErrorOf(
  refusal: CommanderError,
  program: CommandUnknownOpts,
  argv: readonly string[],
): MusterError {
  const command = commandOf(program, argv);
  const path = pathOf(command);
  if (refusal.code === "commander.help") {
    const names = command
      .createHelp()
      .visibleCommands(command)
      .filter((sub) => sub.name() !== "help")
      .map((sub) => `\`${path} ${sub.name()}\``);
    return new MusterError("usage", `\`${path}\` needs a command`, { hint: `one of ${names.join(", ")}` });
  }
  const [sentence = "", suggestion] = refusal.message.replace(/^error: /, "").split("\n(Did you mean ");
  const message = invalidAs(sentence)
    .replaceAll(/'([^']*)'/g, "`$1`")
    .replace(/\.$/, "");
  const likely = suggestion ?? beginningOf(refusal, command);
  return new MusterError("usage", message, { hint: hintFor(likely, refusal, { path, argv }) });
}

/** The value before the place where it stood. */
function invalidAs(sentence: string): string {
  return sentence
    .replace(/^option ('[^']*') argument ('[^']*') is invalid/, "$2 is invalid as $1")
    .replace(/^command-argument value ('[^']*') is invalid for argument ('[^']*')/, "$1 is invalid as $2");
}

function hintFor(
  suggestion: string | undefined,
  refusal: CommanderError,
  given: { path: string; argv: readonly string[] },
): string {
  if (suggestion !== undefined)
    return `did you mean \`${suggestion.replace(/\?\)$/, "").replace(/^one of /, "")}\`?`;
  // `--password ./site` takes the path for the word.
  if (refusal.code === "commander.missingArgument" && given.argv.includes("--password")) {
    return "put `--password` after PATH or PORT; without a word it asks for one";
  }
  return `see \`${given.path} --help\``;
}

/** The parser suggests what is misspelt, not what was only begun: `--pass`. */
function beginningOf(refusal: CommanderError, command: CommandUnknownOpts): string | undefined {
  const begun =
    refusal.code === "commander.unknownOption" ? /'(--[a-z-]+)'/.exec(refusal.message)?.[1] : undefined;
  if (begun === undefined) return undefined;
  return command.options.find((option) => option.long?.startsWith(begun))?.long ?? undefined;
}

/** The innermost command that argv names. */
function commandOf(program: CommandUnknownOpts, argv: readonly string[]): CommandUnknownOpts {
  let command = program;
  for (const word of argv) {
    const inner = command.commands.find((sub) => sub.name() === word);
    if (inner === undefined) break;
    command = inner;
  }
  return command;
}

function pathOf(command: CommandUnknownOpts): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
