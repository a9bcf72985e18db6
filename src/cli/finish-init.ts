// From joined to reachable: settings and marker, the service, its session with the hub, and a request to the
// device's own public address. Each step may be repeated, and a second run finds everything done.

import { MusterError } from "../protocol/errors.ts";
import type { DeviceKind } from "../protocol/views.ts";
import { installAgent } from "./commands/service.ts";
import type { Invocation } from "./invocation.ts";
import { findAgent, requireAgent } from "./local-api.ts";
import { joinedHub } from "./overview.ts";
import { startProgress } from "./progress.ts";
import { stopAgent } from "./stop-agent.ts";
import type { JoinResult, ServiceDesk } from "./surroundings.ts";
import { waitFor } from "./wait.ts";

export interface FinishOptions {
  hubUrl: string;
  joined: JoinResult;
  kind: DeviceKind | undefined;
  location: string | undefined;
  /** This device takes a Cloudflare named tunnel. */
  namedLink: boolean;
  /** Undefined: the device is registered only. */
  desk: ServiceDesk | undefined;
}

export interface Finished {
  /** Null where the hub has no domain, or nothing was started. */
  url: string | null;
  notes: string[];
}

const LOOK_EVERY_MS = 200;
const CONNECT_TIMEOUT_MS = 30_000;
/** A new name may take its time through the world's DNS. */
const PROOF_TIMEOUT_MS = 30_000;

export async function finishInit(invocation: Invocation, options: FinishOptions): Promise<Finished> {
  const { surroundings, home } = invocation;
  const { hubUrl, kind, location, namedLink, desk, joined } = options;
  const settled = await surroundings.settle({
    home,
    hubUrl,
    ...(kind === undefined ? {} : { kind }),
    ...(location === undefined ? {} : { location }),
    ...(namedLink ? { namedLink } : {}),
  });
  if (desk === undefined) return { url: null, notes: settled.notes };
  if (!joined.before) await endFormer(invocation, desk);
  const installed = await installAgent(invocation, desk);
  const notes = [...settled.notes, ...installed.notes];
  const progress = startProgress(invocation, "Connecting to the hub");
  try {
    await connected(invocation, hubUrl);
    if (joined.hostname === "") return { url: null, notes };
    const url = addressOf(hubUrl, joined.hostname);
    progress.phase(`Proving ${url}`);
    await proved(invocation, url);
    return { url, notes };
  } finally {
    progress.end();
  }
}

/** An agent that runs from before speaks to the hub that this home has left. */
async function endFormer(invocation: Invocation, desk: ServiceDesk): Promise<void> {
  const search = await findAgent(invocation);
  if (search.state === "running") await stopAgent(invocation, search.agent);
  if ((await desk.state())?.state === "running") await desk.stop();
}

async function connected(invocation: Invocation, hubUrl: string): Promise<void> {
  const times = { everyMs: LOOK_EVERY_MS, timeoutMs: CONNECT_TIMEOUT_MS };
  let reason = "";
  const state = await waitFor(invocation, times, async () => {
    const agent = await requireAgent(invocation).catch((thrown: unknown) => {
      if (thrown instanceof MusterError) return undefined; // it is just starting
      throw thrown;
    });
    if (agent === undefined) return undefined;
    const { hub } = await agent.call("status", {});
    reason = hub.reason ?? "";
    return hub.state === "connecting" ? undefined : hub.state;
  });
  if (state === "connected") return;
  const what = state === "refused" ? "refuses this device" : "is not reached by the agent yet";
  throw new MusterError("hub_unreachable", `the hub ${hubUrl} ${what}${reason === "" ? "" : `: ${reason}`}`, {
    hint: "the device has joined and its agent goes on trying: `muster service status`, `muster service logs`",
  });
}

async function proved(invocation: Invocation, url: string): Promise<void> {
  const { surroundings, interrupted } = invocation;
  const { ca } = (await joinedHub(invocation)) ?? {};
  const times = { everyMs: LOOK_EVERY_MS * 5, timeoutMs: PROOF_TIMEOUT_MS };
  const health = { url: `${url}health`, ...(ca === undefined ? {} : { ca }), stop: interrupted };
  const answers = await waitFor(invocation, times, async () =>
    (await surroundings.deviceAnswers(health)) ? true : undefined,
  );
  if (answers === true) return;
  throw new MusterError("unavailable", `${url} does not lead to this device yet`, {
    hint: "the device is connected; look whether the hub's domain and its wildcard (*.) point at the hub",
  });
}

/** As the hub is reached, with the device's own name: same scheme, same port. */
export function addressOf(hubUrl: string, hostname: string): string {
  const url = new URL(hubUrl);
  url.hostname = hostname;
  return url.href;
}
