// The commands about this machine: start, stop, status, init, agent, hub.

import { Option, type Command } from "@commander-js/extra-typings";
import { addHandover } from "./define-owners.ts";
import { collectProtocol, collectService, parsePort, parseReference } from "./option-values.ts";
import type { Choose } from "./choose.ts";

/** A hub waits up to 30 s for requests in flight that still move. */
const PROGRAM_ENDS_WITHIN_MS = 40_000;
/** The process that `start` began has 5 s of them to end. */
const START_TAKEN_BACK_MS = 6_000;
const JSON_HELP = "print one JSON object";
const DISABLE_HELP = "do not offer this, such as llm.chat; several times for several";
const CONFIG_HELP = "read this muster.toml";

export function addMachineCommands(program: Command, choose: Choose): void {
  program.commandsGroup("This machine:");
  addStart(program, choose);
  addStop(program, choose);
  addStatus(program, choose);
  addOpen(program, choose);
  addInit(program, choose);
  addAgent(program, choose);
  addHub(program, choose);
}

function addStart(program: Command, choose: Choose): void {
  program
    .command("start")
    .summary("start this machine, or one app")
    .description(
      "Start this machine's agent in the background, with a hub of its own where it has joined none. " +
        "Running it again changes nothing. With APP, start that app.",
    )
    .argument("[app]", "name or id of an app", parseReference)
    .option("--port <n>", "port of the hub; 0 picks a free one (default: as before, else 8080)", parsePort)
    .option("--host <address>", "address that the hub listens on (default: loopback)")
    .option(
      "--service <name:port>",
      "a port for its owners to reach, or name:port/tcp; repeatable",
      collectService,
    )
    .option("--disable-capability <name>", DISABLE_HELP, collectProtocol)
    .option("--no-tunnel", "stay local")
    .option("--foreground", "run here, until Ctrl-C")
    .option("--config <file>", CONFIG_HELP)
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  muster start\n  muster start --port 0 --json\n  muster start shop          start the app `shop`",
    )
    .action((app, options) => {
      choose({
        run: async (invocation) => (await import("./commands/start.ts")).start(invocation, app, options),
        ...(options.foreground === true
          ? { endsWithinMs: PROGRAM_ENDS_WITHIN_MS }
          : { takenBackWithinMs: START_TAKEN_BACK_MS }),
      });
    });
}

function addStop(program: Command, choose: Choose): void {
  program
    .command("stop")
    .summary("stop this machine, or one app")
    .description("Stop the agent of this machine, and its hub if it runs one. With APP, stop that app alone.")
    .argument("[app]", "name or id of an app", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster stop\n  muster stop shop")
    .action((app) => {
      choose({ run: async (invocation) => (await import("./commands/stop.ts")).stop(invocation, app) });
    });
}

function addStatus(program: Command, choose: Choose): void {
  program
    .command("status")
    .summary("is all well, and if not, what is not")
    .description(
      "Show the hub, the shares and the devices at a glance. The first line says whether all is well. " +
        "`live` means that a request went through the public address and came back.",
    )
    .option("--wide", "do not cut lines to the terminal")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster status\n  muster status --json")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/status.ts")).status(invocation, options),
      });
    });
}

function addOpen(program: Command, choose: Choose): void {
  program
    .command("open")
    .summary("the page of this machine's own agent")
    .description(
      "Open the page in a browser here, served by this machine's own agent and not by the hub. The link works once; " +
        "the page ends some minutes after it was closed.",
    )
    .option("--no-browser", "only print the link")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster open")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/open.ts")).openPage(invocation, options),
      });
    });
}

