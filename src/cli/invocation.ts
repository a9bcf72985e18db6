// One run of one command: what it was given and how it speaks. Results go to standard output, everything else
// (progress, warnings, errors) to standard error, so that output can always be piped.

import { homeFolder } from "./home.ts";
import type { Surroundings } from "./surroundings.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

export interface Invocation {
  readonly surroundings: Surroundings;
  /** Absolute path of the state folder. Throws where there is none, which only matters to who asks. */
  readonly home: string;
  /** `--json`: exactly one JSON object on standard output, nothing on standard error but an error. */
  readonly json: boolean;
  readonly out: Terminal;
  readonly err: Terminal;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal;
}

export interface InvocationOptions {
  json: boolean;
  interrupted: AbortSignal;
}

export function createInvocation(surroundings: Surroundings, options: InvocationOptions): Invocation {
  const { environment, stringWidth } = surroundings;
  return {
    surroundings,
    get home() {
      return homeFolder(surroundings);
    },
    ...options,
    out: createTerminal(surroundings.stdout, environment, stringWidth),
    err: createTerminal(surroundings.stderr, environment, stringWidth),
  };
}

/** The one JSON object of a command, on one line. */
export function printJson(invocation: Invocation, value: object): void {
  invocation.out.line(asciiControls(JSON.stringify(value)));
}

/** A remark that does not change the outcome; silent with --json, where it is a field of the object. */
export function warn(invocation: Invocation, text: string): void {
  if (!invocation.json) invocation.err.prose(`${invocation.err.style("yellow", "muster: warning:")} ${text}`);
}

/**
 * JSON escapes the C0 controls itself; a terminal also obeys C1, and bidirectional marks reorder what is read.
 * The escaped form is the same JSON.
 */
function asciiControls(json: string): string {
  return json.replaceAll(/[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
