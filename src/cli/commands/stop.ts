// `muster stop`: the agent of this home, and the hub in its process. Stopped means that its process is gone.

import { MusterError } from "../../protocol/errors.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { agentMissing, findAgent } from "../local-api.ts";
import { hubAnswers, joinedHub } from "../overview.ts";
import { stopAgent } from "../stop-agent.ts";
import { stopApp } from "./apps.ts";

export async function stop(invocation: Invocation, app: string | undefined): Promise<void> {
  if (app !== undefined) return stopApp(invocation, app);
  const search = await findAgent(invocation);
  if (search.state === "silent") throw agentMissing(search);
  if (search.state === "absent") {
    await refuseForHub(invocation);
    if (invocation.json) return printJson(invocation, { stopped: false, pid: null });
    return invocation.out.line("Nothing runs here.");
  }
  await stopAgent(invocation, search.agent);
  // What keeps the agent running would start it again.
  const desk = await invocation.surroundings.openService(invocation.home);
  if ((await desk.state()) !== undefined) await desk.stop();
  if (invocation.json) return printJson(invocation, { stopped: true, pid: search.agent.pid });
  invocation.out.line("Stopped. Start again: muster start");
}

/** `muster hub` has no local API: it belongs to the terminal, unit or container that runs it. */
async function refuseForHub(invocation: Invocation): Promise<void> {
  const joined = await joinedHub(invocation);
  if (joined?.embedded !== true || !(await hubAnswers(invocation, joined))) return;
  throw new MusterError(
    "conflict",
    `no agent runs here, but the hub of this home does, at ${joined.hub_url}`,
    {
      hint: "it ends with what runs `muster hub`: Ctrl-C there, or stop its unit",
    },
  );
}
