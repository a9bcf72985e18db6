// `muster start APP` and `muster stop APP`: the process of one app.

import { printJson, type Invocation } from "../invocation.ts";
import { requireAgent } from "../local-api.ts";
import { plainValue } from "../plain-text.ts";
import { startProgress } from "../progress.ts";

export async function startApp(invocation: Invocation, app: string): Promise<void> {
  const agent = await requireAgent(invocation);
  const progress = startProgress(invocation, `Starting ${app}`);
  const { share } = await agent.call("start_app", { share: app }).finally(progress.end);
  if (invocation.json) return printJson(invocation, share);
  const { out } = invocation;
  const { name, url } = plainValue(share);
  out.line(url === "" ? `App started: ${name}` : `App started: ${out.style("bold", url)}`);
}

export async function stopApp(invocation: Invocation, app: string): Promise<void> {
  const agent = await requireAgent(invocation);
  const progress = startProgress(invocation, `Stopping ${app}`);
  const { share } = await agent.call("stop_app", { share: app }).finally(progress.end);
  if (invocation.json) return printJson(invocation, share);
  const { name } = plainValue(share);
  invocation.out.line(`Stopped ${name}. Start it again: muster start ${name}`);
}
