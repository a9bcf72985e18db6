import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { HEAD_MAX_BYTES, HEAD_MAX_FIELDS } from "../protocol/limits.ts";
import type { Refusal, RefusalReason } from "./refusal.ts";
import { parseRequestHead } from "./request-head.ts";
import type { MoreNeeded, RequestHead } from "./request-head.ts";
import { HeadCursor } from "./scan-head.ts";

const FUZZ = { seed: 20_260_601, numRuns: 400 };

function parse(text: string): RequestHead | MoreNeeded | Refusal {
  return parseRequestHead(Buffer.from(text, "latin1"));
}

function accepted(text: string): RequestHead {
  const parsed = parse(text);
  if (parsed.kind !== "request") throw new Error(`not a request: ${JSON.stringify(parsed)}`);
  return parsed;
}

/** As a connection would: piece by piece, always handing in all bytes so far. */
function parseInPieces(bytes: Uint8Array, cuts: readonly number[]): RequestHead | MoreNeeded | Refusal {
  const cursor = new HeadCursor();
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let last: RequestHead | MoreNeeded | Refusal = { kind: "more" };
  for (const end of ends) {
    last = parseRequestHead(bytes.subarray(0, end), cursor);
    if (last.kind !== "more") return last;
  }
  return last;
}

const get = (lines: string) => `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const fields = (count: number) => Array.from({ length: count }, (_, n) => `X-${n}: y\r\n`).join("");

/** Many places to cut, and all those at the end. */
function cutsOf(length: number, step: number): number[] {
  const cuts: number[] = [];
  for (let cut = 0; cut <= length; cut += step) cuts.push(cut);
  for (let cut = Math.max(0, length - 8); cut <= length; cut++) cuts.push(cut);
  return cuts;
}

/** A head whose last bytes begin with the last byte that is allowed. */
function atTheBound(end: string): string {
  const start = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
  return start.padEnd(HEAD_MAX_BYTES - 1, "x") + end;
}

describe("refuses", () => {
  const table: [title: string, head: string, reason: RefusalReason, status: number][] = [
    ["a bare LF as line end", "GET / HTTP/1.1\nHost: a\n\n", "bare_line_break", 400],
    ["a bare LF between fields", get("A: b\nC: d\r\n"), "bare_line_break", 400],
    ["a bare CR in a value", get("A: b\rC: d\r\n"), "bare_line_break", 400],
    ["CR CR LF", get("A: b\r\r\n"), "bare_line_break", 400],
    ["NUL in a value", get("A: b\0c\r\n"), "control_character", 400],
    ["NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", "control_character", 400],
    ["another control character", get("A: \x1b[31m\r\n"), "control_character", 400],
    ["DEL", get("A: \x7f\r\n"), "control_character", 400],
    ["a TLS hello", "\x16\x03\x01\x02\0\x01", "control_character", 400],

    ["a folded field", get("A: b\r\n c\r\n"), "obs_fold", 400],
    ["a field folded by a tab", get("A: b\r\n\tc\r\n"), "obs_fold", 400],
    ["a blank before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "obs_fold", 400],
    ["a space before the colon", get("A : b\r\n"), "space_before_colon", 400],
    ["a tab before the colon", get("Content-Length\t: 5\r\n"), "space_before_colon", 400],
    ["a line without a colon", get("nonsense\r\n"), "bad_field", 400],
    ["a colon only on the next line", get("nonsense\r\nA: b\r\n"), "bad_field", 400],
    ["an empty field name", get(": b\r\n"), "bad_field", 400],
    ["a space inside a field name", get("A b: c\r\n"), "bad_field", 400],
    ["a field name that is no token", get("A(b): c\r\n"), "bad_field", 400],
    ["a field name beyond ASCII", get("\xc4: c\r\n"), "bad_field", 400],

    ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad_host", 400],
    ["no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", "host_missing", 400],
    ["no Host on HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "host_missing", 400],
    ["two Hosts", get("Host: b\r\n"), "host_repeated", 400],
    ["the same Host twice", get("hOST: a\r\n"), "host_repeated", 400],
    ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "bad_host", 400],
    ["a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "bad_host", 400],
    ["a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "bad_host", 400],
    ["a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "bad_host", 400],
    ["a Host with a port too high", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "bad_host", 400],
    ["a Host with an empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "bad_host", 400],

    ["TE with CL", get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "conflicting_framing", 400],
    ["CL with TE", get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "conflicting_framing", 400],
    ["CL: 0 with TE", get("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), "conflicting_framing", 400],
    ["two different CLs", get("Content-Length: 5\r\nContent-Length: 6\r\n"), "content_length_repeated", 400],
    ["the same CL twice", get("Content-Length: 5\r\nContent-Length: 5\r\n"), "content_length_repeated", 400],
    ["a list of CLs", get("Content-Length: 5, 5\r\n"), "bad_content_length", 400],
    ["a signed CL", get("Content-Length: +5\r\n"), "bad_content_length", 400],
    ["a negative CL", get("Content-Length: -5\r\n"), "bad_content_length", 400],
    ["a hexadecimal CL", get("Content-Length: 0x5\r\n"), "bad_content_length", 400],
    ["a CL in other digits", get("Content-Length: \xb2\r\n"), "bad_content_length", 400],
    ["an empty CL", get("Content-Length:\r\n"), "bad_content_length", 400],
    ["a CL past exact numbers", get("Content-Length: 9007199254740992\r\n"), "content_length_too_large", 413],
    ["a CL past 64 bits", get("Content-Length: 18446744073709551621\r\n"), "content_length_too_large", 413],
    ["TE gzip", get("Transfer-Encoding: gzip\r\n"), "bad_transfer_encoding", 400],
    ["TE gzip, chunked", get("Transfer-Encoding: gzip, chunked\r\n"), "bad_transfer_encoding", 400],
    ["TE chunked, chunked", get("Transfer-Encoding: chunked, chunked\r\n"), "bad_transfer_encoding", 400],
    ["TE chunked twice", get("Transfer-Encoding: chunked\r\n".repeat(2)), "bad_transfer_encoding", 400],
    ["TE xchunked", get("Transfer-Encoding: xchunked\r\n"), "bad_transfer_encoding", 400],
    ["TE with a parameter", get("Transfer-Encoding: chunked;a=b\r\n"), "bad_transfer_encoding", 400],
    ["TE quoted", get('Transfer-Encoding: "chunked"\r\n'), "bad_transfer_encoding", 400],
    ["TE identity", get("Transfer-Encoding: identity\r\n"), "bad_transfer_encoding", 400],
    ["an empty TE", get("Transfer-Encoding:\r\n"), "bad_transfer_encoding", 400],
    [
      "TE on HTTP/1.0",
      "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
      "transfer_encoding_on_http10",
      400,
    ],

    ["absolute form", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "target_not_origin_form", 400],
    ["asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "target_not_origin_form", 400],
    ["a target without a slash", "GET index HTTP/1.1\r\nHost: a\r\n\r\n", "target_not_origin_form", 400],
    ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "method_refused", 400],
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "method_refused", 400],
    ["an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "method_unknown", 405],
    ["a method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "method_unknown", 405],
    ["a method that is no token", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line", 400],
    ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target", 400],
    ["a target beyond ASCII", "GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target", 400],
    ["a tab in the target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", "bad_target", 400],
    ["a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line", 400],
    ["two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line", 400],
    ["a blank after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "bad_request_line", 400],
    ["HTTP/0.9", "GET /\r\n\r\n", "bad_request_line", 400],
    ["a version in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", "bad_request_line", 400],
    ["HTTP/2.0 and its preface", "PRI * HTTP/2.0\r\n\r\n", "version_unknown", 505],
    ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "version_unknown", 505],
    ["two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request_line", 400],

    ["an unknown expectation", get("Expect: tea\r\n"), "expectation_unknown", 417],
    ["a Connection that is no list of tokens", get("Connection: a b\r\n"), "bad_connection", 400],
    ["more fields than allowed", get(fields(HEAD_MAX_FIELDS)), "too_many_fields", 431],
    ["a head too large", get(`A: ${"x".repeat(HEAD_MAX_BYTES)}\r\n`), "head_too_large", 431],
    ["a head too large that is bare beyond", atTheBound("\rx"), "head_too_large", 431],
    ["a head too large by its last line break", atTheBound("\r\n\r\n"), "head_too_large", 431],
    ["a target too long", `GET /${"x".repeat(HEAD_MAX_BYTES)}`, "target_too_long", 414],
  ];

  test.each(table)("%s", (_, head, reason, status) => {
    expect(parse(head)).toEqual({ kind: "refused", status, reason } as Refusal);
    // However it is cut.
    const bytes = Buffer.from(head, "latin1");
    const step = Math.ceil(bytes.length / 64);
    for (const cut of cutsOf(bytes.length, step)) {
      expect(parseInPieces(bytes, [cut])).toEqual({ kind: "refused", status, reason } as Refusal);
    }
  });
});

describe("reads", () => {
  test("a plain request, its fields in order and as sent", () => {
    const head = accepted(
      "GET /a/../b?q=%zz|\\ HTTP/1.1\r\nhOst:\t App.example:8080 \r\nA: 1\r\nB:\r\na: 2\r\n\r\n",
    );
    expect(head.method).toBe("GET");
    expect(head.target).toBe("/a/../b?q=%zz|\\");
    expect(head.host).toBe("App.example:8080");
    expect(head.fields.map(({ name, lower, value }) => [name, lower, value])).toEqual([
      ["hOst", "host", "App.example:8080"],
      ["A", "a", "1"],
      ["B", "b", ""],
      ["a", "a", "2"],
    ]);
    expect(head.framing).toEqual({ kind: "none" });
    expect(head.keepAlive).toBe(true);
  });

  test("values beyond ASCII byte for byte", () => {
    const value = accepted(get("A: \x80\xff \xe4\r\n")).fields[1]?.value;
    expect(value).toBe("\x80\xff \xe4");
  });

  test("one empty line before the request, as clients of old send it", () => {
    const head = accepted("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(head.headBytes).toBe(29);
  });

  test("only its own bytes", () => {
    const text = get("A: b\r\n");
    expect(accepted(`${text}GET /next`).headBytes).toBe(text.length);
  });

  test("the largest head, the longest length and the most fields allowed", () => {
    const empty = get("A: \r\n").length;
    expect(accepted(get(`A: ${"x".repeat(HEAD_MAX_BYTES - empty)}\r\n`)).headBytes).toBe(HEAD_MAX_BYTES);
    expect(accepted(get("Content-Length: 9007199254740991\r\n")).framing).toEqual({
      kind: "length",
      length: Number.MAX_SAFE_INTEGER,
    });
    expect(accepted(get(fields(HEAD_MAX_FIELDS - 1))).fields).toHaveLength(HEAD_MAX_FIELDS);
  });

  test.each(["a", "A.B-c_d.example.", "127.0.0.1:1", "[::1]", "[::ffff:1.2.3.4]:8080"])(
    "the Host %s",
    (host) => {
      expect(accepted(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).host).toBe(host);
    },
  );

  test.each([
    ["HTTP/1.1", "", true],
    ["HTTP/1.1", "Connection: close\r\n", false],
    ["HTTP/1.1", "Connection: keep-alive, Close\r\n", false],
    ["HTTP/1.1", "Connection: a\r\nConnection: close\r\n", false],
    ["HTTP/1.0", "", false],
    ["HTTP/1.0", "Connection: Keep-Alive\r\n", true],
    ["HTTP/1.0", "Connection: keep-alive, close\r\n", false],
  ])("whether %s with %j stays open", (version, lines, keepAlive) => {
    expect(accepted(`GET / ${version}\r\nHost: a\r\n${lines}\r\n`).keepAlive).toBe(keepAlive);
  });

  test("the names that Connection lists", () => {
    expect(accepted(get("Connection: X-One, ,keep-alive\r\nConnection: x-two\r\n")).connectionNames).toEqual([
      "x-one",
      "x-two",
    ]);
  });

  test.each([
    ["websocket", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "websocket"],
    ["nothing without the Connection option", "Upgrade: websocket\r\n", undefined],
    ["nothing of h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", undefined],
    ["what is left of h2c", "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n", "websocket"],
    ["nothing beside a body", "Connection: upgrade\r\nUpgrade: a\r\nContent-Length: 1\r\n", undefined],
  ])("as upgrade %s", (_, lines, upgrade) => {
    expect(accepted(get(lines)).upgrade).toBe(upgrade);
  });

  test("an HTTP/1.0 request without expectation or upgrade", () => {
    const head = accepted(
      "GET / HTTP/1.0\r\nHost: a\r\nExpect: tea\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    );
    expect([head.expectContinue, head.upgrade]).toEqual([false, undefined]);
  });

  test.each(["PATCH", "QUERY", "PROPFIND", "MKCOL", "LOCK", "REPORT", "OPTIONS", "DELETE"])(
    "%s",
    (method) => {
      expect(accepted(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).method).toBe(method);
    },
  );
});

describe("for any bytes", () => {
  // Pieces that make near-misses likely.
  const piece = fc.constantFrom(
    ..."GET |POST |/|/a?b | HTTP/1.1|HTTP/1.0|\r\n|\r|\n| |\t|:|Host: a|Host|Content-Length: 3|Transfer-Encoding: chunked".split(
      "|",
    ),
    ..."Connection: close|Upgrade: h2c|\0|\x80|,|chunked|A: b|\r\n\r\n|#|*|http://".split("|"),
  );
  const garbage = fc.oneof(
    fc.array(piece, { maxLength: 24 }).map((parts) => Buffer.from(parts.join(""), "latin1")),
    fc.array(piece, { maxLength: 12 }).map((parts) => Buffer.from(get(parts.join("")), "latin1")),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );

  test("the verdict never depends on how they were cut, and nothing throws", () => {
    fc.assert(
      fc.property(garbage, fc.array(fc.nat(), { maxLength: 6 }), (bytes, cuts) => {
        expect(parseInPieces(bytes, cuts)).toEqual(parseRequestHead(bytes));
      }),
      FUZZ,
    );
  });

  test("whatever is accepted has one host, one framing and no byte that could split a head", () => {
    fc.assert(
      fc.property(garbage, (bytes) => {
        const parsed = parseRequestHead(bytes);
        if (parsed.kind !== "request") return;
        const names = parsed.fields.map((field) => field.lower);
        expect(names.filter((name) => name === "host")).toHaveLength(1);
        expect(
          names.filter((name) => name === "content-length" || name === "transfer-encoding").length,
        ).toBeLessThan(2);
        for (const { name, value } of parsed.fields) expect(name + value).not.toMatch(/[\r\n\0]/);
        expect(parsed.target).toMatch(/^\/[\x21-\x7e]*$/);
      }),
      FUZZ,
    );
  });
});
