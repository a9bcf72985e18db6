// One question before an act that can't be taken back. It names what is lost; anything but "yes" is no. Where
// nobody can answer, the act needs --yes.

import { MusterError } from "../protocol/errors.ts";
import type { Invocation } from "./invocation.ts";

export interface Question {
  /** Lines above it: what is lost. */
  lost: readonly string[];
  /** Ends without a question mark's answer: "Remove pi?" */
  ask: string;
  /** The option that answers it. */
  option?: string;
}

/** Throws `usage` where there is no terminal, `unavailable` when the answer was no. */
export async function confirm(
  invocation: Invocation,
  { lost, ask, option = "--yes" }: Question,
): Promise<void> {
  const { stdin } = invocation.surroundings;
  if (!stdin.isTerminal || invocation.json) {
    throw new MusterError("usage", "this can't be taken back, and nobody is here to confirm it", {
      hint: `say so with ${option}`,
    });
  }
  for (const line of lost) invocation.err.prose(line);
  const answer = await stdin.readLine(`${ask} [y/N] `);
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new MusterError("unavailable", "nothing was changed");
}
