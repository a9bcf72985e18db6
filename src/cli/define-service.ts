// The commands about the agent as a service of this machine: service, uninstall.

import type { Command } from "@commander-js/extra-typings";
import { parseLineCount, parsePort } from "./option-values.ts";
import type { Choose } from "./choose.ts";

const JSON_HELP = "print one JSON object";

const SIMPLE = {
  start: { summary: "start it", description: "Start the agent's service." },
  stop: { summary: "stop it until it is started again", description: "Stop the agent's service." },
  restart: { summary: "stop it and start it", description: "Stop the agent's service and start it anew." },
} as const;

export function addServiceCommands(program: Command, choose: Choose): void {
  const service = program
    .command("service")
    .summary("the agent as a service of this machine")
    .helpCommand(false)
    .description(
      "The agent as a service: a systemd unit or a launchd agent, which starts by itself and is kept running.",
    )
    .addHelpText("after", "\nExamples:\n  muster service status");
  service
    .command("status")
    .summary("does it run, and where is it connected")
    .description("Show whether the agent's service runs, its hub, its address and its last proof.")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster service status")
    .action(() => {
      choose({
        run: async (invocation) => (await import("./commands/service.ts")).serviceStatus(invocation),
      });
    });
  for (const verb of ["start", "stop", "restart"] as const) {
    service
      .command(verb)
      .summary(SIMPLE[verb].summary)
      .description(SIMPLE[verb].description)
      .option("--json", JSON_HELP)
      .addHelpText("after", `\nExamples:\n  muster service ${verb}`)
      .action(() => {
        choose({
          run: async (invocation) => (await import("./commands/service.ts")).serviceTurn(invocation, verb),
        });
      });
  }
  service
    .command("logs")
    .summary("what it wrote")
    .description("Print what the agent wrote.")
    .option("-f, --follow", "go on as it writes more")
    .option("-n, --lines <n>", "how many lines of the past", parseLineCount, 100)
    .addHelpText("after", "\nExamples:\n  muster service logs -f")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/service.ts")).serviceLogs(invocation, options),
      });
    });
  service
    .command("install")
    .summary("install it, or bring it up to date")
    .description(
      "Install the agent's service for a home that has joined a hub; with --hub the service of a hub on a " +
        "server, as root. Installing again changes nothing that is as it should be.",
    )
    .option("--hub", "the hub's service instead")
    .option("--port <n>", "with --hub: its port", parsePort)
    .option("--host <address>", "with --hub: address to listen on (default: all)")
    .option("--domain <domain>", "with --hub: its public domain")
    .option("--cert <file>", "with --hub: TLS certificate chain (PEM)")
    .option("--key <file>", "with --hub: TLS private key (PEM)")
    .option(
      "--behind-proxy [addresses]",
      "with --hub: a proxy in front ends TLS and says for whom it asks (default: one on this machine)",
    )
    .option("--insecure", "with --hub: let devices in over plain HTTP from elsewhere")
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      "\nAll else stands in /etc/muster/muster.toml; `muster config example` prints one.\n\nExamples:\n" +
        "  muster service install\n" +
        "  sudo muster service install --hub --domain example.com --port 443\n" +
        "  sudo muster service install --hub --domain example.com --behind-proxy",
    )
    .action((options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/service.ts")).serviceInstall(invocation, options),
      });
    });
  program
    .command("uninstall")
    .summary("remove service and program from this machine")
    .description(
      "Remove the service, the installed program and its link; with --state also the state of this home: its " +
        "identity, shares and logs, which can't be had back.",
    )
    .option("--hub", "the hub's service instead, and with --state all that the hub knows")
    .option("--state", "remove the state too")
    .option("-y, --yes", "ask nothing; without --state the state stays")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster uninstall\n  muster uninstall --state --yes")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/uninstall.ts")).uninstall(invocation, options),
      });
    });
}
