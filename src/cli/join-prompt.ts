// What a person needs to let this machine in from the hub's page: where, the code, the words to compare, and a QR
// code where a phone may be nearer than a keyboard. On standard error, beside the progress that goes on below.

import { encode } from "uqr";
import type { Invocation } from "./invocation.ts";
import { plainLine } from "./plain-text.ts";
import type { Progress } from "./progress.ts";
import type { JoinPrompt } from "./surroundings.ts";

/** Two rows of modules in one line of text. */
const HALVES = [" ", "▄", "▀", "█"] as const;
const QUIET_MODULES = 2;

export function showPrompt({ err }: Invocation, prompt: JoinPrompt, progress: Pick<Progress, "hold">): void {
  const { userCode, url, completeUrl, words, expiresInMs } = prompt;
  progress.hold(() => {
    err.line(`Open ${err.style("bold", plainLine(url))}`);
    err.line(
      `and enter the code  ${err.style("bold", plainLine(userCode))}  within ${expiresInMs / 60_000} min.`,
    );
    err.line(`There, and on the controller, these words must stand:\n  ${plainLine(words.join(" "))}`);
    if (!err.interactive) return;
    const lines = qrLines(plainLine(completeUrl));
    if ((lines[0]?.length ?? 0) <= err.columns) for (const line of lines) err.line(line);
  });
}

/** Light on dark, as terminals are more often; cameras read both. */
function qrLines(text: string): string[] {
  const { data, size } = encode(text, { border: QUIET_MODULES });
  const lines: string[] = [];
  for (let y = 0; y < size; y += 2) {
    let line = "";
    for (let x = 0; x < size; x++) {
      const upper = data[y]?.[x] === true ? 0 : 2;
      const lower = data[y + 1]?.[x] === true ? 0 : 1;
      line += HALVES[upper + lower] ?? " ";
    }
    lines.push(line);
  }
  return lines;
}
