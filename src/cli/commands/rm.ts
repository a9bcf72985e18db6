// `muster rm SHARE`. The agent finds the share by name or unique prefix, and names the candidates if there are several.

import { printJson, type Invocation } from "../invocation.ts";
import { requireAgent } from "../local-api.ts";
import { plainValue } from "../plain-text.ts";

export async function remove(invocation: Invocation, share: string): Promise<void> {
  const agent = await requireAgent(invocation);
  const removed = await agent.call("remove", { share });
  if (invocation.json) return printJson(invocation, removed);
  const { id, name } = plainValue(removed);
  invocation.out.line(`Removed ${invocation.out.style("bold", name)} (${id}).`);
}
