// `muster completion SHELL`.

import { completionScript, type Shell } from "../completion-scripts.ts";
import type { Invocation } from "../invocation.ts";

export async function completion(invocation: Invocation, shell: Shell): Promise<void> {
  invocation.out.write(completionScript(shell));
}
