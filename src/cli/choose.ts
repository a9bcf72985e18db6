// What a parsed command line asks for, before anything of it is loaded.

import type { Invocation } from "./invocation.ts";

export interface Action {
  /** A number is the exit code, whatever interrupted it. */
  run(invocation: Invocation): Promise<void | number>;
  /** Instead of the error's own, but for wrong usage. */
  failedExitCode?: number;
  /** A program that runs until it is told to end, and how long its orderly end may take. */
  endsWithinMs?: number;
  /** How long it may take at an interrupt to take back what was begun, where that is more than a moment. */
  takenBackWithinMs?: number;
}

/** Called with what the parsed command line asks for. */
export type Choose = (action: Action) => void;
