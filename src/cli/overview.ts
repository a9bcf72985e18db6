// Everything that is known of this machine and its fleet, from whoever can tell: the agent of this home, else
// the hub itself where this home holds a controller key, else only the files of the home.

import { join } from "node:path";
import { MusterError } from "../protocol/errors.ts";
import { hubFile, INSECURE_NOTICE, type HubFile, type LocalResponse } from "../protocol/local-api.ts";
import type { DeviceView, FleetView, ShareView } from "../protocol/views.ts";
import { readJsonFile } from "./bounded-json.ts";
import type { Invocation } from "./invocation.ts";
import { agentMissing, findAgent, type LocalAgent } from "./local-api.ts";
import { plainLine } from "./plain-text.ts";
import type { HubSession } from "./hub-session.ts";

export interface Overview {
  hub: {
    url: string | null;
    state: "connected" | "connecting" | "refused" | "stopped";
    since: string | null;
    reason: string | null;
  };
  device: { id: string | null; name: string | null };
  /** Of the whole fleet, this device's own first. */
  shares: ShareView[];
  /** Undefined while nobody can tell. */
  devices: DeviceView[] | undefined;
  notices: string[];
}

export async function lookAround(invocation: Invocation): Promise<Overview> {
  const search = await findAgent(invocation);
  if (search.state === "running") return ofAgent(await search.agent.call("status", {}));
  const joined = await joinedHub(invocation);
  const silent = search.state === "silent" ? agentMissing(search) : undefined;
  const notices = silent?.hint === undefined ? [] : [silent.hint];
  if (joined?.controller !== true) return ofFiles(joined, { notices, silent });
  try {
    return await withHubSession(invocation, async (session) => {
      const { fleet } = await session.request("fleet_get", {});
      return ofHub(session, fleet, joined);
    });
  } catch (thrown) {
    invocation.interrupted.throwIfAborted();
    if (!(thrown instanceof MusterError) || thrown.code === "internal") throw thrown;
    // Its own hub is simply not running; a hub elsewhere that refuses or can't be reached is worth a word.
    return ofFiles(joined, { notices: joined.embedded ? notices : [...notices, thrown.message], silent });
  }
}

/** Asks the agent where one runs, else the hub; `agent_not_running` where neither can be asked. */
export async function askAgentOrHub<Result>(
  invocation: Invocation,
  ask: { agent(agent: LocalAgent): Promise<Result>; hub(session: HubSession): Promise<Result> },
): Promise<Result> {
  const search = await findAgent(invocation);
  if (search.state === "running") return ask.agent(search.agent);
  const joined = await joinedHub(invocation);
  if (joined?.controller !== true) throw agentMissing(search);
  try {
    return await withHubSession(invocation, ask.hub);
  } catch (thrown) {
    // Its own hub can only be away because nothing runs here.
    const away = thrown instanceof MusterError && thrown.code === "hub_unreachable";
    throw away && joined.embedded ? agentMissing(search) : thrown;
  }
}

/** The hub that this home has joined. */
export async function joinedHub({ surroundings, home }: Invocation): Promise<HubFile | undefined> {
  const file = hubFile.safeParse(await readJsonFile(surroundings.disk, join(home, "hub.json")));
  return file.success ? file.data : undefined;
}

async function withHubSession<Result>(
  { surroundings, home, interrupted }: Invocation,
  use: (session: HubSession) => Promise<Result>,
): Promise<Result> {
  const session = await surroundings.attach(home);
  const close = (): void => session.close();
  interrupted.addEventListener("abort", close, { once: true });
  try {
    return await use(session);
  } finally {
    interrupted.removeEventListener("abort", close);
    session.close();
  }
}

function ofAgent(status: LocalResponse<"status">): Overview {
  const { hub, device, shares, fleet, notices } = status;
  const own = new Set(shares.map((share) => share.id));
  const others = (fleet?.shares ?? []).filter((share) => !own.has(share.id));
  return {
    hub: { url: hub.url, state: hub.state, since: hub.since, reason: hub.reason },
    device,
    shares: [...shares, ...others],
    devices: fleet?.devices,
    notices: hub.owner_key_on_hub ? [...notices, "an owner key lives on the hub"] : notices,
  };
}

function ofHub(session: HubSession, fleet: FleetView, joined: HubFile): Overview {
  return {
    hub: { url: fleet.hub.url, state: "connected", since: null, reason: null },
    device: session.device,
    shares: fleet.shares,
    devices: fleet.devices,
    notices: joined.insecure === true ? [INSECURE_NOTICE] : [],
  };
}

/** `silent`: something has this home, and does not answer. */
function ofFiles(
  joined: HubFile | undefined,
  { notices, silent }: { notices: readonly string[]; silent: MusterError | undefined },
): Overview {
  return {
    hub: { url: joined?.hub_url ?? null, state: "stopped", since: null, reason: silent?.message ?? null },
    device: { id: joined?.device_id ?? null, name: joined?.name ?? null },
    shares: [],
    devices: undefined,
    notices: notices.map(plainLine),
  };
}
