// `muster version`.

import { printJson, type Invocation } from "../invocation.ts";

export async function version(invocation: Invocation): Promise<void> {
  const { version } = invocation.surroundings;
  if (invocation.json) printJson(invocation, { version });
  else invocation.out.line(`muster ${version}`);
}
