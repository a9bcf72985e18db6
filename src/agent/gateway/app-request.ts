// One request on its way to an app. What of it is ours is taken out, where it came from is written anew, and
// the body passes as it is on the wire. A request is sent twice only when it may be (GET and HEAD, once, and
// nothing had come back).

import { ClientExchange } from "../../http1/client-exchange.ts";
import type { BrokenReason } from "../../http1/client-exchange.ts";
import { withoutCookies } from "../../http1/cookies.ts";
import type { Exchange, ExchangeEvents } from "../../http1/exchange.ts";
import { field, fieldMaker } from "../../http1/field.ts";
import type { Field } from "../../http1/field.ts";
import { forwardedRequest, type RequestForwarding } from "../../http1/forward.ts";
import { lentBytes, requestText } from "../../http1/serialize.ts";
import type { Ticker, Ticking } from "../../http1/ticker.ts";
import { restOfKept } from "../../http1/unsent.ts";
import { FIRST_BYTE_TIMEOUT_MS } from "../../protocol/limits.ts";
import { appProblem, type AppProblem } from "./app-problems.ts";
import { AppResponse, type AppResponseOptions, type ResponseOwner } from "./app-response.ts";
import type { Reply } from "./reply.ts";
import { sendReply } from "./send-reply.ts";
import { isOurCookie } from "./share-cookie.ts";
import type { AppTarget, ShareRequest } from "./share-target.ts";
import type { Upstream, UpstreamPool } from "./upstream-pool.ts";

export interface AppRequestOptions {
  readonly visit: AppResponseOptions;
  readonly pool: UpstreamPool;
  readonly ticker: Ticker;
  /** The request's `Authorization` was ours. */
  readonly dropAuthorization: boolean;
  /** Other bounds and words than those of an app. */
  readonly firstByteTimeoutMs?: number;
  readonly problem?: (problem: AppProblem, request: ShareRequest<AppTarget>) => Reply;
}

const NEVER = Infinity;
const requestIdField = fieldMaker("Muster-Request-Id");
const DROP_PREFIXES = ["muster-"] as const;
const DROP_AUTHORIZATION: ReadonlySet<string> = new Set(["authorization"]);

export class AppRequest implements ExchangeEvents, ResponseOwner, Ticking {
  tickerSlot = -1;
  readonly #exchange: Exchange;
  readonly #request: ShareRequest<AppTarget>;
  readonly #options: AppRequestOptions;
  readonly #response: AppResponse;
  readonly #hasBody: boolean;
  readonly #repeatable: boolean;
  readonly #firstByteTimeoutMs: number;
  #upstream: Upstream | undefined;
  #client: ClientExchange | undefined;
  #attempts = 0;
  #over = false;
  #responseOver = false;
  #deadlineMs: number;
  /** Of the body, what the app has not yet taken. */
  #rest: Uint8Array | undefined;
  #bodyWhole = false;

  constructor(exchange: Exchange, request: ShareRequest<AppTarget>, options: AppRequestOptions) {
    this.#exchange = exchange;
    this.#request = request;
    this.#options = options;
    this.#response = new AppResponse(exchange, this, options.visit);
    const { method, framing } = request.head;
    this.#hasBody = framing.kind !== "none";
    this.#repeatable = !this.#hasBody && (method === "GET" || method === "HEAD");
    this.#firstByteTimeoutMs = options.firstByteTimeoutMs ?? FIRST_BYTE_TIMEOUT_MS;
    this.#deadlineMs = options.ticker.now + this.#firstByteTimeoutMs;
  }

  /** Sends it. Plug the object in as the exchange's events first. */
  start(): void {
    this.#options.ticker.add(this);
    this.#options.pool.inFlight++;
    const upstream = this.#options.pool.take(this.#repeatable);
    if (upstream === undefined) void this.#dial();
    else this.#board(upstream);
  }

