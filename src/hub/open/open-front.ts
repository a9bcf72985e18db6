// What faces the network: the edge, which reads each head and decides; behind it the shares, the trunk's door,
// and the hub's own pages and API on an internal server.
import { Ticker } from "../../http1/ticker.ts";
import type { Listener } from "../../world/world.ts";
import { createApi } from "../api/api.ts";
import type { Addresses as ApiAddresses } from "../api/ports.ts";
import type { Addresses } from "../addresses.ts";
import { Edge } from "../edge/edge.ts";
import { failureAnswer } from "../edge/failure-answer.ts";
import { OwnPages } from "../edge/own-pages.ts";
import { proxiesOf } from "../edge/proxies.ts";
import { requestIds } from "../edge/request-ids.ts";
import { SERVICE_TARGET } from "../../protocol/service-address.ts";
import { ServiceGate } from "../services/service-gate.ts";
import { hasTicket } from "../services/service-path.ts";
import type { ShareDoor } from "../edge/share-exchange.ts";
import { trunkHandler } from "../edge/trunk-handler.ts";
import { USUAL_LIMITS } from "../hub-limits.ts";
import type { HubOptions } from "../hub-options.ts";
import { Unproven } from "../sessions/unproven.ts";
import { webSocketHandler } from "../sessions/web-socket-handler.ts";
import type { Core } from "./open-core.ts";
import type { Doors } from "./open-doors.ts";
import type { Presence } from "./open-presence.ts";

export interface Front {
  edge: Edge;
  /** Of the hub's own pages and API. */
  internal: Listener;
}

export interface Behind {
  core: Core;
  presence: Presence;
  doors: Doors;
}

type Api = ReturnType<typeof createApi>;

/** Takes connections once this resolves. */
export async function openFront(options: HubOptions, behind: Behind): Promise<Front> {
  const { world, log, insecure = false, limits = USUAL_LIMITS } = options;
  const { core, doors } = behind;
  const { addresses, devices, shares, metrics, listening } = core;
  const unproven = new Unproven({
    least: limits.unprovenSockets,
    devicesFrom: (source) => devices.countFrom(source),
  });
  const socketPath = `${options.socketFolder}/hub.sock`;
  await world.disk.makeFolder(options.socketFolder);
  const internal = await serveInside(options, behind, { socketPath, unproven });
  const door = shareDoor(core);
  const edge = new Edge({
    addresses,
    shares,
    devices,
    ticker: new Ticker({
      clock: world.clock,
      timers: world.timers,
    }),
    log: log.part("edge"),
    connectionsMax: limits.connections,
    trustedProxies: proxiesOf(options.trustedProxies ?? []),
    nextRequestId: requestIds(world.random),
    shareDoor: door,
    services: new ServiceGate({
      addresses,
      devices,
      ownerLogs: core.ownerLogs,
      crypto: options.crypto,
      shareDoor: door,
      now: core.now,
    }),
    ownPages: new OwnPages({
      network: world.network,
      path: socketPath,
      fail({ exchange, requestId }) {
        exchange.respond(
          failureAnswer({
            failure: "hub_pages",
            requestId,
            fields: exchange.request.fields,
          }),
        );
      },
    }),
    trunk: trunkHandler({
      door: doors.door,
      unproven,
      insecure,
    }),
    malformed: () => metrics.refused("malformed"),
  });
  listening.begin((socket) => edge.connection(socket));
  return { edge, internal };
}

function serveInside(
  options: HubOptions,
  behind: Behind,
  { socketPath, unproven }: { socketPath: string; unproven: Unproven },
): Promise<Listener> {
  const { world, insecure = false } = options;
  const { db, addresses } = behind.core;
  const { door, accounts } = behind.doors;
  const api = openApi(options, behind);
  const handleWebSocket = webSocketHandler({ world, door, accounts, db, addresses, unproven, insecure });
  return world.network.serve({
    address: { path: socketPath },
    fetch: async (request, accept) => {
      const facts = {
        visitor: request.headers.get("muster-visitor") ?? "",
        requestId: request.headers.get("muster-request-id") ?? "",
        // A proxy on this machine is not the visitor, although it is on loopback.
        carried: request.headers.has("muster-carried"),
        proxied: request.headers.has("muster-proxied"),
        https: request.headers.get("muster-scheme") === "https",
      };
      if (new URL(request.url).pathname === "/ws") return handleWebSocket(request, { accept, facts });
      return api.fetch(request, facts);
    },
  });
}

function openApi(options: HubOptions, { core, presence, doors }: Behind): Api {
  const { world, crypto, log, signer, version, limits = USUAL_LIMITS } = options;
  const { id, db, audit, metrics, ownerLogs, addresses, devices, directory, fleet } = core;
  const { life, owner } = presence;
  const { accounts, tokens, capabilities, queries } = doors;
  return createApi({
    db,
    clock: world.clock,
    timers: world.timers,
    crypto,
    audit,
    metrics,
    accounts,
    tokens,
    ownerLogs,
    fleet,
    life,
    version,
    log: log.part("api"),
    home: owner,
    capabilities,
    queries,
    addresses: apiAddresses(addresses),
    assets: options.assets,
    ...(options.downloads === undefined ? {} : { downloads: options.downloads }),
    hubSigner: signer,
    hubId: id,
    entriesPerMinute: limits.entriesPerMinute,
    guests: options.guests ?? false,
    ...(options.metricsToken === undefined ? {} : { metricsToken: options.metricsToken }),
    joined(deviceId) {
      devices
        .refresh(deviceId)
        .catch((error: unknown) =>
          log.error("a device that joined could not be read", { device: deviceId, error }),
        );
    },
    sessionsEnded(userId) {
      for (const session of directory.all()) {
        const { actor } = session;
        if (actor.kind === "person" && actor.userId === userId) session.close("unauthorized", "signed out");
      }
    },
  });
}

function shareDoor({ metrics, directory }: Core): ShareDoor {
  return {
    directory,
    fail({ exchange, requestId, share, request = exchange.request }, told) {
      const failure = share.shareId.startsWith(SERVICE_TARGET) ? SERVICE_FAILURES[told] : told;
      metrics.refused(told === "device_offline" ? "offline" : told === "device_busy" ? "limit" : "other");
      const { fields } = request;
      exchange.respond(failureAnswer({ failure, requestId, fields, program: hasTicket(fields) }));
    },
    done({ share }, { status, firstByteMs }) {
      const route = share.shareId.startsWith(SERVICE_TARGET) ? "service" : "share";
      metrics.request({ place: "share", route, status, seconds: firstByteMs / 1000 });
    },
  };
}

const SERVICE_FAILURES = {
  device_offline: "service_offline",
  device_busy: "service_busy",
  device_lost: "service_lost",
} as const;

function apiAddresses(addresses: Addresses): ApiAddresses {
  return {
    hubUrl: () => addresses.hubUrl,
    pageOrigin: () => addresses.pageUrl,
    isHubHost: (host) => addresses.meaning(host).kind === "own",
    labelOf(host) {
      const meaning = addresses.meaning(host);
      return meaning.kind === "label" ? meaning.label : undefined;
    },
    originOf: (label) => new URL(addresses.shareUrl(label)).origin,
    hostnameOf: (label) => addresses.deviceHost(label),
  };
}
