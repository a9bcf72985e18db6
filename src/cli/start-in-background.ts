// Starts this program again as the agent of this home, detached, and waits until it is reachable. If it ends
// early, what it wrote last is the error; if this run is interrupted before it could say that all is well, it is ended
// too, and has ended when this run does.

import { join } from "node:path";
import { ERROR_TABLE, MusterError } from "../protocol/errors.ts";
import type { Invocation } from "./invocation.ts";
import { findAgent, type LocalAgent } from "./local-api.ts";
import { logSize, tailOf } from "./log-tail.ts";
import { joinedHub } from "./overview.ts";
import { startProgress } from "./progress.ts";
import type { Background, HubAddress, StartFacts } from "./surroundings.ts";
import { pause, waitFor } from "./wait.ts";

/** Set for who runs in the background: what it prints goes to a log, where a sign-in link must not stand. */
export const BACKGROUND = "MUSTER_BACKGROUND";
const LOOK_EVERY_MS = 100;
const AGENT_TIMEOUT_MS = 30_000;
/** A hub elsewhere may be away: the agent has started all the same. */
const HUB_TIMEOUT_MS = 10_000;
/** Less than an interrupted `start` may take in all (define-machine.ts). */
const STOP_TIMEOUT_MS = 5_000;

export interface BackgroundOptions extends HubAddress {
  tunnel: boolean;
  /** Absolute. */
  config?: string;
  services?: readonly string[];
  disabled?: readonly string[];
}

export interface Started {
  facts: StartFacts;
  /** The agent runs, but something is not as it should be. */
  warning: string | undefined;
}

export async function startInBackground(
  invocation: Invocation,
  options: BackgroundOptions,
): Promise<Started> {
  const { surroundings, home } = invocation;
  const logFile = join(home, "logs", "agent.log");
  const logFrom = await logSize(surroundings.disk, logFile);
  invocation.interrupted.throwIfAborted();
  const background = surroundings.spawnSelf(argumentsOf(options), {
    logFile,
    environment: { MUSTER_HOME: home, [BACKGROUND]: "1" },
  });
  const progress = startProgress(invocation, "Starting");
  let left: { exitCode: number | null } | undefined;
  void background.exited.then((exitCode) => (left = { exitCode }));
  try {
    const agent = await waitFor(
      invocation,
      { everyMs: LOOK_EVERY_MS, timeoutMs: AGENT_TIMEOUT_MS },
      async () => {
        // Looked at first: what it wrote before it ended is complete then.
        const ended = left;
        const search = await findAgent(invocation);
        if (search.state === "running") return search.agent;
        if (ended === undefined) return undefined;
        // Another start was faster: what it starts is what was asked for.
        const holder = await surroundings.homeHolder(home);
        if (holder?.runs === "agent") return undefined;
        throw await endedEarly(invocation, { logFile, logFrom, ...ended });
      },
    );
    if (agent === undefined) {
      throw new MusterError("unavailable", `the agent did not answer within ${AGENT_TIMEOUT_MS / 1_000} s`, {
        hint: `see ${logFile}`,
      });
    }
    progress.phase("Connecting to the hub");
    const started = await connected(invocation, agent, logFile);
    // Not every step hears of an interrupt; whoever interrupts this is told that nothing runs.
    invocation.interrupted.throwIfAborted();
    return started;
  } catch (thrown) {
    if (left === undefined) {
      progress.phase("Stopping");
      await endIt(invocation, background);
    }
    throw thrown;
  } finally {
    progress.end();
  }
}

/** What is known of a running agent. Its login link is null once it was used. */
export async function factsOf(invocation: Invocation, agent: LocalAgent): Promise<StartFacts> {
  const { hub, device } = await agent.call("status", {});
  const login = await loginUrl(invocation, agent);
  const lan = (await joinedHub(invocation))?.lan_url;
  return {
    hub_url: hub.url,
    ...(lan === undefined ? {} : { lan_url: lan }),
    login_url: login,
    device_id: device.id,
    device_name: device.name,
    pid: agent.pid,
  };
}

async function connected(invocation: Invocation, agent: LocalAgent, logFile: string): Promise<Started> {
  const state = await waitFor(invocation, { everyMs: LOOK_EVERY_MS, timeoutMs: HUB_TIMEOUT_MS }, async () => {
    const { hub } = await agent.call("status", {});
    return hub.state === "connecting" ? undefined : hub;
  });
  const facts = await factsOf(invocation, agent);
  if (state?.state === "connected") return { facts, warning: undefined };
  const problem =
    state === undefined
      ? `the hub ${facts.hub_url} can't be reached yet; the agent keeps trying`
      : `the hub ${facts.hub_url} refuses this device${state.reason === null ? "" : `: ${state.reason}`}`;
  if ((await joinedHub(invocation))?.embedded === true) {
    throw new MusterError("hub_unreachable", problem, { hint: `see ${logFile}` });
  }
  return { facts, warning: problem };
}

/** Of a hub elsewhere only a controller may ask for one: then there is none to show. */
async function loginUrl({ interrupted }: Invocation, agent: LocalAgent): Promise<string | null> {
  try {
    return (await agent.call("login_link", { even_if_signed_in: false })).login_url;
  } catch (thrown) {
    interrupted.throwIfAborted();
    if (thrown instanceof MusterError && thrown.code !== "internal") return null;
    throw thrown;
  }
}

function argumentsOf(options: BackgroundOptions): string[] {
  const args = ["start", "--foreground"];
  if (options.port !== undefined) args.push("--port", String(options.port));
  if (options.host !== undefined) args.push("--host", options.host);
  if (!options.tunnel) args.push("--no-tunnel");
  if (options.config !== undefined) args.push("--config", options.config);
  for (const service of options.services ?? []) args.push("--service", service);
  for (const protocol of options.disabled ?? []) args.push("--disable-capability", protocol);
  return args;
}

/** The background program reports as any run does: its last `muster: error:` is the cause. */
async function endedEarly(
  { surroundings }: Invocation,
  { logFile, logFrom, exitCode }: { logFile: string; logFrom: number; exitCode: number | null },
): Promise<MusterError> {
  const lines = await tailOf(surroundings.disk, logFile, logFrom);
  const last = (mark: string): string | undefined => {
    return lines.findLast((line) => line.startsWith(mark))?.slice(mark.length);
  };
  const cause = last("muster: error: ") ?? lines.findLast((line) => line.trim() !== "");
  const message =
    cause === undefined ? "the agent ended before it was reachable" : `could not start: ${cause}`;
  const ofUsage = exitCode === ERROR_TABLE.usage.exitCode ? "usage" : "app_failed";
  return new MusterError(portWord(message) ? "port_taken" : ofUsage, message, {
    hint: last("muster: hint: ") ?? `see ${logFile}`,
  });
}

function portWord(message: string): boolean {
  return /\bport\b.*\b(?:taken|in use)\b|EADDRINUSE/i.test(message);
}

async function endIt(invocation: Invocation, background: Background): Promise<void> {
  background.stop();
  // Not the interrupted signal: this is what an interrupt waits for.
  const patient = { ...invocation, interrupted: new AbortController().signal };
  await Promise.race([background.exited, pause(patient, STOP_TIMEOUT_MS)]);
}
