// `muster agent`: only the agent, in the foreground; what a service unit runs.

import { configFile } from "../config-file.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { plainValue } from "../plain-text.ts";
import type { AgentFacts } from "../surroundings.ts";

export interface AgentFlags {
  port?: number | undefined;
  host?: string | undefined;
  config?: string | undefined;
  service?: string[] | undefined;
  disableCapability?: string[] | undefined;
}

export async function agent(invocation: Invocation, flags: AgentFlags): Promise<void> {
  const { surroundings, home, interrupted } = invocation;
  await surroundings.runAgent({
    home,
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.service === undefined ? {} : { services: flags.service }),
    ...(flags.disableCapability === undefined ? {} : { disabled: flags.disableCapability }),
    ...configFile(invocation, flags.config),
    stop: interrupted,
    ready: (facts) => printReady(invocation, facts),
  });
}

function printReady(invocation: Invocation, facts: AgentFacts): void {
  const { hub_url, device_id, device_name, pid } = plainValue(facts);
  if (invocation.json) return printJson(invocation, { hub_url, device_id, device_name, pid });
  invocation.out.line(`Agent started: ${invocation.out.style("bold", device_name)}, hub ${hub_url}`);
}
