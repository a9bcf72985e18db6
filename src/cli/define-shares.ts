// The commands about shares: add, rm, ls, logs.

import { Option, type Command } from "@commander-js/extra-typings";
import { collect, parseLineCount, parsePort, parseReference } from "./option-values.ts";
import type { Choose } from "./choose.ts";

const JSON_HELP = "print one JSON object";

export function addShareCommands(program: Command, choose: Choose): void {
  program.commandsGroup("Shares:");
  addAdd(program, choose);
  addRemove(program, choose);
  addList(program, choose);
  addLogs(program, choose);
}

function addAdd(program: Command, choose: Choose): void {
  program
    .command("add")
    .summary("publish a page or an app")
    .description(
      "Give a file, a folder or a port a public URL. A number is a port, anything else a path. " +
        "A share asks for a password, which is made and shown once, unless you say otherwise.",
    )
    .argument("<path|port>", "a file, a folder or a port")
    .optionsGroup("Who may open it:")
    .option("--public", "everyone")
    .option("--password [word]", "a password of your own; without a word it is read, not shown")
    .option("--login", "people with an account on the hub")
    .option("--expires <duration>", "end by itself: 30m, 2h, 7d")
    .option("--allow-origin <origin>", "let scripts of this origin in (repeatable)", collect)
    .option("--insecure", "take the password over plain HTTP too")
    .optionsGroup("What it is:")
    .option("--name <name>", "name in its address (default: the folder's, or app-PORT)")
    .option("--description <text>", "a line for lists")
    .option("--run <command>", "the command that serves the app, run in PATH")
    .option("--port <n>", "the port that --run serves", parsePort)
    .option("--spa", "a page: unknown paths get index.html")
    .option("--rewrite-host", "an app: it sees its own host name, not the public one")
    .addOption(
      new Option("--link <kind>", "what carries it; this version has no quick ones yet")
        .choices(["hub", "quick", "named"])
        .default("hub"),
    )
    .optionsGroup("Options:")
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  muster add ./site\n  muster add 3000 --public --expires 2h\n" +
        '  muster add . --run "npm start" --port 3000 --name shop',
    )
    .action((target, options) => {
      choose({
        run: async (invocation) => (await import("./commands/add.ts")).add(invocation, target, options),
      });
    });
}

function addRemove(program: Command, choose: Choose): void {
  program
    .command("rm")
    .summary("take a share down")
    .description("Take a share down for good: its address, its password and, for an app, its process.")
    .argument("<share>", "name or id, or the beginning of an id", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster rm shop")
    .action((share) => {
      choose({ run: async (invocation) => (await import("./commands/rm.ts")).remove(invocation, share) });
    });
}

function addList(program: Command, choose: Choose): void {
  program
    .command("ls")
    .summary("list the shares")
    .description("List the shares of the fleet, each with the last proof of its address.")
    .option("--wide", "do not cut lines to the terminal")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster ls\n  muster ls --wide")
    .action((options) => {
      choose({ run: async (invocation) => (await import("./commands/ls.ts")).list(invocation, options) });
    });
}

function addLogs(program: Command, choose: Choose): void {
  program
    .command("logs")
    .summary("what an app wrote")
    .description("Show the last lines that an app wrote, and with --follow each new one.")
    .argument("<app>", "name or id of an app", parseReference)
    .option("-f, --follow", "keep showing new lines, until Ctrl-C")
    .option("-n, --lines <n>", "how many of the last lines", parseLineCount, 100)
    .option("--json", "print one JSON object; with --follow one for each line")
    .addHelpText("after", "\nExamples:\n  muster logs shop\n  muster logs shop -f -n 10")
    .action((app, options) => {
      choose({
        run: async (invocation) => (await import("./commands/logs.ts")).logs(invocation, app, options),
      });
    });
}
