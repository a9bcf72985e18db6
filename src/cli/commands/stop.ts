// `muster stop`: the agent of this home, and the hub in its process. Stopped means that its process is gone.

import { MusterError } from "../../protocol/errors.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { agentMissing, findAgent, type LocalAgent } from "../local-api.ts";
import { startProgress } from "../progress.ts";
import { hubAnswers, joinedHub } from "../overview.ts";
import { waitFor } from "../wait.ts";
import { stopApp } from "./apps.ts";

const LOOK_EVERY_MS = 50;
const END_TIMEOUT_MS = 10_000;

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

async function stopAgent(invocation: Invocation, agent: LocalAgent): Promise<void> {
  const progress = startProgress(invocation, "Stopping");
  try {
    await agent.call("stop", {}).catch((thrown: unknown) => {
      // It may be gone before its answer is through; whether it is gone is looked at below.
      if (!(thrown instanceof MusterError) || thrown.code !== "agent_not_running") throw thrown;
    });
    const gone = await waitFor(
      invocation,
      { everyMs: LOOK_EVERY_MS, timeoutMs: END_TIMEOUT_MS },
      async () => {
        return invocation.surroundings.processAlive(agent.pid) ? undefined : true;
      },
    );
    if (gone === true) return;
  } finally {
    progress.end();
  }
  throw new MusterError(
    "unavailable",
    `process ${agent.pid} has not ended within ${END_TIMEOUT_MS / 1_000} s`,
    {
      hint: `it may still be finishing requests; \`kill ${agent.pid}\` ends it now`,
    },
  );
}
