import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { HEAD_MAX_BYTES, UPGRADE_HOLD_BYTES } from "../protocol/limits.ts";
import { NOBODY } from "./exchange.ts";
import type { Exchange, ExchangeEvents } from "./exchange.ts";
import type { RequestHead } from "./request-head.ts";
import { ServerConnection } from "./server-connection.ts";
import type { ServerConnectionOptions } from "./server-connection.ts";
import { latin1Bytes, TestStream, TestTicker } from "./stream.fixture.ts";

/** One connection whose handler only writes down what it is told; the test answers in its place. */
class Visit {
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

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (length: number, target = "/") =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;
const UPLOAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const UPGRADE = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

describe("requests", () => {
  test("follow each other on one connection", () => {
    const visit = new Visit();
    visit.send(get("/1"));
    visit.answer("one");
    visit.send(get("/2"));
    visit.answer("two");
    expect(visit.events()).toEqual(["GET /1", "GET /2"]);
    expect(visit.stream.sent).toBe("onetwo");
    expect([visit.stream.closed, visit.stream.shutDowns]).toEqual([false, 0]);
  });

  test("that are pipelined wait for the answer before them, with the stream paused", () => {
    const visit = new Visit();
    visit.send(get("/1") + get("/2") + get("/3"));
    expect(visit.events()).toEqual(["GET /1"]);
    expect(visit.stream.paused).toBe(true);
    visit.answer();
    expect(visit.events()).toEqual(["GET /2"]);
    visit.answer();
    expect(visit.events()).toEqual(["GET /3"]);
    expect(visit.stream.paused).toBe(false);
  });

  test("that are pipelined and answered at once do not pile up on the stack", () => {
    const visit = new Visit();
    visit.atOnce = (exchange) => exchange.respond({ status: 204 });
    visit.send(GET.repeat(2_000));
    expect(visit.events()).toHaveLength(2_000);
  });

  test("beyond the pipeline's bound are not served", () => {
    const visit = new Visit({ limits: { pipelineMaxBytes: 100 } });
    visit.send(GET.repeat(10));
    visit.answer();
    expect(visit.events()).toEqual(["GET /"]);
    expect(visit.stream.shutDowns).toBe(1);
  });

  test("have their bodies passed as they are, and the next head found after them", () => {
    const visit = new Visit();
    visit.send(`${UPLOAD}3;x\r\nabc\r\n`);
    visit.send(`0\r\nA: b\r\n\r\n${post(2)}hi`);
    expect(visit.events()).toEqual(["POST /", "body 3;x\r\nabc\r\n", "body 0\r\nA: b\r\n\r\n", "bodyEnd"]);
    visit.answer();
    expect(visit.events()).toEqual(["POST /", "body hi", "bodyEnd"]);
  });

  test("give the same events however they are cut", () => {
    const text = `${get("/1")}\r\n${post(3, "/2")}abc${UPLOAD}2\r\nhi\r\n0\r\n\r\n${get("/3")}`;
    const joinBodies = (events: string[]) =>
      events
        .join("\n")
        .replaceAll(/\nbody /g, "|")
        .replaceAll(/(?<=\|[^|\n]*)\|/g, "");
    const seen = (pieces: string[]) => {
      const visit = new Visit();
      visit.atOnce = (exchange) => exchange.respond({ status: 204 });
      // Answered at once, so bodies are drained: heads alone are told.
      for (const piece of pieces) visit.send(piece);
      return joinBodies(visit.events()) + visit.stream.sent;
    };
    const whole = seen([text]);
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), (cuts) => {
        const ends = [0, ...cuts, text.length].sort((a, b) => a - b);
        expect(seen(ends.slice(1).map((end, index) => text.slice(ends[index], end)))).toBe(whole);
      }),
      { seed: 20_260_605, numRuns: 200 },
    );
    expect(whole).toContain("GET /1\nPOST /2\nPOST /\nGET /3");
  });

  test("of HTTP/1.0 close after the answer unless they ask otherwise", () => {
    const visit = new Visit();
    visit.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    visit.answer();
    expect(visit.stream.shutDowns).toBe(0);
    visit.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    expect(visit.exchange.keepAlive).toBe(false);
    visit.answer();
    expect(visit.stream.shutDowns).toBe(1);
  });

  test("with Connection: close are the last", () => {
    const visit = new Visit();
    visit.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET);
    visit.answer();
    expect(visit.events()).toEqual(["GET /"]);
    expect([visit.stream.shutDowns, visit.stream.paused]).toEqual([1, false]);
  });
});

