// The commands about who may command: device owners, device promote, hub handover.

import type { Command } from "@commander-js/extra-typings";
import { parseEntryNumber, parseReference } from "./option-values.ts";
import type { Choose } from "./choose.ts";

const JSON_HELP = "print one JSON object";

/** What was begun with the owner log is better finished. */
const REKEY_ENDS_MS = 10_000;

/** Under `muster device`. */
export function addOwnerCommands(device: Command, choose: Choose): void {
  device
    .command("promote")
    .summary("let a device command the others")
    .description(
      "Make a device a controller: it may run commands on all devices of its owner. With --admin it may also " +
        "let devices in, promote and remove them. A vm never commands.",
    )
    .argument("<device>", "name or id of a device", parseReference)
    .option("--admin", "it may change the owner log too")
    .option("-y, --yes", "ask nothing")
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  muster device promote laptop --admin\n  muster device promote mbr1_...   a browser, by the code on its page",
    )
    .action((reference, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/owners.ts")).promote(invocation, reference, options),
      });
    });
  device
    .command("rekey")
    .summary("new keys for this device, and an end to the old ones")
    .description(
      "Give this device new keys, and take the old ones out of its fleet. Its name and its addresses stay; its " +
        "pairings end, because they are with the old key. A device that may not change the owner log needs a " +
        "setup token for it.",
    )
    .option("--token <token>", "setup token; `-` reads it from the terminal or standard input")
    .option("-y, --yes", "ask nothing")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device rekey")
    .action((options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-rekey.ts")).deviceRekey(invocation, options),
        endsWithinMs: REKEY_ENDS_MS,
      });
    });
  device
    .command("claim")
    .summary("take a device that another owner shares")
    .description(
      "Take a device by the token that its owner made. A home that has joined no hub becomes an owner of its own " +
        "at that hub, and needs the whole link for it.",
    )
    .argument("<token>", "share token or its link; `-` reads it from the terminal or standard input")
    .option("--as <name>", "what the device's owner sees you as")
    .option("--insecure", "accept plain HTTP to another machine")
    .option("--ca <file>", "PEM file of the authority of the hub's certificate")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device claim https://hub.example.com/claim#mss1_...")
    .action((token, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-share.ts")).deviceClaim(invocation, token, options),
        endsWithinMs: REKEY_ENDS_MS,
      });
    });
  device
    .command("unshare")
    .summary("end that another owner commands a device")
    .description(
      "End that a co-owner commands a device of yours; or let go a device that another owner shares with you.",
    )
    .argument("<device>", "name or id of a device", parseReference)
    .argument("[owner]", "the co-owner, where there are several", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device unshare server\n  muster device unshare server anna")
    .action((reference, owner) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/device-share.ts")).deviceUnshare(invocation, reference, owner),
      });
    });
  const owners = device
    .command("owners")
    .summary("who may command, and how to take it back")
    .helpCommand(false)
    .description("Show the keys of this owner: which may command, since which entry, until when.")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device owners\n  muster device owners recovery")
    .action(() => {
      choose({ run: async (invocation) => (await import("./commands/owners.ts")).owners(invocation) });
    });
  owners
    .command("recovery")
    .summary("make words that take the fleet back")
    .description("Make 24 words to write down. They are shown once; words made before count no more.")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device owners recovery")
    .action(() => {
      choose({ run: async (invocation) => (await import("./commands/owners.ts")).makeRecovery(invocation) });
    });
  owners
    .command("recover")
    .summary("take the fleet back with the words")
    .description(
      "Make this device the only controller, by the 24 words, which are read from the terminal or standard " +
        "input. With --from, what stands in the owner log from that entry on counts no more.",
    )
    .option("--from <entry>", "the first entry that is not to count", parseEntryNumber)
    .option("-y, --yes", "ask nothing")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device owners recover --from 12")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/owners.ts")).recover(invocation, options),
      });
    });
  owners
    .command("reset")
    .summary("believe the hub's list of owners anew")
    .description(
      "Forget what this device has seen of its owner log, a fork of it included, and believe the list that the " +
        "hub has, after you have looked at it.",
    )
    .option("-y, --yes", "ask nothing")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster device owners reset")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/owners.ts")).reset(invocation, options),
      });
    });
}

/** Under `muster hub`. */
export function addHandover(hub: Command, choose: Choose): void {
  hub
    .command("handover")
    .summary("move the owner's key off the hub")
    .description(
      "Make another device the controller of your devices, and this machine, which runs the hub, none.",
    )
    .argument("<device>", "name or id of a device", parseReference)
    .option("-y, --yes", "ask nothing")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster hub handover laptop")
    .action((reference, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/owners.ts")).handOver(invocation, reference, options),
      });
    });
}
