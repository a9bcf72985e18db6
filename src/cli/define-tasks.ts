// The commands about tasks: ls, show, logs, cancel, rm, stats, search. `muster run` makes them.

import { Option, type Command } from "@commander-js/extra-typings";
import { TASK_STATUSES } from "../protocol/task-statuses.ts";
import { parseCursor, parseListCount, parseReference, parseTask } from "./option-values.ts";
import type { Choose } from "./choose.ts";

const STREAM_HELP = "print each device's part as a line of JSON, as it comes";
const JSON_HELP = "print one JSON object";
const TASK_HELP = "id of a task, or its beginning or end";
const STATUS_HELP = "only those that are so";

export function addTaskCommands(program: Command, choose: Choose): void {
  const task = program
    .command("task")
    .summary("what runs and ran on your devices")
    .description(
      "Tasks: what `muster run` has begun, on every device that can be asked. Each lives where it runs.",
    )
    .helpCommand(false)
    .addHelpText("after", "\nExamples:\n  muster task ls\n  muster task logs -f 3f9c0a1b");
  task
    .command("ls")
    .summary("list tasks, the latest change first")
    .description(
      "List tasks of this device and of those that can be asked. Devices that did not answer are named.",
    )
    .option("-d, --device <device>", "of one device alone", parseReference)
    .addOption(new Option("--status <status>", STATUS_HELP).choices(TASK_STATUSES))
    .option("-n, --limit <count>", "at most so many", parseListCount)
    .option("--cursor <cursor>", "go on behind an earlier page", parseCursor)
    .option("--strict", "exit 1 where a device did not answer")
    .option("--json", JSON_HELP)
    .option("--stream", STREAM_HELP)
    .addHelpText("after", "\nExamples:\n  muster task ls --status running\n  muster task ls --device pi")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/task-ls.ts")).taskLs(invocation, options),
      });
    });
  task
    .command("search")
    .summary("find tasks by words")
    .description("Find tasks whose title, command or description holds all the words.")
    .argument("<words...>", "what to look for")
    .option("-d, --device <device>", "on one device alone", parseReference)
    .addOption(new Option("--status <status>", STATUS_HELP).choices(TASK_STATUSES))
    .option("-n, --limit <count>", "at most so many", parseListCount)
    .option("--strict", "exit 1 where a device did not answer")
    .option("--json", JSON_HELP)
    .option("--stream", STREAM_HELP)
    .addHelpText("after", "\nExamples:\n  muster task search backup photos")
    .action((words, options) => {
      choose({
        run: async (invocation) =>
          (await import("./commands/task-ls.ts")).taskSearch(invocation, words.join(" "), options),
      });
    });
  task
    .command("stats")
    .summary("how many tasks there are of each status")
    .description("Count the tasks of this device and of those that can be asked, by status.")
    .option("-d, --device <device>", "of one device alone", parseReference)
    .option("--strict", "exit 1 where a device did not answer")
    .option("--json", JSON_HELP)
    .option("--stream", STREAM_HELP)
    .addHelpText("after", "\nExamples:\n  muster task stats")
    .action((options) => {
      choose({
        run: async (invocation) => (await import("./commands/task-ls.ts")).taskStats(invocation, options),
      });
    });
  addToOne(task, choose);
}

/** What is about one task. */
function addToOne(task: Command, choose: Choose): void {
  task
    .command("show")
    .summary("one task in full")
    .description("Show one task in full, with the end of what it wrote.")
    .argument("<task>", TASK_HELP, parseTask)
    .option("-d, --device <device>", "where it is; looked for when absent", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster task show 3f9c0a1b")
    .action((id, options) => {
      choose({
        run: async (invocation) => (await import("./commands/task.ts")).taskShow(invocation, id, options),
      });
    });
  task
    .command("logs")
    .summary("what a task wrote")
    .description("Print what a task wrote, as far as it is kept: the last 8 MiB. Both outputs stay apart.")
    .argument("<task>", TASK_HELP, parseTask)
    .option("-d, --device <device>", "where it is; looked for when absent", parseReference)
    .option("-f, --follow", "stay until it ends, and show what comes")
    .option("--json", "print one JSON object; with --follow one for each piece")
    .addHelpText("after", "\nExamples:\n  muster task logs 3f9c0a1b\n  muster task logs -f 3f9c0a1b")
    .action((id, options) => {
      choose({
        run: async (invocation) => (await import("./commands/task.ts")).taskLogs(invocation, id, options),
      });
    });
  task
    .command("cancel")
    .summary("end a task, or take it back before it starts")
    .description("Ask all of a task's programs to end; five seconds later they are ended.")
    .argument("<task>", TASK_HELP, parseTask)
    .option("-d, --device <device>", "where it is; looked for when absent", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster task cancel 3f9c0a1b")
    .action((id, options) => {
      choose({
        run: async (invocation) => (await import("./commands/task.ts")).taskCancel(invocation, id, options),
      });
    });
  task
    .command("rm")
    .summary("forget a task that is over, and what it wrote")
    .description("Forget a task that is over, and all that it wrote.")
    .argument("<task>", TASK_HELP, parseTask)
    .option("-d, --device <device>", "where it is; looked for when absent", parseReference)
    .option("--json", JSON_HELP)
    .addHelpText("after", "\nExamples:\n  muster task rm 3f9c0a1b")
    .action((id, options) => {
      choose({
        run: async (invocation) => (await import("./commands/task.ts")).taskRemove(invocation, id, options),
      });
    });
}