describe("a body", () => {
  test("is held back while the handler pauses it, also one that came with the head", () => {
    const visit = new Visit();
    visit.atOnce = (exchange) => exchange.pauseBody();
    visit.send(`${post(6)}abc`);
    expect([visit.events(), visit.stream.paused]).toEqual([["POST /"], true]);
    visit.exchange.resumeBody();
    expect([visit.events(), visit.stream.paused]).toEqual([["body abc"], false]);
    visit.exchange.pauseBody();
    visit.exchange.resumeBody();
    visit.send("def");
    expect(visit.events()).toEqual(["body def", "bodyEnd"]);
  });

  test("paused at the end of a piece pauses the stream", () => {
    const log: string[] = [];
    const stream = new TestStream();
    const connection = new ServerConnection({
      stream,
      ticker: new TestTicker(),
      handler: (_, exchange) => ({
        ...NOBODY,
        body(bytes) {
          log.push(Buffer.from(bytes).toString());
          exchange.pauseBody();
        },
      }),
    });
    connection.data(latin1Bytes(`${post(6)}abc`));
    expect([log, stream.paused]).toEqual([["abc"], true]);
  });

  test("paused and resumed while it is handed out lets the stream flow", () => {
    const visit = new Visit();
    visit.atOnce = (exchange) => {
      exchange.pauseBody();
      exchange.resumeBody();
    };
    visit.send(post(3));
    expect(visit.stream.paused).toBe(false);
  });

  test("that is malformed is answered 400 and the handler told", () => {
    const visit = new Visit();
    visit.send(`${UPLOAD}3\r\nabcX`);
    expect(visit.events()).toEqual(["POST /", "aborted bad_chunk"]);
    expect(visit.stream.sent).toStartWith("HTTP/1.1 400 Bad Request\r\n");
    expect(visit.stream.shutDowns).toBe(1);
  });

  test("that is malformed in the middle of a response cuts the connection", () => {
    const visit = new Visit();
    visit.send(UPLOAD);
    visit.exchange.write(latin1Bytes("HTTP/1.1 200 OK\r\n"));
    visit.send("x");
    expect(visit.events()).toEqual(["POST /", "aborted bad_chunk"]);
    expect([visit.stream.closed, visit.stream.sent]).toEqual([true, "HTTP/1.1 200 OK\r\n"]);
  });

  test("that stalls is answered 408, but not while we hold it back", () => {
    const visit = new Visit();
    visit.send(`${post(9)}abc`);
    visit.exchange.pauseBody();
    visit.ticker.advance(60_000);
    visit.exchange.resumeBody();
    visit.ticker.advance(29_000);
    expect(visit.events()).toEqual(["POST /", "body abc"]);
    visit.ticker.advance(1_500);
    expect(visit.events()).toEqual(["aborted body_too_slow"]);
    expect(visit.stream.sent).toStartWith("HTTP/1.1 408 ");
  });

  test("cut short by the visitor's end is no body", () => {
    const visit = new Visit();
    visit.send(`${post(9)}abc`);
    visit.connection.end();
    expect(visit.events()).toEqual(["POST /", "body abc", "aborted body_cut"]);
    expect(visit.stream.sent).toStartWith("HTTP/1.1 400 ");
  });

  test("that follows an early answer is thrown away when short, and the connection stays", () => {
    const visit = new Visit();
    visit.send(`${post(6)}abc`);
    visit.exchange.respond({ status: 403, body: "no" });
    expect(visit.stream.takeSent()).toContain("Connection: keep-alive\r\n");
    visit.send(`def${get("/2")}`);
    expect(visit.events()).toEqual(["POST /", "body abc", "GET /2"]);
  });

  test("that follows an early answer closes the connection when long", () => {
    const visit = new Visit();
    visit.send(post(1_000_000));
    visit.exchange.respond({ status: 403 });
    expect(visit.stream.sent).toContain("Connection: close\r\n");
    expect(visit.stream.shutDowns).toBe(1);
  });

  test("of unknown length is drained up to a bound after an early answer", () => {
    const visit = new Visit({ limits: { drainMaxBytes: 100 } });
    visit.send(UPLOAD);
    visit.answer();
    const chunk = `20\r\n${"x".repeat(32)}\r\n`;
    visit.send(chunk.repeat(2));
    expect(visit.stream.shutDowns).toBe(0);
    visit.send(chunk);
    expect(visit.stream.shutDowns).toBe(1);
  });

  test("the visitor may never send, for want of a 100, is not waited for", () => {
    const visit = new Visit();
    visit.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    visit.exchange.respond({ status: 401 });
    expect(visit.stream.sent).toContain("Connection: close\r\n");
    expect(visit.stream.shutDowns).toBe(1);
  });
});

