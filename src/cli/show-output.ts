// What a program elsewhere wrote, on this machine's outputs: a pipe gets its bytes, a terminal nothing that would
// command it.

import { stripControl } from "./plain-text.ts";
import type { Output } from "./surroundings.ts";

export async function showOutput(output: Output, bytes: Uint8Array): Promise<void> {
  if (!output.isTerminal) return output.bytes(bytes);
  output.write(stripControl(new TextDecoder().decode(bytes)));
}
