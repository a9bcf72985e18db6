// A secret from a person at the terminal (not echoed) or from standard input.

import { MusterError } from "../protocol/errors.ts";
import type { Invocation } from "./invocation.ts";

const MAX_BYTES = 4_096;

export interface SecretQuestion {
  /** What it is, in lower case: "password". */
  what: string;
  /** Ask a second time: for a new secret, where a slip would lock its owner out. */
  twice?: boolean;
}

export async function readSecretText(
  { surroundings }: Invocation,
  { what, twice }: SecretQuestion,
): Promise<string> {
  const { stdin } = surroundings;
  const title = what.charAt(0).toUpperCase() + what.slice(1);
  const secret = stdin.isTerminal ? await stdin.readSecret(`${title}: `) : await stdin.readAll(MAX_BYTES);
  if (secret.trim() === "") throw new MusterError("usage", `no ${what} was given`);
  if (/[\r\n]/.test(secret)) throw new MusterError("usage", `the ${what} must be one line`);
  if (twice === true && stdin.isTerminal && (await stdin.readSecret(`${title} again: `)) !== secret) {
    throw new MusterError("usage", `the two ${what}s differ`);
  }
  return secret;
}
