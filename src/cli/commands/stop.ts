// `muster stop`: whatever runs in this home, agent, hub or both. Stopped means that its process is gone.

import { printJson, type Invocation } from "../invocation.ts";
import { agentMissing, findAgent } from "../local-api.ts";
import { stopAgent, stopHolder } from "../stop-agent.ts";
import { stopApp } from "./apps.ts";

export async function stop(invocation: Invocation, app: string | undefined): Promise<void> {
  if (app !== undefined) return stopApp(invocation, app);
  const search = await findAgent(invocation);
  if (search.state === "silent") throw agentMissing(search);
  if (search.state === "absent") return stopOther(invocation);
  await stopAgent(invocation, search.agent);
  // What keeps the agent running would start it again.
  const desk = await invocation.surroundings.openService(invocation.home);
  if ((await desk.state()) !== undefined) await desk.stop();
  if (invocation.json) return printJson(invocation, { stopped: true, pid: search.agent.pid });
  invocation.out.line("Stopped. Start again: muster start");
}

/** `muster hub` has no local API, and its address may be for others' names only; its home's lock names it. */
async function stopOther(invocation: Invocation): Promise<void> {
  const { surroundings, home, json, out } = invocation;
  const holder = await surroundings.homeHolder(home);
  if (holder === undefined) {
    if (json) return printJson(invocation, { stopped: false, pid: null });
    return out.line("Nothing runs here.");
  }
  await stopHolder(invocation, holder.pid);
  if (json) return printJson(invocation, { stopped: true, pid: holder.pid });
  out.line(`Stopped. Start again: muster ${holder.runs === "hub" ? "hub" : "start"}`);
}
