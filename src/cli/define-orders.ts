// The commands that do something on a device: run, shell, forward.

import type { Command } from "@commander-js/extra-typings";
import type { Choose } from "./choose.ts";
import { parsePort, parseReference, parseTitle } from "./option-values.ts";

/** As `env`, `timeout` and `docker run` have it: the remote code is ours, and this one is Muster's own. */
const FAILED_EXIT_CODE = 125;
/** A program that was told to end has 5 s, and its last words some more. */
const CANCEL_MS = 8000;

export function addOrderCommands(program: Command, choose: Choose): void {
  program.commandsGroup("On a device:");
  addRun(program, choose);
  program
    .command("shell")
    .summary("a terminal on a device")
    .description(
      "Open a shell on a device, through the hub and sealed from it. One that is cut is kept for ten minutes.",
    )
    .argument("<device>", "name or id of a device", parseReference)
    .option("--session <id>", "take up again a shell that was cut")
    .addHelpText("after", "\nExamples:\n  muster shell pi")
    .action((device, options) => {
      choose({
        run: async (invocation) => (await import("./commands/shell.ts")).shell(invocation, device, options),
        failedExitCode: FAILED_EXIT_CODE,
      });
    });
  program
    .command("forward")
    .summary("a port of a device on this machine")
    .description(
      "Make a service of a device reachable on this machine alone, until Ctrl-C. Services are those of its " +
        "[services] and the ports of what it shares.",
    )
    .argument("<target>", "DEVICE/SERVICE, or DEVICE/PORT", parseReference)
    .argument("[port]", "port on 127.0.0.1; any free one when absent", parsePort)
    .option("--ticket", "for a program elsewhere: an address at the hub and a ticket that opens it")
    .option("--expires <duration>", "with --ticket: how long it is good, 1m to 30d (default: 1h)")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExamples:\n  muster forward pi/postgres 5432\n  muster forward pi/3000\n" +
        "  muster forward --ticket pi/grafana --expires 7d",
    )
    .action((target, port, { ticket, expires }) => {
      choose({
        async run(invocation) {
          if (ticket === true) {
            const { serviceTicket } = await import("./commands/service-ticket.ts");
            return serviceTicket(invocation, target, { port, expires });
          }
          return (await import("./commands/forward.ts")).forward(invocation, target, { port, expires });
        },
        endsWithinMs: 2000,
      });
    });
}

function addRun(program: Command, choose: Choose): void {
  program
    .command("run")
    .summary("run a command here or on a device")
    .description(
      "Run a command as a task, show what it writes, and exit with its code; 125 when Muster itself failed. " +
        "Ctrl-C asks it to end. On a device it is signed by this home's controller key, and the hub can't read " +
        "it. For one that is away the task is kept here, and starts when it is back.",
    )
    .argument("<command...>", "the program and its arguments, behind --")
    .option("-d, --device <device>", "where; on this machine when absent", parseReference)
    .option("--on <capability>", "on some device that offers this, such as docker")
    .option("--detach", "do not wait for its end; see muster task")
    .option("--title <text>", "what lists call it; the command when absent", parseTitle)
    .option("--cwd <folder>", "folder to run in")
    .option("--timeout <duration>", "end it after this long: 30s, 2h")
    .option("--no-queue", "refuse where the device is away")
    .option("--json", "print one JSON object at its end")
    .addHelpText(
      "after",
      "\nExamples:\n  muster run -- uptime\n  muster run --device pi -- sh -c 'df -h | head'\n" +
        "  muster run --device pi --detach -- ./train.sh\n  muster run --on docker -- docker ps",
    )
    .action((words, options) => {
      choose({
        run: async (invocation) => (await import("./commands/run.ts")).run(invocation, words, options),
        endsWithinMs: CANCEL_MS,
        failedExitCode: FAILED_EXIT_CODE,
      });
    });
}
