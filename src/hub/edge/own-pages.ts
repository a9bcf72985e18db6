// The hub's own pages, API and WebSocket: handed to the internal HTTP server on its unix socket. The edge has
// parsed the request; what it knows of the visitor goes along in fields that no visitor can set.
import { ClientExchange, type BrokenReason, type ClientExchangeEvents } from "../../http1/client-exchange.ts";
import { NOBODY, type Exchange, type ExchangeEvents } from "../../http1/exchange.ts";
import { field } from "../../http1/field.ts";
import { forwardedRequest, forwardedResponse } from "../../http1/forward.ts";
import type { ResponseHead } from "../../http1/response-head.ts";
import { serializeRequest, serializeResponse } from "../../http1/serialize.ts";
import type { ByteStreamEvents, Network, Socket } from "../../world/world.ts";

export interface OwnVisit {
  exchange: Exchange;
  visitor: string;
  https: boolean;
  /** A named proxy brought it. */
  proxied: boolean;
  requestId: string;
}

export interface OwnPagesOptions {
  network: Pick<Network, "connect">;
  /** The internal server's unix socket. */
  path: string;
  /** Answers when the internal server does not. */
  fail(visit: OwnVisit): void;
}

const CONNECT_TIMEOUT_MS = 2000;
/** Idle connections to the internal server that are kept. */
const IDLE_MAX = 32;
const OURS: ReadonlySet<string> = new Set([
  "muster-visitor",
  "muster-request-id",
  "muster-scheme",
  "muster-carried",
  "muster-proxied",
]);
/** Whoever sends these stands between us and the visitor, or says so. */
const CARRIERS: ReadonlySet<string> = new Set(["forwarded", "via", "x-real-ip"]);

const CARRIED = field("Muster-Carried", "1");
const PROXIED = field("Muster-Proxied", "1");

export class OwnPages {
  readonly #options: OwnPagesOptions;
  readonly #idle: Line[] = [];

  constructor(options: OwnPagesOptions) {
    this.#options = options;
  }

  visit(visit: OwnVisit): ExchangeEvents {
    const line = this.#idle.pop();
    if (line !== undefined) return this.#ask(line, visit);
    visit.exchange.pauseBody();
    let left = false;
    this.#dial().then(
      (fresh) => {
        if (left) return this.#keep(fresh);
        visit.exchange.receive(this.#ask(fresh, visit));
        visit.exchange.resumeBody();
      },
      () => left || this.#options.fail(visit),
    );
    return { ...NOBODY, aborted: () => (left = true) };
  }

  async #dial(): Promise<Line> {
    const line = new Line((gone) => this.#drop(gone));
    const { network, path } = this.#options;
    await network.connect({
      address: { path },
      timeoutMs: CONNECT_TIMEOUT_MS,
      connected: (socket) => line.begin(socket),
    });
    return line;
  }

  #ask(line: Line, visit: OwnVisit): ExchangeEvents {
    const passage = new OwnPassage(line, visit, {
      done: (reusable) => (reusable ? this.#keep(line) : line.hangUp()),
      failed: () => {
        line.hangUp();
        if (visit.exchange.started) visit.exchange.abort();
        else this.#options.fail(visit);
      },
    });
    return passage.begin();
  }

  #keep(line: Line): void {
    line.turn(undefined);
    if (this.#idle.length >= IDLE_MAX || !line.open) line.hangUp();
    else this.#idle.push(line);
  }

  #drop(line: Line): void {
    const at = this.#idle.indexOf(line);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

/** A connection to the internal server, whose events go to one exchange after the other. */
class Line implements ByteStreamEvents {
  readonly #gone: (line: Line) => void;
  #socket: Socket | undefined;
  #user: ByteStreamEvents | undefined;

  constructor(gone: (line: Line) => void) {
    this.#gone = gone;
  }

  get open(): boolean {
    return this.#socket !== undefined;
  }

  get socket(): Socket | undefined {
    return this.#socket;
  }

  begin(socket: Socket): this {
    this.#socket = socket;
    return this;
  }

  turn(user: ByteStreamEvents | undefined): void {
    this.#user = user;
  }

  hangUp(): void {
    this.#socket?.close();
  }

  data(bytes: Uint8Array): void {
    this.#user?.data(bytes);
  }

  drain(): void {
    this.#user?.drain();
  }

  end(): void {
    if (this.#user === undefined) this.hangUp();
    else this.#user.end();
  }

  close(error?: Error): void {
    this.#socket = undefined;
    this.#user?.close(error);
    this.#gone(this);
  }
}

interface PassageEnd {
  done(reusable: boolean): void;
  failed(reason: BrokenReason): void;
}

/** One request and its answer. */
class OwnPassage {
  readonly #line: Line;
  readonly #visit: OwnVisit;
  readonly #end: PassageEnd;
  #client: ClientExchange | undefined;
  #upstream: Uint8Array | undefined;
  #downstream: Uint8Array | undefined;
  #ended: { reusable: boolean } | undefined;
  #bodyOver = false;
  #rawOver = false;
  #closes = false;

