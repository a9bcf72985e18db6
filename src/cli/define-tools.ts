// The commands about the program itself: completion, version, and the hidden one that completion asks.

import { Argument, type Command } from "@commander-js/extra-typings";
import type { Choose } from "./program.ts";

export function addToolCommands(program: Command, choose: Choose): void {
  program.commandsGroup("Muster itself:");
  program
    .command("completion")
    .summary("print the completion script of a shell")
    .description("Print a script that completes commands, options and the names of your shares.")
    .addArgument(new Argument("<shell>", "which shell").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      '\nExamples:\n  eval "$(muster completion bash)"            in ~/.bashrc\n' +
        '  eval "$(muster completion zsh)"             in ~/.zshrc\n' +
        "  muster completion fish | source             in config.fish",
    )
    .action((shell) => {
      choose({
        run: async (invocation) => (await import("./commands/completion.ts")).completion(invocation, shell),
      });
    });
  program
    .command("version")
    .summary("print the version")
    .description("Print the version of this program.")
    .option("--json", "print one JSON object")
    .action(() => {
      choose({ run: async (invocation) => (await import("./commands/version.ts")).version(invocation) });
    });
  program.helpCommand("help [command]", "show the help of a command");
  program
    .command("__complete", { hidden: true })
    .argument("[words...]", "the words after `muster`, the last one unfinished")
    .action((words) => {
      choose({
        run: async (invocation) => (await import("./commands/complete.ts")).complete(invocation, words),
      });
    });
}
