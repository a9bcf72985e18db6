// For tests: one visitor's connection, with the test in the place of both the visitor and the handler.

import type { Exchange, ExchangeEvents } from "./exchange.ts";
import type { RequestHead } from "./request-head.ts";
import { ServerConnection } from "./server-connection.ts";
import type { ServerConnectionOptions } from "./server-connection.ts";
import { latin1Bytes, TestStream, TestTicker } from "./stream.fixture.ts";

/** One connection whose handler only writes down what it is told; the test answers in its place. */
export class Visit {
  readonly stream = new TestStream();
  readonly ticker = new TestTicker();
  readonly connection: ServerConnection;
  readonly log: string[] = [];
  readonly exchanges: Exchange[] = [];
  /** Done within the handler. */
  atOnce: (exchange: Exchange) => void = () => {};

  constructor(options: Partial<ServerConnectionOptions> = {}) {
    this.connection = new ServerConnection({
      stream: this.stream,
      ticker: this.ticker,
      handler: (request, exchange) => this.#handle(request, exchange),
      ...options,
    });
  }

  get exchange(): Exchange {
    const last = this.exchanges.at(-1);
    if (last === undefined) throw new Error("no exchange");
    return last;
  }

  send(text: string): void {
    this.connection.data(latin1Bytes(text));
  }

  /** The log since the last call. */
  events(): string[] {
    return this.log.splice(0);
  }

  answer(text = "ok"): void {
    this.exchange.write(latin1Bytes(text));
    this.exchange.finish("keep-alive");
  }

  #handle(request: RequestHead, exchange: Exchange): ExchangeEvents {
    this.log.push(`${request.method} ${request.target}`);
    this.exchanges.push(exchange);
    this.atOnce(exchange);
    return {
      body: (bytes) => this.log.push(`body ${Buffer.from(bytes).toString("latin1")}`),
      bodyEnd: () => this.log.push("bodyEnd"),
      writable: () => this.log.push("writable"),
      rawEnd: () => this.log.push("rawEnd"),
      aborted: (reason) => this.log.push(`aborted ${reason}`),
    };
  }
}

export const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
export const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
export const post = (length: number, target = "/") =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
export const UPLOAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
export const UPGRADE = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
