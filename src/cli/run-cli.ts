// The CLI's one door: argv in, exit code out. 0 only if what was asked happened, 1 failed, 2 wrong usage, 130
// and 143 ended by Ctrl-C or SIGTERM. Whatever is thrown ends as an error and a hint, never as a stack trace.

import { CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { ERROR_TABLE, MusterError } from "../protocol/errors.ts";
import { createInvocation, type Invocation } from "./invocation.ts";
import type { Action } from "./choose.ts";
import { makeProgram } from "./program.ts";
import { reportError } from "./report-error.ts";
import type { Surroundings } from "./surroundings.ts";
import { usageErrorOf } from "./usage-error.ts";

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export async function runCli(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const json = asksForJson(argv);
  let failedExitCode: number | undefined;
  try {
    const { action, verbose } = parse(argv, surroundings);
    if (action === undefined) return 0;
    failedExitCode = action.failedExitCode;
    return await runAction(action, { surroundings: verbose ? surroundings.verbose() : surroundings, json });
  } catch (thrown) {
    const code = reportError(thrown, { surroundings, json });
    return code === ERROR_TABLE.usage.exitCode ? code : (failedExitCode ?? code);
  }
}

interface Chosen {
  action: Action | undefined;
  verbose: boolean;
}

/** The action that argv asks for; undefined when it was help or the version, which are printed by then. */
function parse(argv: readonly string[], surroundings: Surroundings): Chosen {
  let chosen: Action | undefined;
  let verbose = false;
  const program = makeProgram(surroundings, (action) => {
    chosen = action;
  });
  program.hook("preAction", (_, command) => {
    verbose = command.optsWithGlobals()["verbose"] === true;
  });
  if (argv.length === 0) {
    program.outputHelp();
    return { action: undefined, verbose };
  }
  const words = argv[0] === "help" ? helpFor(program, argv.slice(1)) : [...argv];
  try {
    program.parse(words, { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode !== 0) throw usageErrorOf(thrown, program, words);
  }
  return { action: chosen, verbose };
}

/** `help task logs` is `task logs --help`; the parser's own `help` takes one word. */
function helpFor(program: CommandUnknownOpts, words: readonly string[]): string[] {
  let command = program;
  for (const [at, word] of words.entries()) {
    const inner = command.commands.find((sub) => sub.name() === word);
    if (inner === undefined) {
      // With it the parser says what there is; of a command without any the help is all that can be meant.
      return command.commands.length > 0 ? words.slice(0, at + 1) : [...words.slice(0, at), "--help"];
    }
    command = inner;
  }
  return [...words, "--help"];
}

/** Runs it to its end, or to the bounded end of an interrupt; a second interrupt waits for nothing. */
async function runAction(
  action: Action,
  given: { surroundings: Surroundings; json: boolean },
): Promise<number> {
  const { surroundings, json } = given;
  const controller = new AbortController();
  const invocation = createInvocation(surroundings, { json, interrupted: controller.signal });
  let interrupts = 0;
  let exitCode = 0;
  const { promise: graceOver, resolve: endGrace } = Promise.withResolvers<void>();
  const forget = surroundings.onInterrupt((signal) => {
    interrupts += 1;
    if (interrupts > 1) return endGrace();
    exitCode = EXIT_CODES[signal];
    surroundings.timers.after(action.endsWithinMs ?? action.takenBackWithinMs ?? 1_000, endGrace);
    controller.abort(new MusterError("unavailable", "interrupted"));
  });
  try {
    const ended = await Promise.race([runUntilEnd(action, invocation), graceOver]);
    if (typeof ended === "number") return ended;
    // A program that was told to end and did so in good order has done what was asked.
    return exitCode === EXIT_CODES.SIGTERM && action.endsWithinMs !== undefined ? 0 : exitCode;
  } finally {
    forget();
  }
}

async function runUntilEnd(action: Action, invocation: Invocation): Promise<void | number> {
  try {
    return await action.run(invocation);
  } catch (thrown) {
    // What fails because of the interrupt is no error of its own.
    if (!invocation.interrupted.aborted) throw thrown;
  }
}

/** Before parsing, so that errors of the parsing itself come in the asked form. What streams prints JSON too. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const given = argv.slice(0, end < 0 ? argv.length : end);
  return given.includes("--json") || given.includes("--stream");
}
