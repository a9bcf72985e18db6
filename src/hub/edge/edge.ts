// The front door: one listener for everything. Each request is parsed by itself and its Host decides, for it
// alone: a share goes to the device that holds it, the hub's own names go to the hub's own pages, `/trunk`
// becomes a trunk. What a Host does not name gets nothing.
import type { Answer } from "../../http1/answer.ts";
import { NOBODY, type Exchange, type ExchangeEvents } from "../../http1/exchange.ts";
import { field } from "../../http1/field.ts";
import type { Refusal } from "../../http1/refusal.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { ServerConnection } from "../../http1/server-connection.ts";
import type { Ticker } from "../../http1/ticker.ts";
import type { Log } from "../../protocol/log.ts";
import { readServiceLabel, readServicePath } from "../../protocol/service-address.ts";
import type { ByteStreamEvents, Socket } from "../../world/world.ts";
import { isLocalName, withoutPort, type Addresses } from "../addresses.ts";
import type { DeviceBook } from "../device-book.ts";
import type { ServiceGate } from "../services/service-gate.ts";
import type { ShareTable } from "../shares/share-table.ts";
import { deviceHostAnswer } from "./device-host.ts";
import { Line } from "./line.ts";
import { failureAnswer, type EdgeFailure } from "./failure-answer.ts";
import type { OwnPages } from "./own-pages.ts";
import { visitShare, type ShareDoor, type VisitTarget } from "./share-exchange.ts";
import { pageAnswer, pagePath, pageRequest, type PagePath } from "./page-path.ts";
import type { Proxies } from "./proxies.ts";
import { TRUNK_PROTOCOL, type TakeTrunk } from "./trunk-handler.ts";
import { visitorOf, type Visitor } from "./visitor.ts";
import { isLoopbackAddress } from "../../protocol/actors.ts";

export interface EdgeParts {
  ticker: Ticker;
  log: Log;
  addresses: Addresses;
  connectionsMax: number;
  /** Proxies in front of this hub. */
  trustedProxies: Proxies;
  shares: ShareTable;
  devices: Pick<DeviceBook, "byLabel">;
  shareDoor: ShareDoor;
  services: ServiceGate;
  ownPages: OwnPages;
  nextRequestId(): string;
  /** A connection that asked to become a trunk; false refuses it. */
  trunk: TakeTrunk;
  /** A request that reached nobody: for the metrics. */
  malformed(): void;
}

export class Edge {
  readonly #parts: EdgeParts;
  /** What speaks HTTP. */
  readonly #connections = new Set<ServerConnection>();
  /** Of every kind. */
  readonly #lines = new Set<Line>();

  constructor(parts: EdgeParts) {
    this.#parts = parts;
  }

