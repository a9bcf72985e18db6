// The commands about the fleet: device, audit.

import type { Command } from "@commander-js/extra-typings";
import { addOwnerCommands } from "./define-owners.ts";
import { parseAuditCount, parseReference } from "./option-values.ts";
import type { Choose } from "./choose.ts";

const JSON_HELP = "print one JSON object";

export function addFleetCommands(program: Command, choose: Choose): void {
  program.commandsGroup("The fleet:");
  addDevice(program, choose);
  addAudit(program, choose);
}

function addDevice(program: Command, choose: Choose): void {
  const device = program
    .command("device")
    .summary("the machines of the fleet")
    .helpCommand(false)
    .description("List the devices of the fleet, let new ones in, name them, and take them out.");
  device
    .command("ls")
    .summary("list the devices")
    .description("List every device of the fleet, with its state and since when.")
    .option("--wide", "do not cut lines to the terminal")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device ls")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/device-ls.ts")).deviceList(invocation, options),
      });
    });
  device
    .command("token")
    .summary("make a one-time setup token")
    .description(
      "Make a token with which one new machine may join the fleet, and print the line to run there. With --share " +
        "it lets one person command one device beside you instead.",
    )
    .option("--expires <duration>", "how long it may be used, 1m to 7d", "15m")
    .option("--name <name>", "name of the new device")
    .option("--share <device>", "share this device with another owner", parseReference)
    .option("--browser", "with --share: whoever has only a browser may take it too")
    .option("-y, --yes", "ask nothing")
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  muster device token\n  muster device token --expires 1h --name pi\n" +
        "  muster device token --share server\n  muster device token --share server --browser",
    )
    .action((options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-token.ts")).deviceToken(invocation, options),
      });
    });
  device
    .command("show")
    .summary("one device in full")
    .description("Show one device: what it is, since when, what it publishes, and what it may do.")
    .argument("<device>", "name or id of a device", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device show pi")
    .action((name, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-show.ts")).deviceShow(invocation, name, options),
      });
    });
  device
    .command("rename")
    .summary("give a device another name")
    .description("Give a device another name. Its shares keep their addresses; the former name rests.")
    .argument("<device>", "name or id of a device", parseReference)
    .argument("<name>", "its new name")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device rename pi attic")
    .action((reference, name) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-rename.ts")).deviceRename(invocation, reference, name),
      });
    });
  device
    .command("approve")
    .summary("let in a device that waits, once its words are compared")
    .description(
      "Let in a device that joined by a code, and is unconfirmed: compare the words that it showed, and write " +
        "it into the owner log.",
    )
    .argument("<device>", "name or id of a device", parseReference)
    .option("--words <words>", "the words that the device showed, instead of the question")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device approve pi")
    .action((reference, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-approve.ts")).deviceApprove(invocation, reference, options),
      });
    });
  device
    .command("rotate")
    .summary("give a device's tunnel a new secret")
    .description(
      "Give the named link of a device a new secret. An offline device gets it when it comes back.",
    )
    .argument("<device>", "name or id of a device", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device rotate pi")
    .action((reference) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-rotate.ts")).deviceRotate(invocation, reference),
      });
    });
  device
    .command("remove")
    .summary("take a device out of the fleet, for good")
    .description(
      "Take a device out of the fleet. What it publishes goes offline at once, and its key is never taken " +
        "again. Without a name, it is this machine that leaves: its key and state are wiped.",
    )
    .argument("[device]", "name or id of a device; this one when absent", parseReference)
    .option("-y, --yes", "ask nothing")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device remove pi\n  muster device remove")
    .action((reference, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-remove.ts")).deviceRemove(invocation, reference, options),
      });
    });
  addOwnerCommands(device, choose);
}

function addAudit(program: Command, choose: Choose): void {
  program
    .command("audit")
    .summary("who did what, and when")
    .description("Show the hub's record of what was done, the latest first.")
    .option("-n, --limit <n>", "how many entries, 1 to 200", parseAuditCount, 50)
    .option("--cursor <cursor>", "go on where an earlier page ended")
    .option("--wide", "do not cut lines to the terminal")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster audit\n  muster audit -n 200 --json")
    .action((options) => {
      choose({ run: async (invocation) => (await import("./commands/audit.ts")).audit(invocation, options) });
    });
}
