// A session with a hub by this home's own key, as long as a command runs.
import { HubSession } from "../agent/link/hub-session.ts";
import { fromBase64Url } from "../protocol/bytes.ts";
import { MusterError } from "../protocol/errors.ts";
import type { HubFile } from "../protocol/local-api.ts";
import { SILENT_LOG } from "../protocol/log.ts";
import type { HubToClient } from "../protocol/messages.ts";
import { RESET } from "../trunk/frame.ts";
import { Pulse } from "../trunk/liveness.ts";
import { hubAddress } from "./hub-address.ts";
import type { Environment, HomeParts } from "./parts.ts";

/** A hub on this machine or in reach answers far sooner. */
const CONNECT_TIMEOUT_MS = 6000;

/** The hub, and what this home is called there if it is a device of it. */
type Joined = Pick<HubFile, "hub_url" | "hub_key" | "insecure" | "ca" | "local_url"> & { name?: string };

interface ConnectedOptions {
  environment: Environment;
  sessionKind: "attach" | "register" | "guest";
  nextSession(): Promise<number>;
  message?(message: HubToClient): void;
}

/** A session by this home's key. Rejects where there is none in the time that a person waits. */
export async function connectedAs(
  parts: HomeParts,
  hubFile: Joined,
  options: ConnectedOptions,
): Promise<HubSession> {
  const { world, crypto, identity, about, version } = parts;
  let settle: (problem: MusterError | undefined) => void = () => {};
  const ready = new Promise<void>((resolve, reject) => {
    settle = (problem) => (problem === undefined ? resolve() : reject(problem));
  });
  const session: HubSession = new HubSession({
    world,
    crypto,
    signer: identity.signer,
    pulse: new Pulse(world.timers, world.clock),
    log: SILENT_LOG,
    address: hubAddress(hubFile, options.environment),
    hubKey: hubKeyOf(hubFile),
    about: { ...about, ...(hubFile.name === undefined ? {} : { name: hubFile.name }), version },
    sessionKind: options.sessionKind,
    nextSession: () => options.nextSession(),
    events: {
      state(state) {
        if (state.at === "connected") settle(undefined);
        // A person waits: what fails once is told at once.
        else if (state.problem !== undefined) settle(state.problem);
      },
      message: (message) => options.message?.(message),
      opened(stream) {
        // What is for the device waits for its agent, or is told that there is none.
        stream.reset(RESET.refused);
        return { data() {}, drain() {}, end() {}, close() {} };
      },
    },
  });
  const limit = world.timers.after(CONNECT_TIMEOUT_MS, () =>
    settle(new MusterError("hub_unreachable", `the hub at ${hubFile.hub_url} did not answer in time`)),
  );
  session.start();
  try {
    await ready;
    return session;
  } catch (error) {
    session.stop();
    throw error;
  } finally {
    limit.cancel();
  }
}

export function hubKeyOf(hubFile: Pick<HubFile, "hub_key">): Uint8Array {
  const key = fromBase64Url(hubFile.hub_key);
  if (key?.length === 32) return key;
  throw new MusterError("state_corrupt", "hub.json holds no hub key", { hint: "join the hub again" });
}