  constructor(line: Line, visit: OwnVisit, end: PassageEnd) {
    this.#line = line;
    this.#visit = visit;
    this.#end = end;
  }

  begin(): ExchangeEvents {
    const { exchange, visitor, requestId, https, proxied } = this.#visit;
    const { request } = exchange;
    const socket = this.#line.socket;
    if (socket === undefined) {
      this.#end.failed("no_response");
      return NOBODY;
    }
    const fields = forwardedRequest(request, {
      dropNames: OURS,
      add: [
        field("Muster-Visitor", visitor === "" ? "local" : visitor),
        field("Muster-Request-Id", requestId),
        field("Muster-Scheme", https ? "https" : "http"),
        ...(request.fields.some(({ lower }) => CARRIERS.has(lower) || lower.startsWith("x-forwarded-"))
          ? [CARRIED]
          : []),
        ...(proxied ? [PROXIED] : []),
      ],
    });
    this.#client = new ClientExchange({
      stream: socket,
      head: serializeRequest(request, fields),
      asked: request,
      hasBody: request.framing.kind !== "none",
      events: this.#fromServer,
    });
    this.#line.turn(this.#client);
    this.#client.start();
    return this.#fromVisitor;
  }

  readonly #fromVisitor: ExchangeEvents = {
    body: (bytes) => this.#send(bytes),
    bodyEnd: () => {
      this.#bodyOver = true;
      if (this.#upstream === undefined) this.#client?.bodyEnd();
    },
    writable: () => this.#flushDown(),
    rawEnd: () => {
      this.#rawOver = true;
      if (this.#upstream === undefined) this.#client?.shutdown();
    },
    aborted: () => this.#line.hangUp(),
  };

  readonly #fromServer: ClientExchangeEvents = {
    interim: (head) =>
      this.#give(serializeResponse(head, forwardedResponse(head, { connection: "keep-alive" }))),
    head: (head) => this.#answer(head),
    body: (bytes) => this.#give(bytes),
    writable: () => this.#flushUp(),
    rawEnd: () => this.#visit.exchange.shutdown(),
    end: (result) => {
      if (this.#downstream !== undefined) this.#ended = result;
      else this.#finish(result);
    },
    broken: (reason) => this.#end.failed(reason),
  };

  #send(bytes: Uint8Array): void {
    const taken = this.#client?.write(bytes) ?? -1;
    if (taken < 0 || taken === bytes.length) return;
    this.#upstream = bytes.slice(taken);
    this.#visit.exchange.pauseBody();
  }

  #answer(head: ResponseHead): void {
    const { exchange } = this.#visit;
    const upgraded = head.status === 101;
    if (upgraded) exchange.upgrade();
    const connection = upgraded
      ? "upgrade"
      : exchange.keepAlive && head.framing.kind !== "close"
        ? "keep-alive"
        : "close";
    this.#closes = connection === "close";
    this.#give(serializeResponse(head, forwardedResponse(head, { connection })));
  }

  #flushUp(): void {
    const rest = this.#upstream;
    if (rest === undefined) return;
    this.#upstream = undefined;
    this.#send(rest);
    if (this.#upstream !== undefined) return;
    this.#visit.exchange.resumeBody();
    if (this.#bodyOver) this.#client?.bodyEnd();
    if (this.#rawOver) this.#client?.shutdown();
  }

  #flushDown(): void {
    const rest = this.#downstream;
    if (rest === undefined) return;
    this.#downstream = undefined;
    this.#give(rest);
    if (this.#downstream !== undefined) return;
    if (this.#ended !== undefined) this.#finish(this.#ended);
    else this.#client?.resume();
  }

  #give(bytes: Uint8Array): void {
    const waiting = this.#downstream;
    if (waiting !== undefined) {
      this.#downstream = Buffer.concat([waiting, bytes]);
      return;
    }
    const taken = this.#visit.exchange.write(bytes);
    if (taken < 0) return this.#line.hangUp();
    if (taken === bytes.length) return;
    this.#downstream = bytes.slice(taken);
    this.#client?.pause();
  }

  #finish({ reusable }: { reusable: boolean }): void {
    const { exchange } = this.#visit;
    // The internal server refuses the next request of a connection after one with trailers.
    const again = reusable && exchange.request.framing.kind !== "chunked";
    exchange.finish(this.#closes ? "close" : "keep-alive");
    this.#end.done(again);
  }
}