  async #dial(): Promise<void> {
    if (this.#hasBody) this.#exchange.pauseBody();
    const dialled = await this.#options.pool.dial();
    if (this.#over) {
      if (dialled.kind === "connected") dialled.upstream.socket.close();
    } else if (dialled.kind === "failed") {
      this.#fail(dialled.code === "ETIMEDOUT" ? "timeout" : "refused");
    } else {
      this.#board(dialled.upstream);
      if (this.#rest !== undefined) this.appWritable();
      else if (this.#hasBody) this.#exchange.resumeBody();
    }
  }

  #board(upstream: Upstream): void {
    const { head } = this.#request;
    this.#attempts++;
    this.#upstream = upstream;
    this.#client = new ClientExchange({
      stream: upstream.socket,
      head: lentBytes(requestText(head, forwardedRequest(head, this.#policy()))),
      asked: head,
      hasBody: this.#hasBody,
      events: this.#response,
    });
    this.#response.client = this.#client;
    upstream.carry(this.#client, this.#response);
    this.#client.start();
  }

  #policy(): RequestForwarding {
    const { open, share } = this.#request;
    const policy: RequestForwarding = {
      origin: { address: open.visitor, scheme: open.https ? "https" : "http", host: open.host },
      dropPrefixes: DROP_PREFIXES,
      edit: withoutOurCookie,
      add: [requestIdField(open.requestId)],
    };
    if (this.#options.dropAuthorization) policy.dropNames = DROP_AUTHORIZATION;
    if (share.rewriteHost) policy.host = `localhost:${share.port}`;
    return policy;
  }

  // What the visitor's side tells.

  body(bytes: Uint8Array): void {
    const client = this.#client;
    if (this.#over) return;
    if (client === undefined) {
      // Still dialling; a second piece only comes when somebody else let the body flow.
      this.#rest = this.#rest === undefined ? bytes.slice() : Buffer.concat([this.#rest, bytes]);
      this.#exchange.pauseBody();
      return;
    }
    if (this.#deadlineMs !== NEVER) this.#deadlineMs = this.#options.ticker.now + this.#firstByteTimeoutMs;
    const taken = client.write(bytes);
    // -1: the app wants no more; its response, or its going, says the rest.
    if (taken < 0 || taken === bytes.length) return;
    this.#rest = bytes.slice(taken);
    this.#exchange.pauseBody();
  }

  bodyEnd(): void {
    this.#bodyWhole = true;
    if (this.#rest === undefined) this.#client?.bodyEnd();
  }

  rawEnd(): void {
    this.#bodyWhole = true;
    if (this.#rest === undefined) this.#client?.shutdown();
  }

  writable(): void {
    this.#response.visitorWritable();
  }

  aborted(): void {
    this.#client?.abort();
    this.#end();
  }

  // What the response tells.

  appSpoke(final: boolean): void {
    this.#deadlineMs = final ? NEVER : this.#options.ticker.now + this.#firstByteTimeoutMs;
  }

  appWritable(): void {
    const rest = this.#rest;
    if (rest === undefined) return;
    const taken = this.#client?.write(rest) ?? -1;
    if (taken >= 0 && taken < rest.length) {
      this.#rest = restOfKept(rest, taken);
      return;
    }
    this.#rest = undefined;
    if (!this.#bodyWhole) this.#exchange.resumeBody();
    else if (this.#response.upgraded) this.#client?.shutdown();
    else this.#client?.bodyEnd();
  }

  appDone(reusable: boolean): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    if (reusable) upstream?.release(this.#options.ticker.now);
    else upstream?.socket.close();
    if (this.#responseOver) this.#end();
  }

  appBroke(reason: BrokenReason): void {
    const upstream = this.#upstream;
    upstream?.socket.close();
    // The app closed an idle connection just as the request was on its way.
    const stale = reason === "no_response" && upstream?.used === true && this.#attempts === 1;
    if (stale && this.#repeatable && !this.#exchange.started) void this.#dial();
    else this.#fail(reason === "no_response" || reason === "cut" ? "broke_off" : "malformed");
  }

  responseOver(): void {
    this.#responseOver = true;
    // An upgraded one goes on until the app's side is done too.
    if (!this.#response.upgraded || this.#upstream === undefined) this.#end();
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#fail("timeout");
  }

  /** Told in words while nothing was sent; afterwards only the cut connection can tell. */
  #fail(problem: AppProblem): void {
    if (this.#over) return;
    this.#client?.abort();
    this.#end();
    if (this.#exchange.started) this.#exchange.abort();
    else {
      const { visit, problem: words = appProblem } = this.#options;
      sendReply(this.#exchange, words(problem, this.#request), visit);
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.ticker.delete(this);
    this.#options.pool.inFlight--;
  }
}

/** The app gets its own cookies alone. */
function withoutOurCookie(each: Field): Field | undefined {
  if (each.lower !== "cookie" || !each.value.includes("muster-")) return each;
  const value = withoutCookies(each.value, isOurCookie);
  if (value === undefined) return undefined;
  return value === each.value ? each : field(each.name, value);
}
