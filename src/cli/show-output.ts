// What a program elsewhere wrote, on this machine's outputs: a pipe gets its bytes, a terminal nothing that would
// command it.

import { stripControl } from "./plain-text.ts";
import type { Output } from "./surroundings.ts";

/** Pieces of one output, one after the other, cut anywhere, within a character too. */
export function shownOn(output: Output): (bytes: Uint8Array) => Promise<void> {
  const decoder = new TextDecoder();
  return async (bytes) => {
    if (!output.isTerminal) return output.bytes(bytes);
    output.write(stripControl(decoder.decode(bytes, { stream: true })));
  };
}
