import { describe, expect, test } from "bun:test";

import * as fc from "fast-check";

import { HEAD_MAX_BYTES } from "../protocol/limits.ts";
import { latin1Bytes } from "./stream.fixture.ts";
import { get, GET, post, UPGRADE, UPLOAD, Visit } from "./visit.fixture.ts";

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

  test("that half-closed and waits is sent what one that has gone refuses, once, before its answer", () => {
    const visit = asking();
    visit.send(GET);
    visit.connection.end();
    visit.ticker.advance(500);
    expect(visit.stream.takeSent()).toBe("");
    visit.ticker.advance(1_000);
    expect([visit.stream.takeSent(), visit.exchange.started]).toEqual([CONTINUE, false]);
    visit.ticker.advance(10_000);
    visit.answer("here");
    expect([visit.stream.sent, visit.stream.shutDowns]).toEqual(["here", 1]);
  });

  test("that is gone when it is asked so ends its request", () => {
    const visit = asking();
    visit.send(GET);
    visit.connection.end();
    visit.ticker.advance(1_500);
    visit.connection.close();
    expect(visit.events()).toEqual(["GET /", "aborted gone"]);
  });

  test("is not asked whether it is there while it may send, once its answer began, or where it knows no interim answer", () => {
    const sends = asking();
    sends.send(GET);
    const reads = asking();
    reads.send(GET);
    reads.exchange.write(latin1Bytes("begun"));
    const upgrades = asking();
    upgrades.send(UPGRADE);
    const old = asking();
    old.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    for (const visit of [reads, upgrades, old]) visit.connection.end();
    for (const visit of [sends, reads, upgrades, old]) visit.ticker.advance(5_000);
    expect([sends, reads, upgrades, old].map(({ stream }) => stream.sent)).toEqual(["", "begun", "", ""]);
  });

  test("that has no room for the whole of that gets its rest before the answer", () => {
    const passed = asking({ room: 10 });
    expect(passed.exchange.write(latin1Bytes("later"))).toBe(0);
    passed.stream.room = 14;
    passed.connection.drain();
    expect(passed.events()).toEqual(["GET /"]);
    passed.stream.room = Infinity;
    passed.connection.drain();
    expect(passed.events()).toEqual(["writable"]);
    passed.answer("later");
    expect(passed.stream.sent).toBe(`${CONTINUE}later`);

    const own = asking({ room: 10 });
    own.stream.room = Infinity;
    own.exchange.respond({ status: 204 });
    expect(own.stream.sent).toStartWith(`${CONTINUE}HTTP/1.1 204`);
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

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** A visit whose visitor is asked after a second. With `room` one that waits already, and was. */
function asking({ room }: { room?: number } = {}): Visit {
  const visit = new Visit({ limits: { halfClosedProbeMs: 1_000 } });
  if (room === undefined) return visit;
  visit.send(GET);
  visit.connection.end();
  visit.stream.room = room;
  visit.ticker.advance(1_500);
  return visit;
}
