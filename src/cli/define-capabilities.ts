// The commands that use what devices offer, whichever device it is.

import type { Command } from "@commander-js/extra-typings";
import { collectReference, parseModel, parseReference } from "./option-values.ts";
import type { Choose } from "./choose.ts";

/** A plugin that is asked to end a call may take some seconds. */
const CANCEL_MS = 8000;

export function addCapabilityCommands(program: Command, choose: Choose): void {
  program.commandsGroup("What devices offer:");
  program
    .command("call")
    .summary("use a capability of some device")
    .description(
      "Ask whichever device offers a capability and show its answer; parts are shown as they come. `muster device show " +
        "NAME` lists what a device offers.",
    )
    .argument("<protocol>", "llm.chat, embeddings, …; with a version: llm.chat@1.2.0")
    .argument("[payload]", "a JSON value; - reads it from standard input", "{}")
    .option(
      "-d, --device <device>",
      "this one or nobody, by a controller and sealed from the hub; needed for what can change a device",
      parseReference,
    )
    .option("--only <device>", "this one or nobody", parseReference)
    .option("--prefer <device>", "this one, if it can", parseReference)
    .option("--timeout <duration>", "give up after this long, 5m (default: 10m, but 30s before a first word)")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `\nExamples:\n  muster call embeddings '{"text":"hi"}'\n  muster call llm.chat - < request.json\n  muster call disk.clean --device pi`,
    )
    .action((protocol, payload, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/call.ts")).call(invocation, { protocol, payload }, options),
        // What runs on a device is asked to end.
        ...(options.device === undefined ? {} : { endsWithinMs: CANCEL_MS }),
      });
    });
  program
    .command("ask")
    .summary("ask a model of your devices")
    .description(
      "Ask a language model, on whichever device has one, and show its answer as it is written. What comes on a pipe " +
        "is put behind the question.",
    )
    .argument("[question...]", "what to ask; - reads it from standard input")
    .option("-d, --device <device>", "this one or nobody", parseReference)
    .option("--prefer <device>", "this one, if it can", parseReference)
    .option("-m, --model <model>", "the model; muster device show lists those of a device", parseModel)
    .option("--system <text>", "how the model is to behave")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      '\nExamples:\n  muster ask "why is the sky blue?"\n  muster ask --device gpu --model qwen3:8b "write a haiku"\n' +
        '  git diff | muster ask "what does this change?"',
    )
    .action((question, options) => {
      choose({
        run: async (invocation) => (await import("./commands/ask.ts")).ask(invocation, question, options),
      });
    });
  program
    .command("query")
    .summary("ask the whole fleet")
    .description(
      "Ask every device that can answer, show what they say as one list that grows as they answer, and name those that " +
        "did not. " +
        "ListTasks, GetTaskStats, SearchTasks, SearchKnowledgebase, KnowledgebaseState, or a query of a plugin.",
    )
    .argument("<type>", "what to ask")
    .option("--params <json>", "a JSON object", "{}")
    .option("-d, --device <device...>", "only these devices", collectReference)
    .option("--timeout <duration>", "wait so long for each: 5s by default")
    .option("--strict", "exit with 1 when a device is missing")
    .option("--json", "print one JSON object")
    .option("--stream", "print each device's part as a line of JSON, as it comes")
    .addHelpText(
      "after",
      `\nExamples:\n  muster query ListTasks --params '{"status":"running"}'\n  muster query SearchKnowledgebase --params '{"q":"backup"}' --json`,
    )
    .action((type, options) => {
      choose({
        run: async (invocation) => (await import("./commands/query.ts")).query(invocation, type, options),
      });
    });
}
