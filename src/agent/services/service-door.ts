// A request that the hub hands on for a service of this device. Who may pass is decided here once more, whatever the
// hub thought: a controller's ticket, or the pass that this device gave for one, by a key that may command in this
// device's own copies of its owners' logs at this moment. Then it goes on to the port of that name, and nowhere else.
//
//   stream → own path: a ticket for a pass | ticket or pass → name → 127.0.0.1:port
//
// When a key loses its right, what runs by it ends: requests, downloads, WebSockets.
import { field } from "../../http1/field.ts";
import { refusalAnswer } from "../../http1/answer.ts";
import type { After, Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import { NOBODY } from "../../http1/exchange.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { ServerConnection } from "../../http1/server-connection.ts";
import type { Ticker, Ticking } from "../../http1/ticker.ts";
import { PASS_LIFETIME_MS } from "../../identity/service-access.ts";
import { programPrefersJson } from "../../protocol/error-page.ts";
import { encodeFin } from "../../protocol/fin.ts";
import { TRUNK_MAX_STREAMS } from "../../protocol/limits.ts";
import { RAW_FLAG, type Open } from "../../protocol/open.ts";
import { SERVICE_TARGET } from "../../protocol/service-address.ts";
import { NONCE_COOKIE, PASS_COOKIE, serviceCookie, TICKET_FIELD } from "../../protocol/service-cookies.ts";
import { TICKET_PATH } from "../../protocol/ticket.ts";
import { RESET } from "../../trunk/frame.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { Network } from "../../world/world.ts";
import { AppRequest } from "../gateway/app-request.ts";
import { jsonReply, type Asker, type Reply } from "../gateway/reply.ts";
import { originProblem } from "../gateway/request-origin.ts";
import { sendReply } from "../gateway/send-reply.ts";
import { firstValue, type AppTarget } from "../gateway/share-target.ts";
import { UpstreamPool } from "../gateway/upstream-pool.ts";
import { Visit } from "../gateway/visit.ts";
import { Callers, type Call, type CallersParts } from "./callers.ts";
import type { OfferedService } from "./offered-service.ts";
import type { ServiceBook } from "./service-book.ts";
import * as replies from "./service-replies.ts";

export interface ServiceDoorParts extends CallersParts {
  ticker: Ticker;
  network: Pick<Network, "connect">;
  device(): { id: string; name: string };
  services: Pick<ServiceBook, "get" | "services">;
  /** `[policy] browser`. */
  browsers: "on" | "off";
  /** Whether this device offers `proxy.http`. */
  proxies: boolean;
  /** A browser came in by this controller's key. */
  entered(service: string, key: Uint8Array): void;
  failed(thrown: unknown): void;
}

interface Running {
  key: Uint8Array;
  end(): void;
}

interface Asked extends Call {
  exchange: Exchange;
  visit: Visit;
  running: Running;
}

export class ServiceDoor implements Ticking {
  tickerSlot = -1;
  readonly #parts: ServiceDoorParts;
  readonly #callers: Callers;
  readonly #pools = new Map<string, UpstreamPool>();
  readonly #running = new Set<Running>();

  constructor(parts: ServiceDoorParts) {
    this.#parts = parts;
    this.#callers = new Callers(parts);
  }

  /** One request. */
  open(stream: TrunkStream, open: Open): TrunkStreamEvents {
    const name = open.target.slice(SERVICE_TARGET.length);
    const visit = new Visit(this.#parts.clock, open.visitorCloses);
    visit.upgrading = () => stream.flag(RAW_FLAG);
    const running: Running = { key: NO_KEY, end: () => {} };
    const connection = new ServerConnection({
      stream,
      ticker: this.#parts.ticker,
      handler: (head, exchange) => this.#serve({ name, head, open, exchange, visit, running }),
      refused: (refusal) => {
        visit.sending(refusal.status);
        return refusalAnswer(refusal);
      },
      handlerFailed: (thrown) => {
        visit.sending(500);
        this.#parts.failed(thrown);
      },
      finished: (after: After) => {
        this.#running.delete(running);
        const { status, firstByteMs, length } = visit.response;
        stream.finish(encodeFin({ status, firstByteMs, length, close: after === "close" }));
        // What is left of the request is nobody's; held back it would keep the stream from ending.
        stream.resume();
      },
    });
    running.end = () => {
      this.#running.delete(running);
      connection.close();
      stream.reset(RESET.cancelled);
    };
    return {
      data: (bytes) => connection.data(bytes),
      drain: () => connection.drain(),
      end: () => connection.end(),
      close: () => {
        this.#running.delete(running);
        connection.close();
      },
    };
  }

  /** An owner's log has grown. */
  look(): void {
    for (const running of this.#running) if (!this.#callers.mayCommand(running.key)) running.end();
  }

  /** A right may also end by its time. */
  tick(): void {
    if (this.#running.size === 0) this.#parts.ticker.delete(this);
    else this.look();
  }

  close(): void {
    this.#parts.ticker.delete(this);
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }

  #serve(asked: Asked): ExchangeEvents {
    const { name, head, open } = asked;
    const path = head.target.split("?")[0] ?? "";
    if (path === TICKET_PATH && head.method === "POST") return this.#redeem(asked);
    const who = this.#callers.of(asked);
    if (who === undefined) return this.#reply(asked, replies.strangerReply);
    if (this.#isBarred(who.key)) return this.#reply(asked, replies.noBrowsersReply);
    if (!this.#parts.proxies) return this.#reply(asked, replies.noProxyReply);
    // A page elsewhere can make a browser send its pass along, and no ticket.
    if (who.by === "pass" && isForeign(head, open)) return this.#reply(asked, replies.foreignPageReply);
    const service = this.#parts.services.get(name);
    if (service === undefined || path.startsWith("/.muster/")) {
      const names = this.#parts.services.services.map((one) => one.name);
      return this.#reply(asked, (asker) => replies.unknownServiceReply(names, asker));
    }
    if (service.type === "tcp") {
      const { name: device } = this.#parts.device();
      return this.#reply(asked, (asker) => replies.notHttpReply(service, device, asker));
    }
    return this.#pass(asked, service, who.key);
  }

  #pass(
    { head, open, exchange, visit, running }: Asked,
    service: OfferedService,
    key: Uint8Array,
  ): ExchangeEvents {
    const pool = this.#poolOf(service);
    const asker = askerOf(head, open);
    if (pool.inFlight >= TRUNK_MAX_STREAMS) {
      return sendReply(exchange, replies.serviceProblem("too_many", service, asker), visit);
    }
    running.key = key;
    this.#running.add(running);
    this.#parts.ticker.add(this);
    const app = new AppRequest(
      exchange,
      { share: asApp(service), head, open },
      {
        pool,
        visit,
        ticker: this.#parts.ticker,
        dropAuthorization: false,
        firstByteTimeoutMs: service.timeoutMs,
        problem: (problem) => replies.serviceProblem(problem, service, asker),
      },
    );
    exchange.receive(app);
    app.start();
    return app;
  }

  /** A browser is back with its ticket, and gets this device's pass. */
  #redeem(asked: Asked): ExchangeEvents {
    const { name, head, open, exchange, visit } = asked;
    const ticket = this.#callers.ticketOf(asked);
    if (ticket === undefined) return this.#reply(asked, replies.strangerReply);
    if (this.#isBarred(ticket.key)) return this.#reply(asked, replies.noBrowsersReply);
    const path = isForeign(head, open) ? undefined : this.#callers.spend(asked, ticket);
    if (path === undefined) return this.#reply(asked, replies.ticketRefusedReply);
    exchange.pauseBody();
    let gone = false;
    this.#callers.passFor(asked, ticket).then(
      (pass) => {
        if (gone) return;
        this.#parts.entered(name, ticket.key);
        exchange.receive(sendReply(exchange, welcome(path, pass), visit));
        exchange.resumeBody();
      },
      (error: unknown) => {
        this.#parts.failed(error);
        if (!gone) this.#reply(asked, replies.brokenReply);
      },
    );
    return { ...NOBODY, aborted: () => (gone = true) };
  }

  #isBarred(key: Uint8Array): boolean {
    const { logs, browsers } = this.#parts;
    return browsers === "off" && logs.knowing(key)?.log.log?.participant(key)?.kind === "browser";
  }

  #poolOf({ name, port }: OfferedService): UpstreamPool {
    const known = this.#pools.get(name);
    if (known !== undefined) return known;
    const { network, ticker } = this.#parts;
    const pool = new UpstreamPool({ network, ticker, port });
    this.#pools.set(name, pool);
    return pool;
  }

  #reply({ head, open, exchange, visit }: Asked, make: (asker: Asker) => Reply): ExchangeEvents {
    return sendReply(exchange, make(askerOf(head, open)), visit);
  }
}

