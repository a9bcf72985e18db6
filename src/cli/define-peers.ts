// The commands between paired devices: pair, send, inbox, and those of `device` that are about peers.

import type { Command, CommandUnknownOpts } from "@commander-js/extra-typings";
import { parsePetname, parseReference } from "./option-values.ts";
import type { Choose } from "./choose.ts";

const JSON_HELP = "print one JSON object";

export function addPeerCommands(program: Command, choose: Choose): void {
  program.commandsGroup("Between two devices:");
  program
    .command("pair")
    .summary("make a pairing code, or enter one")
    .description(
      "Let two devices exchange keys by six characters, so that they can talk sealed through a hub that " +
        "cannot read them. Without a code, make one and wait; with one, enter it. A code works for one try.",
    )
    .argument("[code]", "what the other device shows, or its link")
    .option("--name <name>", "what to call the other device here", parsePetname)
    .option("--verified", "the safety words are compared with those of the other device")
    .option("--hub <url>", "as a guest of this hub, for a home that has joined none")
    .option("--insecure", "as a guest: accept plain HTTP to a hub elsewhere")
    .option("--own", "only devices of the same owner can enter the code, and no stranger can spend it")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster pair\n  muster pair K7-Q2MX --name phone")
    .action((code, options) => {
      choose({
        run: async (invocation) => (await import("./commands/pair.ts")).pair(invocation, code, options),
      });
    });
  program
    .command("send")
    .summary("send a text or a file to a paired device")
    .description(
      "Send a text or a file of any size to a paired device. It waits here for one that is away, and a file that " +
        "is cut goes on where it ended. Ctrl-C takes a file back; --detach leaves it to the agent.",
    )
    .argument("[device]", "a paired device: its name here, or its id", parseReference)
    .argument("[text]", "what to say; - reads it from standard input")
    .option("--file <path>", "send this file; it has to stay as it is until it is there")
    .option("--wait", "stay until a file is there, however long its device is away")
    .option("--detach", "do not stay: the agent sends the file in the background")
    .option("--list", "the large files that are on their way or went lately")
    .option("--cancel <id>", "take a file back", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      '\nExamples:\n  muster send phone "on my way"\n  muster send phone --file photo.jpg\n' +
        "  muster send desk --file disk.img --detach",
    )
    .action((device, text, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/send.ts")).send(invocation, { device, text }, options),
      });
    });
  program
    .command("inbox")
    .summary("what paired devices have sent")
    .description("Show what paired devices have sent, oldest first.")
    .option("-f, --follow", "stay, and show what comes")
    .option("--new", "only what was not shown before")
    .option("--arriving", "with --json: the large files that are on their way here too")
    .option("--refuse <id>", "turn away a large file that is on its way here", parseReference)
    .option("--json", "print one JSON object for each message")
    .addHelpText("after", "\nExamples:\n  muster inbox\n  muster inbox --follow")
    .action((options) => {
      choose({ run: async (invocation) => (await import("./commands/inbox.ts")).inbox(invocation, options) });
    });
  const device = program.commands.find((command) => command.name() === "device");
  if (device !== undefined) addToDevice(device, choose);
}

function addToDevice(device: CommandUnknownOpts, choose: Choose): void {
  device
    .command("peers")
    .summary("the devices that this one is paired with")
    .description("List the devices that this one is paired with, and the safety words of each.")
    .option("--wide", "do not cut lines to the terminal")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device peers")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/peers.ts")).peerList(invocation, options),
      });
    });
  device
    .command("petname")
    .summary("call a paired device something else here")
    .description(
      "Change what a paired device is called here. Its key stays the same, and so does its own name.",
    )
    .argument("<device>", "its name here, or its id", parseReference)
    .argument("[name]", "the new name; what it calls itself when absent", parsePetname)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device petname phone old-phone")
    .action((name, wish) => {
      choose({
        run: async (invocation) => (await import("./commands/peers.ts")).petname(invocation, name, wish),
      });
    });
  device
    .command("verified")
    .summary("the safety words of a paired device were compared")
    .description("Say that the safety words of a paired device are the same on both devices.")
    .argument("<device>", "its name here, or its id", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device verified phone")
    .action((name) => {
      choose({ run: async (invocation) => (await import("./commands/peers.ts")).verified(invocation, name) });
    });
  device
    .command("unpair")
    .summary("end a pairing")
    .description("End the pairing with a device. It is told, and what still waits for it is dropped.")
    .argument("<device>", "its name here, or its id", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device unpair phone")
    .action((name) => {
      choose({ run: async (invocation) => (await import("./commands/peers.ts")).unpair(invocation, name) });
    });
}
