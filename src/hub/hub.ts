// A hub, put together: what it stands on, who is here, who is let in, what faces the network, what is done by
// the clock. One function starts it and one ends it; every part gets what it needs as arguments and knows
// nothing of the others' making.
import { CALL_KINDS } from "../protocol/call-open.ts";
import { clientToHub } from "../protocol/messages.ts";
import { assertComplete } from "../protocol/permissions.ts";
import { SESSION_PURPOSES } from "../protocol/session-open.ts";
import { drain, PATIENT, type DrainBounds } from "../trunk/drain.ts";
import type { HubOptions } from "./hub-options.ts";
import { keepUp } from "./open/keep-up.ts";
import { openCore } from "./open/open-core.ts";
import { openDoors } from "./open/open-doors.ts";
import { openFront, type Behind, type Front } from "./open/open-front.ts";
import { openPresence, type Presence } from "./open/open-presence.ts";

export interface Hub {
  readonly id: string;
  readonly port: number;
  readonly url: string;
  readonly pageUrl: string;
  readonly ownerRoot: string;
  /** A one-time sign-in; null when an owner has signed in and no other link was asked for. */
  loginLink(evenIfSignedIn: boolean): Promise<string | null>;
  /** Takes no new connections, lets requests in flight finish, sends devices away, and closes everything. */
  close(bounds?: DrainBounds): Promise<void>;
}

/** For the last bytes of the last answers, once every answer is whole. */
const PARTING: DrainBounds = { usualMs: 500, longestMs: 500 };
/** Devices are asked back right away: another process may serve them already. */
const RECONNECT_AFTER_MS = 0;

export async function startHub(options: HubOptions): Promise<Hub> {
  const messages = clientToHub.options.map((one) => one.shape.type.value);
  assertComplete({ routes: [], messages, streams: [...SESSION_PURPOSES, ...CALL_KINDS] });
  const core = await openCore(options, {
    joined: (session) => presence.joined(session),
    left: (session) => presence.left(session),
  });
  const presence: Presence = await openPresence(options, core);
  const doors = openDoors(options, core, presence);
  const front = await openFront(options, { core, presence, doors });
  const stopKeepingUp = await keepUp(options, core, presence);
  const { id, addresses, listening } = core;
  options.log.info("hub listens", { url: addresses.hubUrl, hub: id });
  return {
    id,
    port: listening.port,
    url: addresses.hubUrl,
    pageUrl: addresses.pageUrl,
    ownerRoot: presence.owner.root,
    loginLink: doors.makeLoginLink,
    async close(bounds = PATIENT) {
      stopKeepingUp();
      listening.close();
      await partFromAll(options, { core, ...front }, bounds);
      front.internal.close();
      await core.devices.save();
      await core.closeStore();
    },
  };
}

/** Requests in flight finish, devices are told to come back, and the last bytes leave. */
async function partFromAll(
  { world }: HubOptions,
  { core, edge }: Pick<Behind, "core"> & Pick<Front, "edge">,
  bounds: DrainBounds,
): Promise<void> {
  const sessions = () => [...core.directory.all()];
  const bytes = () =>
    sessions().reduce((sum, { trunk: { counters } }) => sum + counters.bytesIn + counters.bytesOut, 0);
  edge.retire();
  for (const session of sessions()) session.trunk.goaway("the hub stops");
  await drain(world, { busy: () => edge.serving, bytes }, bounds);
  for (const session of sessions()) {
    session.send({ type: "reconnect", after_ms: RECONNECT_AFTER_MS });
    session.trunk.close("unavailable", "the hub stops");
  }
  await drain(world, { busy: () => edge.connectionCount > 0, bytes }, PARTING);
}
