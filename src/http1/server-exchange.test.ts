import { describe, expect, test } from "bun:test";

import { UPGRADE_HOLD_BYTES } from "../protocol/limits.ts";
import { NOBODY } from "./exchange.ts";
import { ServerConnection } from "./server-connection.ts";
import { latin1Bytes, TestStream, TestTicker } from "./stream.fixture.ts";
import { get, GET, post, UPGRADE, UPLOAD, Visit } from "./visit.fixture.ts";

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

  test("may give the stream away, with what came behind the head, and keeps nothing of it", () => {
    const heard: string[] = [];
    const heir = {
      data: (bytes: Uint8Array) => void heard.push(Buffer.from(bytes).toString("latin1")),
      drain: () => void heard.push("drain"),
      end: () => void heard.push("end"),
      close: () => void heard.push("close"),
    };
    const heirs: object[] = [];
    const visit = new Visit({ handedOver: (to) => heirs.push(to) });
    visit.atOnce = (exchange) => expect(exchange.handOver(heir)).toBe(true);
    visit.send(`${UPGRADE}early`);
    expect([heirs, heard]).toEqual([[heir], ["early"]]);
    expect([visit.connection.serving, visit.stream.closed, visit.stream.paused]).toEqual([
      false,
      false,
      false,
    ]);
    visit.exchange.abort();
    visit.ticker.advance(400_000);
    expect([visit.stream.closed, visit.ticker.running]).toEqual([false, false]);
  });

  test("gives the stream away later too, after what it held", () => {
    const heard: string[] = [];
    const note = (text: string) => void heard.push(text);
    const heir = {
      data: (bytes: Uint8Array) => note(Buffer.from(bytes).toString("latin1")),
      drain() {},
      end: () => note("end"),
      close() {},
    };
    const visit = new Visit({ handedOver() {} });
    visit.send(`${UPGRADE}early`);
    visit.send("er");
    visit.exchange.handOver(heir);
    expect(heard).toEqual(["earlyer"]);
  });

  test("is the only way to the stream itself", () => {
    const heir = { data() {}, drain() {}, end() {}, close() {} };
    const plain = new Visit({ handedOver() {} });
    plain.send(GET);
    expect(plain.exchange.handOver(heir)).toBe(false);
    const carried = new Visit();
    carried.send(UPGRADE);
    expect(carried.exchange.handOver(heir)).toBe(false);
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
