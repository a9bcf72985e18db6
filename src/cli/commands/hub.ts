// `muster hub`: only the hub, in the foreground. The first line says where it is and how its owner signs in.

import { configFile } from "../config-file.ts";
import { hubOptions, type HubFlags } from "../hub-flags.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { isLoopbackUrl } from "../hub-url.ts";
import { plainValue } from "../plain-text.ts";
import type { HubStartFacts } from "../surroundings.ts";

export async function hub(
  invocation: Invocation,
  flags: HubFlags & { config?: string | undefined },
): Promise<void> {
  const { surroundings, home, interrupted } = invocation;
  await surroundings.runHub({
    home,
    ...hubOptions(invocation, flags),
    ...configFile(invocation, flags.config),
    stop: interrupted,
    ready: (facts) => printReady(invocation, facts),
  });
}

function printReady(invocation: Invocation, facts: HubStartFacts): void {
  if (invocation.json) return printJson(invocation, { hub_url: facts.hub_url, login_url: facts.login_url });
  const { out } = invocation;
  const { hub_url, lan_url, login_url } = plainValue(facts);
  const local = lan_url === undefined && isLoopbackUrl(hub_url);
  out.line(`Hub started: ${out.style("bold", hub_url)}${local ? " (local)" : ""}`);
  if (login_url !== null) out.line(`Open ${out.style("bold", login_url)} to sign in`);
  out.line("Let a machine in: muster device token");
}
