// The session with the hub: who it is for, and which part hears what comes over it.
import { readCallOpen } from "../../protocol/call-open.ts";
import type { HubMessage, HubToClient } from "../../protocol/messages.ts";
import { nextSessionNumber } from "../../store/session-numbers.ts";
import type { AgentOptions, HubLink } from "../agent-options.ts";
import { reportHealth } from "../health-report.ts";
import { HubSession, type HubSessionOptions } from "../link/hub-session.ts";
import { LogFollower } from "../log-follower.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { ServiceBook } from "../services/service-book.ts";
import type { ServiceDoor } from "../services/service-door.ts";
import { openShareStream } from "../streams.ts";
import type { Ends } from "./ends.ts";
import type { Offering } from "./open-capabilities.ts";
import type { Core } from "./open-core.ts";
import type { Owned } from "./open-owners.ts";
import type { Paired } from "./open-peers.ts";
import type { Shown } from "./open-shares.ts";

export interface Parts {
  core: Core;
  shown: Shown;
  owned: Owned;
  paired: Paired;
  offering: Offering;
  services: ServiceBook;
  serviceDoor: ServiceDoor;
}

type Following = Parts & { follower: LogFollower };

/** Not started yet. */
export function openSession(options: AgentOptions, parts: Parts, ends: Ends): HubLink {
  const { world, crypto, signer, log, pulse, version, hub: joined } = options;
  const { core } = parts;
  const make = options.openSession ?? ((session: HubSessionOptions): HubLink => new HubSession(session));
  const session = make({
    world,
    crypto,
    signer,
    pulse,
    log,
    address: options.hubAddress ?? { url: joined.hub_url },
    hubKey: core.hubKey,
    about: { ...options.about, version },
    sessionKind: "register",
    nextSession: () => nextSessionNumber(core.db, joined.hub_id, world.clock.now()),
    events: eventsOf(options, parts, ends),
  });
  core.late.session = session;
  return session;
}

function eventsOf(options: AgentOptions, parts: Parts, ends: Ends): HubSessionOptions["events"] {
  const { world, ticker, log } = options;
  const { gateway, shares } = parts.shown;
  const { commanding } = parts.owned;
  const { hub, inBackground } = parts.core;
  const follower = new LogFollower({ timers: world.timers, hub, logs: parts.owned.logs, inBackground });
  ends.add(() => follower.close());
  const connected = whenConnected(options, { ...parts, follower }, ends);
  const heard = whenHeard(options, { ...parts, follower });
  return {
    state: (state) => {
      log.info("session with the hub", {
        at: state.at,
        problem: state.at === "connected" ? undefined : state.problem?.message,
      });
      if (state.at === "connected") connected(state.registered);
    },
    message: heard,
    opened: (stream, payload) =>
      parts.paired.files?.open(stream, payload) ??
      commanding.open(stream, payload) ??
      openCall(parts, stream, payload) ??
      openShareStream(
        { clock: world.clock, ticker, gateway, shares, services: parts.serviceDoor },
        stream,
        payload,
      ),
  };
}

/** Undefined for a stream that is no call. */
function openCall(
  { offering }: Parts,
  stream: TrunkStream,
  payload: Uint8Array,
): TrunkStreamEvents | undefined {
  switch (readCallOpen(payload)) {
    case "capability":
      return offering.calls.open(stream);
    case "query":
      return offering.queries.open(stream);
    case undefined:
      return undefined;
  }
}

function whenConnected(
  options: AgentOptions,
  { core, shown, paired, offering, services, follower }: Following,
  ends: Ends,
): (registered: HubMessage<"registered">) => void {
  const { hub, inBackground } = core;
  const health = reportHealth(options.world.timers, hub, options.health);
  ends.add(() => health.stop());
  return ({ owner_heads: heads }) => {
    core.late.named = undefined;
    health.connected();
    paired.post.connected();
    inBackground("nickname", paired.tellNickname());
    offering.book.connected();
    services.connected();
    paired.files?.connected();
    follower.connected(heads);
    inBackground("shares", shown.shares.connected());
    inBackground(
      "named link",
      shown.tunnel.want(() => hub.request({ type: "tunnel_want" }, "done")),
    );
    inBackground(
      "named link",
      shown.tunnel.leave(() => hub.request({ type: "tunnel_drop" }, "done")),
    );
  };
}

function whenHeard(
  { log }: AgentOptions,
  { core, shown, owned, paired, follower }: Following,
): (message: HubToClient) => void {
  const { hub, inBackground } = core;
  return (message) => {
    paired.post.heard(message);
    if (message.type === "log_entries") {
      follower.heard(message.owner_root, message.entries);
    } else if (message.type === "command") {
      inBackground(
        "command",
        owned.commands.handle(message).then((outcome) => void hub.send(outcome)),
      );
    } else if (message.type === "tunnel_credentials") {
      const taken = shown.tunnel
        .take(message)
        .then((isTaken) => void (isTaken && hub.send({ type: "tunnel_taken" })));
      inBackground("named link", taken);
    } else if (message.type === "device_named") {
      core.late.named = { name: message.name, hostname: message.hostname };
      inBackground("nickname", paired.tellNickname());
    } else if (message.type === "pairing_message") {
      paired.pairing.heard(message);
    } else if (message.type === "error") {
      log.warn("hub complains", { error_code: message.code, problem: message.message });
    }
  };
}