describe("a response", () => {
  test("short of room is told when there is some again", () => {
    const visit = new Visit();
    visit.send(GET);
    visit.stream.room = 2;
    expect(visit.exchange.write(latin1Bytes("abc"))).toBe(2);
    visit.connection.drain();
    expect(visit.events()).toEqual(["GET /", "writable"]);
  });

  test("nobody reads is given up in the end", () => {
    const visit = new Visit();
    visit.send(GET);
    visit.stream.room = 0;
    visit.exchange.write(latin1Bytes("abc"));
    visit.ticker.advance(301_000);
    expect(visit.events()).toEqual(["GET /", "aborted stalled"]);
    expect(visit.stream.closed).toBe(true);
  });

  test("that comes late reaches no other request", () => {
    const visit = new Visit();
    visit.send(get("/1"));
    const first = visit.exchange;
    visit.answer();
    visit.send(get("/2"));
    visit.stream.takeSent();
    expect(first.write(latin1Bytes("late"))).toBe(-1);
    first.respond({ status: 200 });
    first.finish("close");
    first.abort();
    first.pauseBody();
    expect([visit.stream.sent, visit.stream.closed, visit.stream.paused]).toEqual(["", false, false]);
  });

  test("of our own has a length, and no body for HEAD", () => {
    const visit = new Visit();
    visit.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    visit.exchange.respond({ status: 404, body: "nö" });
    expect(visit.stream.sent).toBe(
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n",
    );
  });

  test("of our own is written whole over a slow stream before the next request", () => {
    const visit = new Visit();
    visit.send(get("/1"));
    visit.stream.room = 10;
    visit.exchange.respond({ status: 200, body: "hello" });
    visit.send(get("/2"));
    expect(visit.events()).toEqual(["GET /1"]);
    visit.stream.room = Infinity;
    visit.connection.drain();
    expect(visit.events()).toEqual(["GET /2"]);
    expect(visit.stream.sent).toEndWith("hello");
  });

  test("delimited by closing closes", () => {
    const visit = new Visit();
    visit.send(GET);
    visit.exchange.write(latin1Bytes("x"));
    visit.exchange.finish("close");
    expect(visit.stream.shutDowns).toBe(1);
    visit.ticker.advance(2_500);
    expect(visit.stream.closed).toBe(true);
  });

  test("that is broken off cuts the connection", () => {
    const visit = new Visit();
    visit.send(GET);
    visit.exchange.abort();
    expect([visit.stream.closed, visit.events()]).toEqual([true, ["GET /"]]);
  });

  test("a handler fails to give is a 500", () => {
    const thrown: unknown[] = [];
    const visit = new Visit({
      handler: () => {
        throw new Error("boom");
      },
      handlerFailed: (error) => thrown.push(error),
    });
    visit.send(GET);
    expect(visit.stream.sent).toStartWith("HTTP/1.1 500 ");
    expect(thrown).toHaveLength(1);
  });
});

