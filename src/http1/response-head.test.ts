import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { HEAD_MAX_BYTES } from "../protocol/limits.ts";
import type { RefusalReason } from "./refusal.ts";
import { parseResponseHead } from "./response-head.ts";
import type { AskedFor, ResponseHead } from "./response-head.ts";
import { HeadCursor } from "./scan-head.ts";

const GET: AskedFor = { method: "GET", version: "1.1", upgrade: undefined };
const OLD: AskedFor = { method: "GET", version: "1.0", upgrade: undefined };
const WEBSOCKET: AskedFor = { method: "GET", version: "1.1", upgrade: "websocket" };

function accepted(text: string, asked = GET): ResponseHead {
  const parsed = parseResponseHead(Buffer.from(text, "latin1"), asked);
  if (parsed.kind !== "response") throw new Error(`not a response: ${JSON.stringify(parsed)}`);
  return parsed;
}

describe("reads", () => {
  test("status, reason and fields", () => {
    const head = accepted("HTTP/1.1 404 Not Here \xe4\r\nA: 1\r\na: 2\r\nContent-Length: 3\r\n\r\nabc");
    expect([head.status, head.reason, head.headBytes]).toEqual([404, "Not Here \xe4", 58]);
    expect(head.fields.map((field) => field.value)).toEqual(["1", "2", "3"]);
    expect([head.keepAlive, head.interim]).toEqual([true, false]);
  });

  test.each(["HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200\r\n\r\n"])("no reason in %j", (text) => {
    expect(accepted(text).reason).toBe("");
  });

  test.each([
    ["GET", 200, "Content-Length: 5\r\n", { kind: "length", length: 5 }],
    ["GET", 200, "Content-Length: 0\r\n", { kind: "none" }],
    ["GET", 200, "Transfer-Encoding: chunked\r\n", { kind: "chunked" }],
    ["GET", 200, "", { kind: "close" }],
    ["HEAD", 200, "Content-Length: 5\r\n", { kind: "none" }],
    ["HEAD", 200, "Transfer-Encoding: chunked\r\n", { kind: "none" }],
    ["HEAD", 200, "", { kind: "none" }],
    ["GET", 204, "Content-Length: 5\r\n", { kind: "none" }],
    ["GET", 304, "Content-Length: 5\r\n", { kind: "none" }],
    ["GET", 103, "Content-Length: 5\r\n", { kind: "none" }],
  ])("the framing of %s → %i with %j", (method, status, lines, framing) => {
    expect(accepted(`HTTP/1.1 ${status} X\r\n${lines}\r\n`, { ...GET, method }).framing).toEqual(
      framing as never,
    );
  });

  test.each([
    ["HTTP/1.1 200 X\r\nContent-Length: 1\r\n", true],
    ["HTTP/1.1 200 X\r\nContent-Length: 1\r\nConnection: close\r\n", false],
    ["HTTP/1.1 200 X\r\n", false],
    ["HTTP/1.0 200 X\r\nContent-Length: 1\r\n", false],
    ["HTTP/1.0 200 X\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n", true],
  ])("whether the app keeps the connection after %j", (lines, keepAlive) => {
    expect(accepted(`${lines}\r\n`).keepAlive).toBe(keepAlive);
  });

  test("interim responses as such, and 101 as the final one", () => {
    expect(accepted("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").interim).toBe(true);
    const switching = accepted("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", WEBSOCKET);
    expect([switching.interim, switching.upgrade, switching.keepAlive]).toEqual([false, "websocket", false]);
  });
});

describe("refuses", () => {
  const ok = (lines: string) => `HTTP/1.1 200 OK\r\n${lines}\r\n`;
  const table: [title: string, head: string, reason: RefusalReason, asked: AskedFor][] = [
    ["what is no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "bad_status_line", GET],
    ["HTTP/2", "HTTP/2 200 OK\r\n\r\n", "bad_status_line", GET],
    ["a short status", "HTTP/1.1 20\r\n\r\n", "bad_status_line", GET],
    ["a long status", "HTTP/1.1 2000 OK\r\n\r\n", "bad_status_line", GET],
    ["a status below 100", "HTTP/1.1 099 OK\r\n\r\n", "bad_status_line", GET],
    ["a blank too many", "HTTP/1.1  200 OK\r\n\r\n", "bad_status_line", GET],
    ["an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "bad_status_line", GET],
    ["an interim response of HTTP/1.0", "HTTP/1.0 100 X\r\n\r\n", "bad_status_line", GET],
    ["an interim response to HTTP/1.0", "HTTP/1.1 100 X\r\n\r\n", "bad_status_line", OLD],
    ["bare LF", "HTTP/1.1 200 OK\n\n", "bare_line_break", GET],
    ["NUL in the reason", "HTTP/1.1 200 \0\r\n\r\n", "control_character", GET],
    ["a folded field", ok("A: b\r\n c\r\n"), "obs_fold", GET],
    ["a space before the colon", ok("A : b\r\n"), "space_before_colon", GET],
    ["TE with CL", ok("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), "conflicting_framing", GET],
    ["CL twice", ok("Content-Length: 1\r\nContent-Length: 1\r\n"), "content_length_repeated", GET],
    ["a list of CLs", ok("Content-Length: 1, 1\r\n"), "bad_content_length", GET],
    ["TE gzip", ok("Transfer-Encoding: gzip\r\n"), "bad_transfer_encoding", GET],
    [
      "TE on HTTP/1.0",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "transfer_encoding_on_http10",
      GET,
    ],
    ["TE to HTTP/1.0", ok("Transfer-Encoding: chunked\r\n"), "transfer_encoding_on_http10", OLD],
    ["101 nobody asked for", "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", "bad_upgrade", GET],
    ["101 to nothing", "HTTP/1.1 101 X\r\n\r\n", "bad_upgrade", WEBSOCKET],
    ["a head too large", ok(`A: ${"x".repeat(HEAD_MAX_BYTES)}\r\n`), "head_too_large", GET],
  ];

  test.each(table)("%s", (_, head, reason, asked) => {
    expect(parseResponseHead(Buffer.from(head, "latin1"), asked)).toMatchObject({
      kind: "refused",
      reason,
    });
  });
});

test("for any bytes the verdict never depends on how they were cut", () => {
  const piece = fc.constantFrom(
    "HTTP/1.1 ",
    "HTTP/1.0 ",
    "200",
    "101",
    " OK",
    "\r\n",
    "\r",
    "\n",
    "\r\n\r\n",
    "A: b",
    "Content-Length: 3",
    "Transfer-Encoding: chunked",
    "Upgrade: websocket",
    "\0",
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 16 }), fc.nat(), (parts, cut) => {
      const bytes = Buffer.from(parts.join(""));
      const cursor = new HeadCursor();
      const first = parseResponseHead(bytes.subarray(0, cut % (bytes.length + 1)), WEBSOCKET, cursor);
      const pieced = first.kind === "more" ? parseResponseHead(bytes, WEBSOCKET, cursor) : first;
      expect(pieced).toEqual(parseResponseHead(bytes, WEBSOCKET));
    }),
    { seed: 20_260_603, numRuns: 400 },
  );
});