function addInit(program: Command, choose: Choose): void {
  program
    .command("init")
    .summary("join this machine to a hub")
    .description(
      "Join this machine to a hub, install the service and prove that this device is reached. With a one-time " +
        "setup token, which `muster device token` makes on a machine that has joined; or without one, by a code " +
        "that somebody who is signed in types into the hub's page.",
    )
    .argument("[hub-url]", "address of the hub (default: `[hub] url` of muster.toml)")
    .option("--token <token>", "setup token; `-` reads it from the terminal or standard input")
    .option("--name <name>", "name of this device (default: its host name)")
    .addOption(
      new Option("--kind <kind>", "what this machine is (default: detected)").choices([
        "laptop",
        "desktop",
        "raspberry_pi",
        "vps",
      ]),
    )
    .option("--location <text>", "where it stands, for lists")
    .addOption(
      new Option("--link <kind>", "what leads to it: the hub, or a Cloudflare named tunnel")
        .choices(["hub", "named"])
        .default("hub"),
    )
    .option("--replace", "leave the hub joined before")
    .option("--ca <file>", "certificate authority (PEM) of the hub, where it is not a public one")
    .option("--insecure", "accept plain HTTP to a hub elsewhere")
    .option("--no-service", "register only")
    .option("--config <file>", CONFIG_HELP)
    .option("-y, --yes", "ask nothing")
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  muster init https://muster.example.com --token mst1_…\n" +
        "  muster init https://muster.example.com --token - --name pi < token",
    )
    .action((hubUrl, options) => {
      choose({
        run: async (invocation) => (await import("./commands/init.ts")).init(invocation, hubUrl, options),
      });
    });
}

function addAgent(program: Command, choose: Choose): void {
  program
    .command("agent")
    .summary("run only the agent, in the foreground")
    .description("Run the agent of a machine that has joined a hub, in the foreground, until Ctrl-C.")
    .option("--port <n>", "port of the local API (default: 7575, else a free one)", parsePort)
    .option("--host <address>", "its loopback address (default: 127.0.0.1)")
    .option(
      "--service <name:port>",
      "a port for its owners to reach, or name:port/tcp; repeatable",
      collectService,
    )
    .option("--disable-capability <name>", DISABLE_HELP, collectProtocol)
    .option("--config <file>", CONFIG_HELP)
    .option("--json", "print one JSON object when it runs")
    .addHelpText("after", "\nExamples:\n  muster agent")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/agent.ts")).agent(invocation, options),
        endsWithinMs: PROGRAM_ENDS_WITHIN_MS,
      });
    });
}

function addHub(program: Command, choose: Choose): void {
  const hub = program
    .command("hub")
    .summary("run only the hub, in the foreground")
    .helpCommand(false)
    .description("Run only a hub, in the foreground, until Ctrl-C: for a server or a container.")
    .option(
      "--port <n>",
      "port; 0 picks a free one (default: as before, else 8080; 443 with --cert)",
      parsePort,
    )
    .option("--host <address>", "address to listen on (default: all)")
    .option("--domain <domain>", "public domain of the hub")
    .option("--cert <file>", "TLS certificate chain (PEM)")
    .option("--key <file>", "TLS private key (PEM)")
    .option(
      "--behind-proxy [addresses]",
      "a proxy in front ends TLS and says for whom it asks (default: one on this machine)",
    )
    .option("--insecure", "let devices in over plain HTTP from elsewhere")
    .option("--config <file>", CONFIG_HELP)
    .option("--json", "print one JSON object when it runs")
    .addHelpText(
      "after",
      "\nExamples:\n  muster hub --port 8080\n  muster hub --domain example.com --cert chain.pem --key key.pem",
    )
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/hub.ts")).hub(invocation, options),
        endsWithinMs: PROGRAM_ENDS_WITHIN_MS,
      });
    });
  hub
    .command("login-link")
    .summary("make a one-time sign-in link for the owner")
    .description("Make a link that signs the owner in, once, within 15 minutes.")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster hub login-link")
    .action(() => {
      choose({ run: async (invocation) => (await import("./commands/login-link.ts")).loginLink(invocation) });
    });
  addHandover(hub, choose);
}
