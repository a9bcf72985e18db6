// Ends the agent of this home by its own API, so that its apps end with it. Ended means that its process is gone.

import { MusterError } from "../protocol/errors.ts";
import type { Invocation } from "./invocation.ts";
import type { LocalAgent } from "./local-api.ts";
import { startProgress } from "./progress.ts";
import { waitFor } from "./wait.ts";

const LOOK_EVERY_MS = 50;
const END_TIMEOUT_MS = 10_000;

export async function stopAgent(invocation: Invocation, agent: LocalAgent): Promise<void> {
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
