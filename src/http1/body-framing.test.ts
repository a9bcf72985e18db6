import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { CHUNK_LINE_MAX_BYTES, HEAD_MAX_FIELDS, TRAILERS_MAX_BYTES } from "../protocol/limits.ts";
import { BodyTracker } from "./body-framing.ts";
import { CHUNKED, lengthFraming, NO_BODY, UNTIL_CLOSE } from "./framing.ts";
import type { ResponseFraming } from "./framing.ts";
import type { RefusalReason } from "./refusal.ts";

const FUZZ = { seed: 20_260_602, numRuns: 400 };

interface Followed {
  taken: number;
  complete: boolean;
  problem: RefusalReason | undefined;
}

function follow(framing: ResponseFraming, pieces: readonly Uint8Array[]): Followed {
  const tracker = new BodyTracker();
  tracker.reset(framing);
  let taken = 0;
  for (const piece of pieces) {
    const count = tracker.consume(piece);
    if (count < 0) break;
    taken += count;
    if (count < piece.length) break;
  }
  return { taken, complete: tracker.complete, problem: tracker.problem };
}

const chunked = (text: string) => follow(CHUNKED, [Buffer.from(text, "latin1")]);

describe("follows", () => {
  test("no body at all", () => {
    expect(follow(NO_BODY, [Buffer.from("GET /")])).toEqual({ taken: 0, complete: true, problem: undefined });
  });

  test("a length to its last byte and no further", () => {
    expect(follow(lengthFraming(5), [Buffer.from("abc")]).complete).toBe(false);
    expect(follow(lengthFraming(5), [Buffer.from("abc"), Buffer.from("deGET")])).toEqual({
      taken: 5,
      complete: true,
      problem: undefined,
    });
  });

  test("a body that ends with its connection", () => {
    expect(follow(UNTIL_CLOSE, [Buffer.from("abc")])).toEqual({
      taken: 3,
      complete: false,
      problem: undefined,
    });
  });

  test.each([
    ["an empty body", "0\r\n\r\n"],
    ["chunks in either case of digits", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"],
    ["leading zeros", "003\r\nabc\r\n000\r\n\r\n"],
    ["extensions", '3;a;b=c;d="e f"\r\nabc\r\n0;z\r\n\r\n'],
    ["trailers", "3\r\nabc\r\n0\r\nA: b\r\nC:\r\nD: \xe4\t\r\n\r\n"],
    ["a trailer with a name like one of a head", "0\r\nContent-Length-Sum: 3\r\nHosts: a\r\n\r\n"],
    ["data that looks like the end", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"],
  ])("chunks: %s", (_, text) => {
    expect(chunked(`${text}GET / HTTP/1.1`)).toEqual({
      taken: text.length,
      complete: true,
      problem: undefined,
    });
  });

  test("a message after another on the same tracker", () => {
    const tracker = new BodyTracker();
    tracker.reset(CHUNKED);
    expect(tracker.consume(Buffer.from("x"))).toBe(-1);
    tracker.reset(lengthFraming(2));
    expect([tracker.consume(Buffer.from("abc")), tracker.complete, tracker.problem]).toEqual([
      2,
      true,
      undefined,
    ]);
  });
});

describe("refuses", () => {
  const table: [title: string, body: string, problem: RefusalReason][] = [
    ["no size", "\r\n", "bad_chunk"],
    ["a size that is no number", "xyz\r\n", "bad_chunk"],
    ["a signed size", "+3\r\nabc\r\n", "bad_chunk"],
    ["a negative size", "-1\r\n", "bad_chunk"],
    ["a 0x prefix", "0x3\r\nabc\r\n", "bad_chunk"],
    ["an underscore in the size", "1_0\r\n", "bad_chunk"],
    ["a blank before the size", " 3\r\nabc\r\n", "bad_chunk"],
    ["a blank after the size", "3 \r\nabc\r\n", "bad_chunk"],
    ["a blank before an extension", "3 ;a\r\nabc\r\n", "bad_chunk"],
    ["a size past exact numbers", "20000000000000\r\n", "bad_chunk"],
    ["a size that overflows 64 bits to 3", "10000000000000003\r\nabc\r\n", "bad_chunk"],
    ["a bare LF after the size", "3\nabc\r\n", "bad_chunk"],
    ["a bare CR after the size", "3\rabc\r\n", "bad_chunk"],
    ["a bare LF in an extension", "3;a\nabc\r\n", "bad_chunk"],
    ["a bare CR in an extension", "3;a\rb\r\nabc\r\n", "bad_chunk"],
    ["NUL in an extension", "3;\0\r\nabc\r\n", "bad_chunk"],
    ["an endless extension", `3;${"a".repeat(CHUNK_LINE_MAX_BYTES + 1)}`, "bad_chunk"],
    ["data longer than its size", "3\r\nabcd\r\n0\r\n\r\n", "bad_chunk"],
    ["data followed by a bare LF", "3\r\nabc\n0\r\n\r\n", "bad_chunk"],
    ["data followed by nothing", "3\r\nabc0\r\n\r\n", "bad_chunk"],
    ["a bare LF at the end", "0\r\n\n", "bad_trailer"],
    ["CR and something else at the end", "0\r\n\rx", "bad_trailer"],
    ["a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", "bad_trailer"],
    ["a trailer without a name", "0\r\n: b\r\n\r\n", "bad_trailer"],
    ["a trailer without a colon", "0\r\nGET / HTTP/1.1\r\n\r\n", "bad_trailer"],
    ["a blank before a trailer's colon", "0\r\nA : b\r\n\r\n", "bad_trailer"],
    ["a bare LF in a trailer", "0\r\nA: b\nC: d\r\n\r\n", "bad_trailer"],
    ["NUL in a trailer", "0\r\nA: \0\r\n\r\n", "bad_trailer"],
    ["a length as a trailer", "0\r\nContent-Length: 3\r\n\r\n", "bad_trailer"],
    ["a cookie as a trailer", "0\r\nA: b\r\nset-cookie: a=1; Domain=test\r\n\r\n", "bad_trailer"],
    ["a visitor's claim as a trailer", "0\r\nX_Forwarded_For: 192.0.2.1\r\n\r\n", "bad_trailer"],
    ["our own field as a trailer", `0\r\nMuster-${"Ticket".repeat(9)}: t\r\n\r\n`, "bad_trailer"],
    ["a trailer too long", `0\r\nA: ${"x".repeat(TRAILERS_MAX_BYTES)}`, "trailers_too_large"],
    ["too many trailers", `0\r\n${"A: b\r\n".repeat(HEAD_MAX_FIELDS + 1)}`, "trailers_too_large"],
  ];

  test.each(table)("%s", (_, body, problem) => {
    expect(chunked(body)).toEqual({ taken: 0, complete: false, problem });
    // Byte by byte it is found at the same place.
    const bytes = Buffer.from(body, "latin1");
    const single = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    expect(follow(CHUNKED, single).problem).toBe(problem);
  });
});

describe("for any bytes", () => {
  const piece = fc.constantFrom(
    "0",
    "3",
    "a",
    "\r\n",
    "\r",
    "\n",
    ";",
    "=",
    " ",
    "abc",
    "A: b",
    ":",
    "\0",
    "0\r\n\r\n",
    "3\r\nabc\r\n",
  );
  const body = fc.array(piece, { maxLength: 20 }).map((parts) => Buffer.from(parts.join("")));

  test("completeness and problem never depend on how they were cut", () => {
    fc.assert(
      fc.property(body, fc.array(fc.nat(), { maxLength: 6 }), (bytes, cuts) => {
        const ends = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const pieces = ends.slice(1).map((end, index) => bytes.subarray(ends[index], end));
        const whole = follow(CHUNKED, [bytes]);
        const cut = follow(CHUNKED, pieces);
        expect([cut.complete, cut.problem]).toEqual([whole.complete, whole.problem]);
        if (whole.problem === undefined) expect(cut.taken).toBe(whole.taken);
      }),
      FUZZ,
    );
  });

  test("well-formed chunks of any data are followed exactly", () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(chunk), fc.uint8Array({ maxLength: 8 }), (chunks, next) => {
        const parts = chunks.flatMap((data) => [
          Buffer.from(`${data.length.toString(16)}\r\n`),
          data,
          Buffer.from("\r\n"),
        ]);
        const message = Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
        expect(follow(CHUNKED, [Buffer.concat([message, next])])).toEqual({
          taken: message.length,
          complete: true,
          problem: undefined,
        });
      }),
      FUZZ,
    );
  });
});
