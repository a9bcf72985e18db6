// The gateway stands in front of every share of this device, on every way in: who may see it is decided here,
// then a page is read from the disk or a request goes on to its app on this machine, and nowhere else.
//
//   trunk stream or tunnel's socket → ServerConnection → own paths | access rules → page | app

import { refusalAnswer } from "../../http1/answer.ts";
import { NOBODY } from "../../http1/exchange.ts";
import type { After, Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import type { RequestHead } from "../../http1/request-head.ts";
import { ServerConnection } from "../../http1/server-connection.ts";
import { Ticker } from "../../http1/ticker.ts";
import { toBase64Url } from "../../protocol/bytes.ts";
import { encodeFin } from "../../protocol/fin.ts";
import { TRUNK_MAX_STREAMS } from "../../protocol/limits.ts";
import { RAW_FLAG, type LinkKind, type Open } from "../../protocol/open.ts";
import type { TrunkStream, TrunkStreamEvents } from "../../trunk/stream.ts";
import type { ByteStreamEvents, Clock, Network, Socket, Timers } from "../../world/world.ts";
import { admit, type AccessRules, type Admission } from "./access.ts";
import { appProblem } from "./app-problems.ts";
import { AppRequest } from "./app-request.ts";
import { TicketDesk, type KnownHub, type VerifyEd25519 } from "./login-tickets.ts";
import { answerOwnPath, isOwnPath, type OwnPaths } from "./own-paths.ts";
import { openRoot, type PageDisk } from "./page-files.ts";
import { answerPage } from "./pages.ts";
import { PasswordCheck, type PasswordHasher } from "./password-check.ts";
import { ProofDesk } from "./proof.ts";
import { problemReply, type Reply } from "./reply.ts";
import { sendReply } from "./send-reply.ts";
import { ShareCookies, type HmacSha256 } from "./share-cookie.ts";
import { askerOf, type AppTarget, type ShareRequest, type ShareTarget } from "./share-target.ts";
import { UpstreamPool } from "./upstream-pool.ts";
import { Visit } from "./visit.ts";

export interface GatewayOptions {
  clock: Clock;
  timers: Timers;
  network: Pick<Network, "connect">;
  disk: PageDisk;
  randomBytes: (length: number) => Uint8Array;
  hmacSha256: HmacSha256;
  verifyEd25519: VerifyEd25519;
  hasher: PasswordHasher;
  /** 32 bytes that never leave the device: vouches for visitors' cookies. */
  deviceKey: Uint8Array;
  /** The hub this device has joined, whose word counts for `--login`. */
  hub: () => KnownHub | undefined;
  counters?: GatewayCounters;
  /** Told of what went wrong inside; the visitor gets a 500. */
  failed?: (thrown: unknown) => void;
}

export interface GatewayCounters {
  /** A response has gone out whole. */
  served(share: ShareTarget, response: { status: number; firstByteMs: number; length: number }): void;
}

/** A tunnel that is terminated by a helper on this machine. */
export interface TunnelWay {
  readonly link: LinkKind;
  /** The share that this tunnel carries under that host name, in lower case; other names get 404. */
  readonly shareAt: (host: string) => ShareTarget | undefined;
  /** What has a host name of its own there and is no share. Undefined where it is not asked for. */
  readonly own?: (head: RequestHead, exchange: Exchange) => ExchangeEvents | undefined;
}

const LOOK_TIMEOUT_MS = 2_000;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #ticker: Ticker;
  readonly #rules: AccessRules;
  readonly #own: OwnPaths;
  readonly #pools = new Map<string, UpstreamPool>();

  constructor(options: GatewayOptions) {
    const { clock, timers, deviceKey, hmacSha256, hasher, hub, randomBytes } = options;
    this.#options = options;
    this.#ticker = new Ticker({ clock, timers });
    const device = { key: deviceKey, hmacSha256 };
    const nowMs = () => clock.now();
    const passwords = new PasswordCheck({ hasher, device, nowMs: () => clock.monotonic() });
    const tickets = new TicketDesk({ device, verify: options.verifyEd25519, randomBytes, nowMs, hub });
    this.#rules = { device, cookies: new ShareCookies(device), passwords, tickets, nowMs };
    const proofs = new ProofDesk({
      hmacSha256,
      nowMs: () => clock.monotonic(),
      isReachable: (share) => this.#isReachable(share),
    });
    this.#own = { rules: this.#rules, proofs };
  }

  /** One request that the hub hands on. Without a share the visitor gets a 404. */
  openStream(stream: TrunkStream, open: Open, share: ShareTarget | undefined): TrunkStreamEvents {
    const visit = new Visit(this.#options.clock, open.visitorCloses);
    visit.upgrading = () => stream.flag(RAW_FLAG);
    return new ServerConnection({
      stream,
      ticker: this.#ticker,
      handler: (head, exchange) => this.#serve(exchange, { head, open, share, visit }),
      refused: (refusal) => {
        visit.sending(refusal.status);
        return refusalAnswer(refusal);
      },
      handlerFailed: (thrown) => {
        visit.sending(500);
        this.#options.failed?.(thrown);
      },
      finished: (after: After) => {
        this.#count(share, visit);
        const { status, firstByteMs, length } = visit.response;
        stream.finish(encodeFin({ status, firstByteMs, length, close: after === "close" }));
        // What is left of the request is nobody's; held back it would keep the stream from ending.
        stream.resume();
      },
    });
  }

  /** A connection of a tunnel's helper. Nothing it says of visitors is believed. */
  acceptSocket(socket: Socket, way: TunnelWay): ByteStreamEvents {
    return new ServerConnection({
      stream: socket,
      ticker: this.#ticker,
      handler: (head, exchange) => {
        const own = way.own?.(head, exchange);
        if (own !== undefined) return own;
        const visit = new Visit(this.#options.clock, false);
        const share = way.shareAt(head.host.toLowerCase());
        const https = !saysPlain(head);
        const open: Open = {
          target: share?.id ?? "unknown",
          https,
          secure: https,
          visitorCloses: false,
          visitor: socket.remoteAddress === "" ? "tunnel" : socket.remoteAddress,
          host: head.host,
          link: way.link,
          requestId: toBase64Url(this.#options.randomBytes(12)),
        };
        visit.over = () => this.#count(share, visit);
        return this.#serve(exchange, { head, open, share, visit });
      },
      handlerFailed: (thrown) => this.#options.failed?.(thrown),
    });
  }

  /** The share is gone or points elsewhere: its idle connections end. */
  forget(shareId: string): void {
    this.#own.proofs.forget(shareId);
    this.#pools.get(shareId)?.close();
    this.#pools.delete(shareId);
  }

  close(): void {
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }

  #serve(
    exchange: Exchange,
    asked: { head: RequestHead; open: Open; share: ShareTarget | undefined; visit: Visit },
  ): ExchangeEvents {
    const { head, open, share, visit } = asked;
    if (share === undefined) return sendReply(exchange, unknownShare(head, open), visit);
    const request: ShareRequest = { share, head, open };
    if (share.expiresAt !== null && share.expiresAt <= this.#options.clock.now()) {
      return sendReply(exchange, expired(request), visit);
    }
    if (isOwnPath(head.target)) return this.#serveOwnPath(exchange, request, visit);
    const admission = admit(this.#rules, request);
    if (!(admission instanceof Promise)) return this.#serveAdmitted(exchange, { request, visit, admission });
    return this.#later(exchange, { request, visit }, admission, (settled) =>
      this.#serveAdmitted(exchange, { request, visit, admission: settled }),
    );
  }

  #serveAdmitted(
    exchange: Exchange,
    { request, visit, admission }: { request: ShareRequest; visit: Visit; admission: Admission },
  ): ExchangeEvents {
    if (admission.kind === "refused") return sendReply(exchange, admission.reply, visit);
    const { share, head, open } = request;
    if (share.kind === "app") {
      const { dropAuthorization } = admission;
      return this.#serveApp(exchange, { request: { share, head, open }, visit, dropAuthorization });
    }
    const page = answerPage({ share, head, open }, this.#options.disk);
    return this.#later(exchange, { request, visit }, page, (reply) => sendReply(exchange, reply, visit));
  }

  #serveApp(
    exchange: Exchange,
    asked: { request: ShareRequest<AppTarget>; visit: Visit; dropAuthorization: boolean },
  ): ExchangeEvents {
    const { request, visit, dropAuthorization } = asked;
    const pool = this.#poolOf(request.share);
    if (pool.inFlight >= TRUNK_MAX_STREAMS) {
      return sendReply(exchange, appProblem("too_many", request), visit);
    }
    const app = new AppRequest(exchange, request, { pool, ticker: this.#ticker, visit, dropAuthorization });
    exchange.receive(app);
    app.start();
    return app;
  }

  #serveOwnPath(exchange: Exchange, request: ShareRequest, visit: Visit): ExchangeEvents {
    let current: ExchangeEvents = NOBODY;
    const waiting = answerOwnPath(this.#own, { request, exchange }, (reply) => {
      current =
        reply instanceof Promise
          ? this.#later(exchange, { request, visit }, reply, (settled) => sendReply(exchange, settled, visit))
          : sendReply(exchange, reply, visit);
      exchange.receive(current);
    });
    return waiting ?? current;
  }

  /** Holds the request back until it is known who answers it. */
  #later<T>(
    exchange: Exchange,
    { request, visit }: { request: ShareRequest; visit: Visit },
    pending: Promise<T>,
    serve: (settled: T) => ExchangeEvents,
  ): ExchangeEvents {
    let gone = false;
    exchange.pauseBody();
    pending
      .then((settled) => {
        if (gone) return releaseUnsent(settled);
        exchange.receive(serve(settled));
        exchange.resumeBody();
        return undefined;
      })
      .catch((thrown: unknown) => {
        this.#options.failed?.(thrown);
        if (exchange.started) exchange.abort();
        else sendReply(exchange, internalError(request), visit);
      });
    return {
      ...NOBODY,
      aborted() {
        gone = true;
      },
    };
  }

  #poolOf(share: AppTarget): UpstreamPool {
    const known = this.#pools.get(share.id);
    if (known?.port === share.port) return known;
    known?.close();
    const { network } = this.#options;
    const pool = new UpstreamPool({ network, ticker: this.#ticker, port: share.port });
    this.#pools.set(share.id, pool);
    return pool;
  }

  async #isReachable(share: ShareTarget): Promise<boolean> {
    if (share.kind === "page") return (await openRoot(this.#options.disk, share.path)) !== undefined;
    const dialled = await this.#poolOf(share).dial(LOOK_TIMEOUT_MS);
    if (dialled.kind === "connected") dialled.upstream.socket.close();
    return dialled.kind === "connected";
  }

  #count(share: ShareTarget | undefined, visit: Visit): void {
    if (share !== undefined) this.#options.counters?.served(share, visit.response);
  }
}

/**
 * Whether a tunnel's far end says that the visitor came in the clear. The one word of it that counts, for whoever
 * lies in it only loses: a password is not asked for where others could listen in.
 */
function saysPlain({ fields }: RequestHead): boolean {
  return fields.some(({ lower, value }) => lower === "x-forwarded-proto" && value.toLowerCase() !== "https");
}

/** A page that was opened for a visitor who has left. */
async function releaseUnsent(settled: unknown): Promise<void> {
  const reply = settled as Partial<Reply> | undefined; // what `#later` waits for is a reply or an admission
  if (reply?.body?.kind === "stream") await reply.body.release();
}

function unknownShare(head: RequestHead, open: Open): Reply {
  return problemReply(
    {
      code: "not_found",
      title: "There is no such share",
      message: "The device that this address leads to does not have the share any more.",
      hop: "device",
    },
    { requestId: open.requestId, accept: head.fields.find((each) => each.lower === "accept")?.value },
  );
}

function expired(request: ShareRequest): Reply {
  return problemReply(
    {
      code: "not_found",
      title: "This link has expired",
      message: `"${request.share.name}" was published for a limited time, which is over.`,
      hint: "Ask whoever gave you the address for a new one.",
      hop: "share",
    },
    askerOf(request),
  );
}

function internalError(request: ShareRequest): Reply {
  return problemReply(
    { code: "internal", title: "Something broke", message: "The device could not answer.", hop: "share" },
    askerOf(request),
  );
}
