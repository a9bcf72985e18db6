import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { ClientExchange } from "./client-exchange.ts";
import type { ClientExchangeOptions } from "./client-exchange.ts";
import { latin1Bytes, TestStream } from "./stream.fixture.ts";

/** One request to an app whose side the test plays. */
class Call {
  readonly stream = new TestStream();
  readonly exchange: ClientExchange;
  readonly log: string[] = [];

  constructor(options: Partial<ClientExchangeOptions> = {}) {
    this.exchange = new ClientExchange({
      stream: this.stream,
      head: latin1Bytes("HEAD"),
      asked: { method: "GET", version: "1.1", upgrade: undefined },
      hasBody: false,
      events: {
        interim: (head) => this.log.push(`interim ${head.status}`),
        head: (head) => this.log.push(`head ${head.status}`),
        body: (bytes) => this.log.push(`body ${Buffer.from(bytes).toString("latin1")}`),
        writable: () => this.log.push("writable"),
        rawEnd: () => this.log.push("rawEnd"),
        end: ({ reusable }) => this.log.push(`end ${reusable ? "reusable" : "used up"}`),
        broken: (reason) => this.log.push(`broken ${reason}`),
      },
      ...options,
    });
    this.exchange.start();
  }

  receive(text: string): void {
    this.exchange.data(latin1Bytes(text));
  }

  events(): string[] {
    return this.log.splice(0);
  }
}

const UPGRADE = { asked: { method: "GET", version: "1.1", upgrade: "websocket" } } as const;
const SWITCHING = "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

describe("a response", () => {
  test.each([
    ["with a length", "HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\n", "abc"],
    ["in chunks", "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n0\r\nA: b\r\n\r\n"],
  ])("%s leaves the connection to the next", (_, head, body) => {
    const call = new Call();
    call.receive(head + body);
    expect(call.events()).toEqual(["head 200", `body ${body}`, "end reusable"]);
  });

  test("without a body ends with its head", () => {
    const call = new Call();
    call.receive("HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n");
    expect(call.events()).toEqual(["head 304", "end reusable"]);
  });

  test("delimited by closing ends with the stream", () => {
    const call = new Call();
    call.receive("HTTP/1.1 200 X\r\n\r\nabc");
    expect(call.events()).toEqual(["head 200", "body abc"]);
    call.exchange.end();
    call.exchange.close();
    expect(call.events()).toEqual(["end used up"]);
  });

  test("delimited by closing is broken by a reset", () => {
    const call = new Call();
    call.receive("HTTP/1.1 200 X\r\n\r\nabc");
    call.exchange.close(new Error("reset"));
    expect(call.events()).toEqual(["head 200", "body abc", "broken cut"]);
  });

  test("follows its interim ones, which are bounded", () => {
    const call = new Call();
    call.receive("HTTP/1.1 100 X\r\n\r\nHTTP/1.1 103 X\r\n\r\nHTTP/1.1 204 X\r\n\r\n");
    expect(call.events()).toEqual(["interim 100", "interim 103", "head 204", "end reusable"]);
    const endless = new Call();
    endless.receive("HTTP/1.1 103 X\r\n\r\n".repeat(40));
    expect(endless.events().slice(-2)).toEqual(["interim 103", "broken too_many_interim"]);
  });

  test.each([
    ["Connection: close", "HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"],
    ["HTTP/1.0", "HTTP/1.0 200 X\r\nContent-Length: 0\r\n\r\n"],
    ["bytes nobody asked for", "HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 X\r\n"],
  ])("with %s uses the connection up", (_, text) => {
    const call = new Call();
    call.receive(text);
    expect(call.events()).toEqual(["head 200", "end used up"]);
  });

  test("before the whole request uses the connection up", () => {
    const call = new Call({ hasBody: true });
    call.receive("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n");
    expect(call.events()).toEqual(["head 413", "end used up"]);
    const patient = new Call({ hasBody: true });
    patient.exchange.write(latin1Bytes("abc"));
    patient.exchange.bodyEnd();
    patient.receive("HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n");
    expect(patient.events()).toEqual(["head 200", "end reusable"]);
  });

  test.each([
    ["nothing", "", "no_response"],
    ["half a head", "HTTP/1.1 200", "cut"],
    ["half a body", "HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\na", "cut"],
    ["chunks without an end", "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "cut"],
  ])("of %s is broken when the app closes", (_, text, reason) => {
    for (const event of ["end", "close"] as const) {
      const call = new Call();
      if (text !== "") call.receive(text);
      call.exchange[event]();
      expect(call.events().at(-1)).toBe(`broken ${reason}`);
    }
  });

  test.each([
    ["garbage", "nonsense\r\n\r\n", "bad_status_line"],
    [
      "two framings",
      "HTTP/1.1 200 X\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "conflicting_framing",
    ],
    ["bad chunks", "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nx", "bad_chunk"],
    ["an upgrade nobody asked for", SWITCHING, "bad_upgrade"],
  ])("of %s is broken", (_, text, reason) => {
    const call = new Call();
    call.receive(text);
    expect(call.events().at(-1)).toBe(`broken ${reason}`);
    call.receive("more");
    call.exchange.close();
    expect(call.events()).toEqual([]);
  });

  test("after an interim one in pieces is read from its start", () => {
    const call = new Call();
    call.receive("HTTP/1.1 103 Early Hints\r\nA: b\r\n");
    call.receive("\r\nHTTP/1.1 200 \0\r\n\r\n");
    expect(call.events()).toEqual(["interim 103", "broken control_character"]);
  });

  test("is the same however it is cut", () => {
    const text =
      "HTTP/1.1 103 X\r\nA: b\r\n\r\nHTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: r\r\n\r\n";
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 8 }), fc.boolean(), (cuts, stutters) => {
        const call = new Call();
        const ends = [0, ...cuts, text.length].sort((a, b) => a - b);
        for (const [index, end] of ends.slice(1).entries()) {
          if (stutters) call.exchange.pause();
          call.receive(text.slice(ends[index], end));
          call.exchange.resume();
        }
        const log = call.events();
        const body = log.filter((line) => line.startsWith("body ")).map((line) => line.slice(5));
        expect(body.join("")).toBe("5\r\nhello\r\n0\r\nT: r\r\n\r\n");
        expect(log.filter((line) => !line.startsWith("body "))).toEqual([
          "interim 103",
          "head 200",
          "end reusable",
        ]);
      }),
      { seed: 20_260_607, numRuns: 200 },
    );
  });
});

