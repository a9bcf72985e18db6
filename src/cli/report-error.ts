// How a failure leaves the CLI: `muster: error:` and `muster: hint:`, or one JSON object, on standard error.

import { MusterError, publicError } from "../protocol/errors.ts";
import { plainLine } from "./plain-text.ts";
import type { Surroundings } from "./surroundings.ts";
import { systemError } from "./system-error.ts";
import { createTerminal } from "./terminal.ts";

const INTERNAL_HINT = "run it again with MUSTER_LOG=debug to see where it broke";

/** Writes it and returns the exit code. */
export function reportError(thrown: unknown, given: { surroundings: Surroundings; json: boolean }): number {
  const { stderr, environment, stringWidth } = given.surroundings;
  const error = publicError(systemError(thrown));
  const message = plainLine(error.message);
  const hint = error.hint ?? (error.code === "internal" ? INTERNAL_HINT : undefined);
  if (given.json) {
    stderr.write(`${JSON.stringify({ error: { code: error.code, message, hint: hint ?? null } })}\n`);
  } else {
    const terminal = createTerminal(stderr, environment, stringWidth);
    terminal.prose(`${terminal.style("red", "muster: error:")} ${message}`);
    if (hint !== undefined) terminal.prose(`${terminal.style("cyan", "muster: hint:")} ${plainLine(hint)}`);
  }
  if (debugAsked(environment["MUSTER_LOG"])) stderr.write(`${stackOf(thrown)}\n`);
  return error.exitCode;
}

function debugAsked(setting: string | undefined): boolean {
  return /(?:^|[,=])debug(?:$|,)/.test(setting ?? "");
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const own = thrown.stack ?? String(thrown);
  return thrown instanceof MusterError && thrown.cause !== undefined
    ? `${own}\ncaused by ${stackOf(thrown.cause)}`
    : own;
}