  readonly #closed = (line: Line): void => {
    this.#lines.delete(line);
    if (line.servedBy instanceof ServerConnection) this.#connections.delete(line.servedBy);
  };

  /** Who is told of a new connection's events. */
  connection(socket: Socket): ByteStreamEvents {
    if (this.#lines.size >= this.#parts.connectionsMax) {
      socket.close();
      return { data() {}, drain() {}, end() {}, close() {} };
    }
    const { ticker, log, malformed } = this.#parts;
    const line = new Line(this.#closed);
    this.#lines.add(line);
    const connection: ServerConnection = new ServerConnection({
      stream: socket,
      ticker,
      limits: LIMITS,
      handler: (request, exchange) => this.#handle(socket, request, exchange),
      refused: (refused) => {
        malformed();
        return refusedAnswer(refused);
      },
      handlerFailed: (error) => log.error("fault in a request", { error }),
      handedOver: (heir) => {
        this.#connections.delete(connection);
        line.serve(heir);
      },
    });
    this.#connections.add(connection);
    line.serve(connection);
    return line;
  }

  /** Every connection ends after the request it is at. */
  retire(): void {
    for (const connection of this.#connections) connection.retire();
  }

  get connectionCount(): number {
    return this.#lines.size;
  }

  /** Whether a request is in flight. What was upgraded is none any more, and has no end to wait for. */
  get serving(): boolean {
    for (const connection of this.#connections) if (connection.serving) return true;
    return false;
  }

  #handle(socket: Socket, request: RequestHead, exchange: Exchange): ExchangeEvents {
    const { addresses, shares, shareDoor, services, ownPages, nextRequestId, trustedProxies } = this.#parts;
    const from = visitorOf(socket, request.fields, trustedProxies);
    const { visitor, https } = from;
    const requestId = nextRequestId();
    const meaning = addresses.meaning(request.host);
    if (meaning.kind === "label") {
      const share = shares.byLabel(meaning.label) ?? this.#ofDevice(meaning.label, request, exchange);
      if (share === "answered") return NOBODY;
      const secure = isSecure(from, request.host);
      if (share === undefined) {
        const place = readServiceLabel(meaning.label);
        if (place === undefined) return this.#fail(exchange, { failure: "unknown_share", requestId });
        return services.atHost(exchange, place, { visitor, https, secure, requestId });
      }
      return visitShare(shareDoor, { share, exchange, visitor, https, secure, requestId });
    }
    if (meaning.kind === "unknown") return this.#fail(exchange, { failure: "unknown_host", requestId });
    if (request.target === "/trunk") return this.#trunk(socket, exchange, { requestId, from });
    const path = pagePath(request.target);
    if (path !== undefined) return this.#page(exchange, path, { requestId, from, mayCarry: !meaning.page });
    const service = readServicePath(request.target);
    if (service !== undefined) {
      // Never the host of the hub's own page.
      if (meaning.page) return this.#fail(exchange, { failure: "page_host", requestId });
      const secure = isSecure(from, request.host);
      return services.atPath(exchange, service, { visitor, https, secure, requestId });
    }
    return ownPages.visit({ exchange, ...from, requestId });
  }

  /** What a device's own host has at this path. */
  #ofDevice(label: string, request: RequestHead, exchange: Exchange): VisitTarget | "answered" | undefined {
    const { addresses, devices } = this.#parts;
    const device = devices.byLabel(label);
    if (device === undefined) return undefined;
    const found = deviceHostAnswer(request, addresses.pageUrl);
    if (found.kind === "nothing") return undefined;
    if (found.kind === "device") return { deviceId: device.device_id, shareId: found.target };
    exchange.respond(found.answer);
    return "answered";
  }

  /** `mayCarry`: never the host of the hub's own page, whose scripts and cookies a share must not be near. */
  #page(
    exchange: Exchange,
    path: PagePath,
    { requestId, from, mayCarry }: { requestId: string; from: Visitor; mayCarry: boolean },
  ): ExchangeEvents {
    const { shares, shareDoor } = this.#parts;
    const share = shares.byId(path.shareId);
    if (share === undefined) return this.#fail(exchange, { failure: "unknown_share", requestId });
    if (share.kind !== "page" || share.access !== "public") {
      return this.#fail(exchange, { failure: "needs_own_host", requestId });
    }
    if (!mayCarry) return this.#fail(exchange, { failure: "page_host", requestId });
    if (path.target === "") {
      exchange.respond({ status: 301, fields: [field("Location", path.whole)] });
      return NOBODY;
    }
    const { visitor, https } = from;
    const request = pageRequest(exchange.request, path);
    const answerHead = () => pageAnswer(request, path);
    // As a page on a host of its own: what is public needs no secret way.
    const secure = https || isLoopbackAddress(visitor);
    return visitShare(shareDoor, { share, exchange, request, answerHead, visitor, https, secure, requestId });
  }

  #trunk(
    socket: Socket,
    exchange: Exchange,
    { requestId, from }: { requestId: string; from: Visitor },
  ): ExchangeEvents {
    if (exchange.request.upgrade?.toLowerCase() !== TRUNK_PROTOCOL) {
      return this.#fail(exchange, { failure: "upgrade_needed", requestId });
    }
    const taken = this.#parts.trunk(socket, exchange, from);
    return taken ? NOBODY : this.#fail(exchange, { failure: "too_many_unproven", requestId });
  }

  #fail(exchange: Exchange, what: { failure: EdgeFailure; requestId: string }): ExchangeEvents {
    exchange.respond(failureAnswer({ ...what, fields: exchange.request.fields }));
    return NOBODY;
  }
}

/** A visitor that leaves half-closes too; what it asked for is let go soon, not in half a minute. */
const LIMITS = { halfClosedProbeMs: 1_000 };

/** Nobody between the visitor and this hub can listen in. */
function isSecure({ visitor, https }: Visitor, host: string): boolean {
  return https || (isLoopbackAddress(visitor) && isLocalName(withoutPort(host)));
}

function refusedAnswer(refused: Refusal): Answer {
  return {
    status: refused.status,
    fields: [field("Content-Type", "text/plain; charset=utf-8"), field("Cache-Control", "no-store")],
    body: `muster: this hub refuses the request: ${refused.reason.replaceAll("_", " ")}\n`,
    after: "close",
  };
}
