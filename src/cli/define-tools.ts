// The commands about the program itself: completion, version, and the hidden one that completion asks.

import { Argument, type Command } from "@commander-js/extra-typings";
import type { Choose } from "./choose.ts";

export function addToolCommands(program: Command, choose: Choose): void {
  program.commandsGroup("Muster itself:");
  addConfig(program, choose);
  program
    .command("completion")
    .summary("print the completion script of a shell")
    .description(
      "Print a script that completes commands, options, and the names of what there is: devices, services, " +
        "shares, tasks, capabilities, queries.",
    )
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
  program
    .command("why")
    .helpGroup("The fleet:")
    .summary("which hop to a URL or a device is broken")
    .description(
      "Walk the path to a device, a service, a share or any URL: name, address, TLS, hub, session, agent, port. " +
        "The first hop that is broken is named, with its cause and what to do.",
    )
    .argument("<target>", "DEVICE, DEVICE/SERVICE, a share, or a URL")
    .option("--strict", "exit with 1 when a hop is broken")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExamples:\n  muster why pi\n  muster why pi/grafana\n  muster why https://site.example.com",
    )
    .action((target, options) => {
      choose({
        run: async (invocation) => (await import("./commands/why.ts")).why(invocation, target, options),
      });
    });
  program
    .command("upgrade")
    .summary("take the newer version that the hub offers")
    .description(
      "Replace this program by the newer one that its hub offers, if the release key that this program " +
        "trusts has signed it, and start the agent anew. What does not come up is rolled back.",
    )
    .option("--check", "only say what there is")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExamples:\n  muster upgrade --check\n  muster upgrade")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/upgrade.ts")).upgrade(invocation, options),
      });
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

function addConfig(program: Command, choose: Choose): void {
  const config = program
    .command("config")
    .summary("settings, and where each comes from")
    .helpCommand(false)
    .description("Show the settings of this machine. Flags beat the environment, which beats muster.toml.")
    .addHelpText("after", "\nExamples:\n  muster config show");
  config
    .command("show")
    .summary("every value and where it came from")
    .description("Show every setting that has a value, with the value and where it came from.")
    .option("--config <file>", CONFIG_HELP)
    .option("--wide", "do not cut lines to the terminal")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExamples:\n  muster config show")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/config.ts")).configShow(invocation, options),
      });
    });
  config
    .command("path")
    .summary("which muster.toml is read")
    .description("Print the path of the muster.toml that is read.")
    .option("--config <file>", CONFIG_HELP)
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExamples:\n  muster config path")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/config.ts")).configPath(invocation, options),
      });
    });
  config
    .command("example")
    .summary("a muster.toml with every setting")
    .description("Print a muster.toml with every setting explained and commented out.")
    .addHelpText("after", "\nExamples:\n  muster config example > ~/.muster/muster.toml")
    .action(() => {
      choose({
        run: async (invocation) => (await import("./commands/config.ts")).configExample(invocation),
      });
    });
}

const CONFIG_HELP = "read this muster.toml";