const NO_KEY = new Uint8Array(0);

function askerOf({ fields }: RequestHead, { requestId }: Open): Asker {
  const accept = firstValue(fields, "accept");
  const program = firstValue(fields, TICKET_FIELD) !== undefined;
  return { requestId, accept: program && programPrefersJson(accept) ? "application/json" : accept };
}

/** What a page of another site began, but for a person who follows a link to read. */
function isForeign(head: RequestHead, open: Open): boolean {
  if (originProblem(head, open, []) !== undefined) return true;
  const site = firstValue(head.fields, "sec-fetch-site");
  if (site !== "same-site" && site !== "cross-site") return false;
  const into = firstValue(head.fields, "sec-fetch-dest");
  const reads = head.method === "GET" || head.method === "HEAD";
  return !reads || (into !== undefined && into !== "document");
}

/** The script of the page that brought the ticket goes on to `to`. */
function welcome(to: string, pass: string): Reply {
  return jsonReply(200, `${JSON.stringify({ to })}\n`, [
    field("Set-Cookie", serviceCookie(PASS_COOKIE, pass, PASS_LIFETIME_MS)),
    field("Set-Cookie", serviceCookie(NONCE_COOKIE, "", 0)),
  ]);
}

/** As what stands behind a share, without any access of its own: that was seen to. */
function asApp({ name, port }: OfferedService): AppTarget {
  return {
    kind: "app",
    id: `${SERVICE_TARGET}${name}`,
    name,
    port,
    hasCommand: false,
    rewriteHost: false,
    access: "public",
    passwordVerifier: null,
    passwordVersion: 0,
    chosenPassword: false,
    proofKey: NO_KEY,
    insecure: false,
    allowOrigins: [],
    expiresAt: null,
  };
}
