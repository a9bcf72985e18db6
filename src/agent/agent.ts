// The agent of one home, put together: what it stands on, what it shows, whose it is, whom it is paired with, the
// session with the hub, the local API. One opens after the other; what was begun ends in the opposite order.
import { BRIEF, PATIENT } from "../trunk/drain.ts";
import type { AgentOptions } from "./agent-options.ts";
import type { HubSessionState } from "./link/hub-session.ts";
import { Ends } from "./open/ends.ts";
import { openCapabilities, openCapabilityBook } from "./open/open-capabilities.ts";
import { openCore } from "./open/open-core.ts";
import { openLocalApi } from "./open/open-local-api.ts";
import { openOwners } from "./open/open-owners.ts";
import { openPeers } from "./open/open-peers.ts";
import { openServiceBook, openServiceDoor, proxyCapability } from "./open/open-services.ts";
import { openSession } from "./open/open-session.ts";
import { openShares } from "./open/open-shares.ts";

export interface Agent {
  /** Of the local API. */
  readonly port: number;
  readonly deviceId: string;
  /** The truth at this moment. */
  readonly hubState: HubSessionState;
  readonly notices: readonly string[];
  /** Apps end with the agent (the person said stop), or live on for the next one (the process just ends). */
  stop(apps: "stop" | "leave"): Promise<void>;
}

/** The home is held by the caller, for this agent alone. Resolves once the local API answers. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const ends = new Ends();
  try {
    return await start(options, ends);
  } catch (error) {
    await ends.run(options.log);
    throw error;
  }
}

async function start(options: AgentOptions, ends: Ends): Promise<Agent> {
  let apps: "stop" | "leave" = "leave";
  const core = await openCore(options, ends);
  const shown = await openShares({ ...options, appsAtEnd: () => apps }, core, ends);
  const services = openServiceBook(options, core, ends);
  const capabilities = openCapabilityBook(options, core, ends);
  const owned = await openOwners(
    { ...options, appsAtEnd: () => apps },
    { core, shown, services, capabilities, ends },
  );
  const serviceDoor = openServiceDoor(options, { core, owned, services, ends });
  const paired = openPeers(options, core, ends);
  const offering = openCapabilities(options, { core, owned, book: capabilities, ends });
  offering.book.add(proxyCapability(options.services));
  const parts = { core, shown, owned, paired, offering, services, serviceDoor };
  const session = openSession(options, parts, ends);
  // A person who said stop waits; a service manager has time.
  ends.add(() => session.leave(apps === "stop" ? BRIEF : PATIENT));
  // Files on their way are not waited for: they go on where they are cut.
  ends.add(() => paired.files?.close());
  const port = await openLocalApi(options, parts, ends);
  services.start();
  // One that was killed between the entry and the wiping ends now what it did not end before.
  if (owned.book.log !== undefined) owned.grown(owned.book.log);
  if (!owned.removed.isSo) {
    session.start();
    core.inBackground("named link", shown.tunnel.start());
  }
  let stopping: Promise<void> | undefined;
  return {
    port,
    deviceId: options.hub.device_id,
    get hubState() {
      return core.hub.state;
    },
    get notices() {
      return core.notices.all();
    },
    stop(then) {
      apps = then;
      stopping ??= ends.run(options.log);
      return stopping;
    },
  };
}