describe("back-pressure", () => {
  test("the request head goes first, whatever room there is", () => {
    const stream = new TestStream();
    const call = new Call({ hasBody: true, stream });
    expect(stream.sent).toBe("HEAD");
    stream.room = 1;
    expect(call.exchange.write(latin1Bytes("abc"))).toBe(1);
    call.exchange.drain();
    expect(call.events()).toEqual(["writable"]);
  });

  test("a head the stream does not take is sent when it drains, and the body waits", () => {
    const stream = new TestStream();
    stream.room = 2;
    const call = new Call({ hasBody: true, stream });
    expect(call.exchange.write(latin1Bytes("abc"))).toBe(0);
    stream.room = Infinity;
    call.exchange.drain();
    expect(call.exchange.write(latin1Bytes("abc"))).toBe(3);
    expect([stream.sent, call.events()]).toEqual(["HEADabc", ["writable"]]);
  });

  test("a paused response is held from the next event on", () => {
    const call = new Call();
    call.receive("HTTP/1.1 200 X\r\n");
    call.exchange.pause();
    call.receive("Content-Length: 3\r\n\r\nab");
    expect([call.events(), call.stream.paused]).toEqual([[], true]);
    call.exchange.resume();
    expect([call.events(), call.stream.paused]).toEqual([["head 200", "body ab"], false]);
  });

  test("what came before the app closed is still delivered to a slow reader", () => {
    const call = new Call();
    call.receive("HTTP/1.1 200 X\r\n\r\n");
    call.exchange.pause();
    call.receive("abc");
    call.exchange.end();
    call.exchange.close();
    expect(call.events()).toEqual(["head 200"]);
    call.exchange.resume();
    expect(call.events()).toEqual(["body abc", "end used up"]);
  });
});

describe("an upgrade", () => {
  test("passes raw bytes until both sides have ended", () => {
    const call = new Call(UPGRADE);
    call.receive(`${SWITCHING}raw`);
    expect(call.events()).toEqual(["head 101", "body raw"]);
    expect(call.exchange.write(latin1Bytes("up"))).toBe(2);
    call.exchange.end();
    expect(call.events()).toEqual(["rawEnd"]);
    call.exchange.shutdown();
    expect([call.events(), call.stream.shutDowns]).toEqual([["end used up"], 1]);
  });

  test("half-closed from this side first", () => {
    const call = new Call(UPGRADE);
    call.receive(SWITCHING);
    call.exchange.shutdown();
    expect(call.exchange.write(latin1Bytes("x"))).toBe(-1);
    call.receive("last");
    call.exchange.end();
    expect(call.events()).toEqual(["head 101", "body last", "rawEnd", "end used up"]);
  });

  test("declined is a response like any other", () => {
    const call = new Call(UPGRADE);
    call.receive("HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n");
    expect(call.events()).toEqual(["head 404", "end reusable"]);
  });
});

test("an aborted exchange closes its stream and tells nothing", () => {
  const call = new Call();
  call.exchange.abort();
  call.receive("HTTP/1.1 200 X\r\n\r\n");
  call.exchange.close();
  expect([call.events(), call.stream.closed]).toEqual([[], true]);
});