describe("a visitor", () => {
  test("that half-closes after its request still gets the answer", () => {
    const visit = new Visit();
    visit.send(GET);
    visit.connection.end();
    expect(visit.exchange.keepAlive).toBe(false);
    visit.answer("here");
    expect([visit.stream.sent, visit.stream.shutDowns]).toEqual(["here", 1]);
    expect(visit.events()).toEqual(["GET /"]);
  });

  test("that half-closed and gets nothing for long is taken for gone", () => {
    const visit = new Visit();
    visit.send(GET);
    visit.connection.end();
    visit.ticker.advance(20_000);
    visit.exchange.write(latin1Bytes("tick"));
    visit.ticker.advance(20_000);
    expect(visit.events()).toEqual(["GET /"]);
    visit.ticker.advance(11_000);
    expect(visit.events()).toEqual(["aborted stalled"]);
  });

  test("that half-closes after pipelined requests gets all answers", () => {
    const visit = new Visit();
    visit.send(get("/1") + get("/2"));
    visit.connection.end();
    visit.answer("one");
    expect(visit.stream.shutDowns).toBe(0);
    visit.answer("two");
    expect([visit.stream.sent, visit.stream.shutDowns]).toEqual(["onetwo", 1]);
  });

  test("that pipelines half a request and half-closes is told that it is cut", () => {
    const visit = new Visit();
    visit.send(`${get("/1")}${post(9, "/2")}abc`);
    visit.connection.end();
    visit.answer("one");
    expect(visit.events()).toEqual(["GET /1", "POST /2", "body abc", "aborted body_cut"]);
    expect(visit.stream.sent).toStartWith("oneHTTP/1.1 400 ");
  });

  test("that answers from within, as a stream without a wire does, is served in order", () => {
    const visit = new Visit();
    visit.atOnce = (exchange) => {
      if (exchange.request.target === "/1") visit.send(get("/3"));
      exchange.respond({ status: 204 });
    };
    visit.send(get("/1") + get("/2"));
    expect(visit.events()).toEqual(["GET /1", "GET /2", "GET /3"]);
  });

  test("with an unknown method is told the known ones", () => {
    const visit = new Visit();
    visit.send("BREW / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(visit.stream.sent).toMatch(/^HTTP\/1\.1 405 [^]*\r\nAllow: GET, HEAD, POST, /);
  });

  test("that disappears aborts the exchange, once", () => {
    const visit = new Visit();
    visit.send(post(3));
    visit.connection.close();
    visit.connection.close();
    expect(visit.events()).toEqual(["POST /", "aborted gone"]);
    expect(visit.exchange.write(latin1Bytes("x"))).toBe(-1);
  });

  test("that trickles its head is answered 408 after ten seconds, however busy it looks", () => {
    const visit = new Visit();
    visit.send("GET / HTTP/1.1\r\n");
    for (let second = 0; second < 11; second++) {
      visit.ticker.advance(1_000);
      if (visit.stream.sent === "") visit.send("A: b\r\n");
    }
    expect(visit.stream.sent).toStartWith("HTTP/1.1 408 Request Timeout\r\n");
    expect(visit.events()).toEqual([]);
  });

  test("that sends nothing is let go without a word", () => {
    const visit = new Visit();
    visit.ticker.advance(60_500);
    expect([visit.stream.sent, visit.stream.shutDowns]).toEqual(["", 1]);
    visit.ticker.advance(2_500);
    expect(visit.stream.closed).toBe(true);
    visit.ticker.advance(500);
    expect(visit.ticker.running).toBe(false);
  });

  test("that sends a head without end is answered 431 and read on for a while, not reset", () => {
    const visit = new Visit({ limits: { lingerMaxBytes: 1_000 } });
    visit.send(`GET / HTTP/1.1\r\nA: ${"x".repeat(HEAD_MAX_BYTES - 100)}`);
    visit.send("x".repeat(200));
    expect(visit.stream.sent).toStartWith("HTTP/1.1 431 ");
    expect([visit.stream.shutDowns, visit.stream.closed]).toEqual([1, false]);
    visit.send("x".repeat(1_001));
    expect(visit.stream.closed).toBe(true);
  });

  test.each([
    [
      "CL.TE",
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${get("/evil")}`,
    ],
    [
      "TE.CL",
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${get("/evil")}`,
    ],
    [
      "TE.TE",
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${get("/evil")}`,
    ],
    [
      "a bare LF before Transfer-Encoding",
      `POST / HTTP/1.1\r\nHost: a\r\nA: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${get("/evil")}`,
    ],
    ["a second Host", `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${get("/evil")}`],
    ["a space before the colon", `POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 99\r\n\r\n${get("/evil")}`],
  ])("that smuggles by %s gets one answer and no second request", (_, bytes) => {
    const visit = new Visit();
    visit.send(bytes);
    expect(visit.events()).toEqual([]);
    expect(visit.stream.sent.match(/HTTP\/1\.1 400/g)).toHaveLength(1);
    expect(visit.stream.sent).toContain("Connection: close\r\n");
    expect(visit.stream.shutDowns).toBe(1);
  });

  test("whose chunk size overflows gets no second request", () => {
    const visit = new Visit();
    visit.send(`${UPLOAD}10000000000000000\r\n${get("/evil")}`);
    expect(visit.events()).toEqual(["POST /", "aborted bad_chunk"]);
  });
});

describe("an upgrade", () => {
  test("holds early bytes until the app agrees, then passes raw bytes both ways", () => {
    const visit = new Visit();
    visit.send(`${UPGRADE}early`);
    visit.send("er");
    expect(visit.events()).toEqual(["GET /ws"]);
    visit.exchange.upgrade();
    visit.exchange.write(latin1Bytes("101"));
    visit.send("GET");
    expect(visit.events()).toEqual(["body earlyer", "body GET"]);
    visit.connection.end();
    visit.exchange.write(latin1Bytes("bye"));
    expect(visit.events()).toEqual(["rawEnd"]);
    visit.exchange.shutdown();
    expect([visit.stream.sent, visit.stream.shutDowns]).toEqual(["101bye", 1]);
  });

  test("half-closed by the app first", () => {
    const visit = new Visit();
    visit.send(UPGRADE);
    visit.exchange.upgrade();
    visit.exchange.shutdown();
    visit.send("more");
    visit.connection.end();
    expect(visit.events()).toEqual(["GET /ws", "body more", "rawEnd"]);
    expect(visit.stream.shutDowns).toBe(1);
    visit.ticker.advance(2_500);
    expect(visit.stream.closed).toBe(true);
  });

  test("with too many early bytes is refused", () => {
    const visit = new Visit();
    visit.send(UPGRADE);
    visit.send("x".repeat(UPGRADE_HOLD_BYTES));
    expect(visit.events()).toEqual(["GET /ws"]);
    visit.send("x");
    expect(visit.events()).toEqual(["aborted upgrade_bytes_too_many"]);
    expect(visit.stream.sent).toStartWith("HTTP/1.1 400 ");
  });

  test("the app declines leaves the connection to the next request", () => {
    const visit = new Visit();
    visit.send(UPGRADE + get("/2"));
    visit.exchange.respond({ status: 404 });
    expect(visit.events()).toEqual(["GET /ws", "GET /2"]);
  });

  test("to h2c is served as HTTP/1.1", () => {
    const visit = new Visit();
    visit.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n",
    );
    visit.exchange.upgrade();
    visit.answer("one");
    visit.send(get("/2"));
    expect(visit.events()).toEqual(["GET /", "GET /2"]);
  });

  test("whose visitor had already ended is told so", () => {
    const visit = new Visit();
    visit.send(UPGRADE);
    visit.connection.end();
    visit.exchange.upgrade();
    expect(visit.events()).toEqual(["GET /ws", "rawEnd"]);
  });
});

describe("a stream for one request", () => {
  test("is given back once the exchange is whole", () => {
    const finished: string[] = [];
    const visit = new Visit({ finished: (after) => finished.push(after) });
    visit.send(post(3));
    visit.answer();
    expect(finished).toEqual([]);
    visit.send("abc");
    expect(finished).toEqual(["keep-alive"]);
    visit.send(GET);
    visit.connection.close();
    expect(visit.events()).toEqual(["POST /"]);
    expect([visit.stream.shutDowns, visit.stream.closed]).toEqual([0, false]);
  });

  test("is given back after a refusal", () => {
    const finished: string[] = [];
    const visit = new Visit({ finished: (after) => finished.push(after) });
    visit.send("nonsense\r\n\r\n");
    expect(visit.stream.sent).toStartWith("HTTP/1.1 400 ");
    expect(finished).toEqual(["close"]);
  });
});

test("a connection that retires answers its request and takes no other", () => {
  const idle = new Visit();
  idle.connection.retire();
  expect(idle.stream.shutDowns).toBe(1);
  const busy = new Visit();
  busy.send(GET);
  busy.connection.retire();
  expect([busy.exchange.keepAlive, busy.stream.shutDowns]).toEqual([false, 0]);
  busy.answer();
  expect(busy.stream.shutDowns).toBe(1);
});

test("any garbage is survived, with one answer at most for what is refused", () => {
  const piece = fc.constantFrom(
    GET,
    UPLOAD,
    UPGRADE,
    post(3),
    "abc",
    "0\r\n\r\n",
    "3\r\nabc\r\n",
    "\r\n",
    "\0",
    "x",
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), fc.boolean(), (pieces, ends) => {
      const visit = new Visit();
      visit.atOnce = (exchange) => exchange.respond({ status: 204 });
      for (const text of pieces) visit.send(text);
      if (ends) visit.connection.end();
      visit.ticker.advance(120_000);
      expect(visit.stream.closed).toBe(true);
      expect((visit.stream.sent.match(/HTTP\/1\.1 4/g) ?? []).length).toBeLessThan(2);
    }),
    { seed: 20_260_606, numRuns: 200 },
  );
});

test("a handler may leave it at NOBODY", () => {
  const visit = new Visit({
    handler: (_, exchange) => {
      exchange.respond({ status: 204 });
      return NOBODY;
    },
  });
  visit.send(`${post(3)}abc${GET}`);
  expect(visit.stream.sent.match(/204/g)).toHaveLength(2);
});
