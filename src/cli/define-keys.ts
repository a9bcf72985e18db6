// The commands about keys that use what devices offer and never command: key, grant, revoke.

import type { Command } from "@commander-js/extra-typings";
import { parseReference } from "./option-values.ts";
import type { Choose } from "./choose.ts";

const JSON_HELP = "print one JSON object";
const EXPIRES_HELP = "end it after this long: 1h to 366d";

export function addKeyCommands(program: Command, choose: Choose): void {
  program.commandsGroup("Credentials:");
  const key = program
    .command("key")
    .summary("keys for programs")
    .description("Keys with which programs use the fleet. None of them ever commands a device.")
    .helpCommand(false)
    .addHelpText("after", "\nExamples:\n  muster key create editor --scope models\n  muster key ls");
  key
    .command("create")
    .summary("make a key for a program")
    .description(
      "Make a key and show it once. Scopes: models (llm.chat and embeddings), capabilities, or some of them as " +
        "in capabilities:llm.chat,embeddings, read (lists of the fleet), share.",
    )
    .argument("<name>", "what to call it")
    .option("--scope <scope...>", "what it may use; models when absent")
    .option("--expires <duration>", EXPIRES_HELP)
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  muster key create editor\n  muster key create sync --scope read capabilities:embeddings --expires 30d",
    )
    .action((name, options) => {
      choose({
        run: async (invocation) => (await import("./commands/keys.ts")).keyCreate(invocation, name, options),
      });
    });
  key
    .command("ls")
    .summary("list the keys")
    .description("List the keys of programs and the grants to others.")
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster key ls --json")
    .action(() => {
      choose({ run: async (invocation) => (await import("./commands/keys.ts")).keyList(invocation) });
    });
  addRevoke(key, { choose, example: "muster key revoke editor" });
  program
    .command("grant")
    .summary("let someone else use what a device of yours offers")
    .description(
      "Let a device of someone else, which this one is paired with, use a capability of a device of yours; or all " +
        "devices of an owner at the same hub, by their owner id, which muster device owners shows them. Said again of " +
        "the same two, it takes the former's place.",
    )
    .argument("<device>", "which of yours", parseReference)
    .requiredOption("--capability <protocol...>", "what it may use: llm.chat, embeddings, …")
    .requiredOption("--to <peer>", "the paired device, or the owner id", parseReference)
    .option("--as <name>", "what to call that owner here")
    .option("--expires <duration>", EXPIRES_HELP)
    .option("--json", JSON_HELP)
    .addHelpText(
      "after",
      "\nExamples:\n  muster grant gpu --capability llm.chat --to annas-laptop\n  muster grant gpu --capability llm.chat --to OWNER_ID --as anna",
    )
    .action((device, options) => {
      choose({
        run: async (invocation) => (await import("./commands/keys.ts")).grant(invocation, device, options),
      });
    });
  addRevoke(program, { choose, example: "muster revoke editor\n  muster revoke annas-laptop" });
}

function addRevoke(under: Command, { choose, example }: { choose: Choose; example: string }): void {
  under
    .command("revoke")
    .summary("take a key or a grant back")
    .description(
      "Take a key back for good, or all that someone else or a device of theirs was let use, within a second.",
    )
    .argument("<key>", "its name, or the beginning of its id", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", `\nExamples:\n  ${example}`)
    .action((reference) => {
      choose({
        run: async (invocation) => (await import("./commands/keys.ts")).keyRevoke(invocation, reference),
      });
    });
}
