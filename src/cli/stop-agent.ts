// Ends what runs in this home. Ended means that its process is gone.

import { MusterError } from "../protocol/errors.ts";
import type { Invocation } from "./invocation.ts";
import type { LocalAgent } from "./local-api.ts";
import { startProgress } from "./progress.ts";
import { waitFor } from "./wait.ts";

const LOOK_EVERY_MS = 50;
const AGENT_ENDS_WITHIN_MS = 10_000;
/** It lets requests in flight finish, and devices leave. */
const HUB_ENDS_WITHIN_MS = 35_000;

/** By its own API, so that its apps end with it. */
export function stopAgent(invocation: Invocation, agent: LocalAgent): Promise<void> {
  return untilGone(invocation, { pid: agent.pid, withinMs: AGENT_ENDS_WITHIN_MS }, async () => {
    await agent.call("stop", {}).catch((thrown: unknown) => {
      // It may be gone before its answer is through; whether it is gone is looked at below.
      if (!(thrown instanceof MusterError) || thrown.code !== "agent_not_running") throw thrown;
    });
  });
}

/** What holds this home and has no API of its own: a hub alone, or an agent that is just coming or going. */
export function stopHolder(invocation: Invocation, pid: number): Promise<void> {
  return untilGone(invocation, { pid, withinMs: HUB_ENDS_WITHIN_MS }, async () => {
    invocation.surroundings.endProcess(pid);
  });
}

async function untilGone(
  invocation: Invocation,
  { pid, withinMs }: { pid: number; withinMs: number },
  ask: () => Promise<void>,
): Promise<void> {
  const progress = startProgress(invocation, "Stopping");
  try {
    await ask();
    const gone = await waitFor(invocation, { everyMs: LOOK_EVERY_MS, timeoutMs: withinMs }, async () =>
      invocation.surroundings.processAlive(pid) ? undefined : true,
    );
    if (gone === true) return;
  } finally {
    progress.end();
  }
  throw new MusterError("unavailable", `process ${pid} has not ended within ${withinMs / 1_000} s`, {
    hint: `it may still be finishing requests; \`kill ${pid}\` ends it now`,
  });
}
