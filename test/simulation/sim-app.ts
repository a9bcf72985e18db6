// An app on a simulated device, as a web framework would run it: a process of its own behind a port, which
// answers each request with a body that tells whose it is, and writes down what it was asked to do.
import { NOBODY, type Exchange, type ExchangeEvents } from "../../src/http1/exchange.ts";
import { field } from "../../src/http1/field.ts";
import type { RequestHead } from "../../src/http1/request-head.ts";
import { serializeResponse } from "../../src/http1/serialize.ts";
import { ServerConnection } from "../../src/http1/server-connection.ts";
import { Ticker } from "../../src/http1/ticker.ts";
import { bodyOf } from "./bodies.ts";
import type { Ledger } from "./ledger.ts";
import type { Run } from "./sim-host.ts";

export interface SimAppOptions {
  run: Run;
  /** Its device's name. */
  device: string;
  port: number;
  ledger: Ledger;
}

/** What a request asks for, in its path: `/r/ID/BYTES/PAUSE_MS/length|chunked`. */
export interface Order {
  id: string;
  bytes: number;
  pauseMs: number;
  framing: "length" | "chunked";
}

const PIECE_BYTES = 20_000;

export function orderPath({ id, bytes, pauseMs, framing }: Order): string {
  return `/r/${id}/${bytes}/${pauseMs}/${framing}`;
}

export async function startApp(options: SimAppOptions): Promise<void> {
  const { world } = options.run;
  const ticker = new Ticker(world);
  await world.network.listen({
    address: { host: "127.0.0.1", port: options.port },
    connection: (stream) =>
      new ServerConnection({ stream, ticker, handler: (head, exchange) => serve(options, head, exchange) }),
  });
}

function serve(options: SimAppOptions, head: RequestHead, exchange: Exchange): ExchangeEvents {
  const order = readOrder(head.target);
  if (order === undefined) {
    exchange.respond({ status: 200, body: "an app" });
    return NOBODY;
  }
  const { device, ledger, run } = options;
  ledger.done(order.id, device, head.method);
  const answer = new AppAnswer(options, { order, head, exchange });
  const begin = () => void run.world.timers.after(order.pauseMs, () => answer.begin());
  if (head.framing.kind !== "length") {
    begin();
    return answer;
  }
  const expected = bodyOf("visitor", order.id, head.framing.length);
  let at = 0;
  return {
    ...NOBODY,
    writable: () => answer.writable(),
    aborted: () => answer.aborted(),
    body(bytes) {
      if (!expected.subarray(at, at + bytes.length).equals(bytes)) {
        ledger.violate(`the body of ${order.id} is not what was sent, after ${at} bytes`);
      }
      at += bytes.length;
    },
    bodyEnd: begin,
  };
}

class AppAnswer implements ExchangeEvents {
  readonly #options: SimAppOptions;
  readonly #order: Order;
  readonly #head: RequestHead;
  readonly #exchange: Exchange;
  #rest: Uint8Array = new Uint8Array(0);
  #bodyAt = 0;
  #over = false;

  constructor(options: SimAppOptions, asked: { order: Order; head: RequestHead; exchange: Exchange }) {
    this.#options = options;
    this.#order = asked.order;
    this.#head = asked.head;
    this.#exchange = asked.exchange;
  }

  begin(): void {
    const { device } = this.#options;
    const { id, bytes, framing } = this.#order;
    const framed =
      framing === "length" ? field("Content-Length", String(bytes)) : field("Transfer-Encoding", "chunked");
    const fields = [framed, field("X-Answer", `${device} ${id}`), field("Content-Type", "text/plain")];
    this.#rest = serializeResponse({ status: 200, reason: "OK" }, fields);
    if (this.#head.method === "HEAD") this.#bodyAt = bytes;
    this.writable();
  }

  writable(): void {
    while (!this.#over) {
      const taken = this.#exchange.write(this.#rest);
      if (taken < 0) return this.aborted();
      this.#options.ledger.sent(this.#order.id, taken);
      this.#rest = this.#rest.subarray(taken);
      if (this.#rest.length > 0) return;
      const next = this.#next();
      if (next === undefined) return this.#finish();
      this.#rest = next;
    }
  }

  aborted(): void {
    this.#over = true;
  }

  body(): void {
    // Requests that come here have none.
  }
  bodyEnd(): void {
    // As above.
  }
  rawEnd(): void {
    // Nothing is ever upgraded.
  }

  #next(): Uint8Array | undefined {
    const { id, bytes, framing } = this.#order;
    if (
      this.#bodyAt > bytes ||
      (this.#bodyAt === bytes && (framing === "length" || this.#head.method === "HEAD"))
    ) {
      return undefined;
    }
    const body = bodyOf(this.#options.device, id, bytes);
    const piece = body.subarray(this.#bodyAt, this.#bodyAt + PIECE_BYTES);
    if (framing === "length") {
      this.#bodyAt += piece.length;
      return piece;
    }
    // The last chunk is empty, and one step past the end.
    this.#bodyAt += Math.max(1, piece.length);
    const head = Buffer.from(`${piece.length.toString(16)}\r\n`);
    return Buffer.concat([head, piece, Buffer.from("\r\n")]);
  }

  #finish(): void {
    this.#over = true;
    this.#exchange.finish("keep-alive");
  }
}

function readOrder(target: string): Order | undefined {
  const [, mark, id, bytes, pauseMs, framing] = target.split("/");
  if (mark !== "r" || id === undefined || (framing !== "length" && framing !== "chunked")) return undefined;
  return { id, bytes: Number(bytes), pauseMs: Number(pauseMs), framing };
}
