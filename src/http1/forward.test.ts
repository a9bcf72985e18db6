import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { withoutCookies } from "./cookies.ts";
import { field, Field } from "./field.ts";
import { forwardedRequest, forwardedResponse } from "./forward.ts";
import type { RequestForwarding, ResponseForwarding } from "./forward.ts";
import { parseRequestHead } from "./request-head.ts";
import type { RequestHead } from "./request-head.ts";
import { parseResponseHead } from "./response-head.ts";
import { lentBytes, responseText, serializeRequest, serializeResponse } from "./serialize.ts";

function request(text: string): RequestHead {
  const head = parseRequestHead(Buffer.from(text, "latin1"));
  if (head.kind !== "request") throw new Error(JSON.stringify(head));
  return head;
}

function lines(fields: readonly Field[]): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

const get = (...extra: string[]) => request(["GET / HTTP/1.1", "Host: App", ...extra, "", ""].join("\r\n"));
const post = (...extra: string[]) => request(["POST / HTTP/1.1", "Host: App", ...extra, "", ""].join("\r\n"));
const onwards = (head: RequestHead, policy: RequestForwarding = {}) => lines(forwardedRequest(head, policy));

describe("a request", () => {
  test("keeps its own fields, in order and repeated", () => {
    expect(onwards(get("A: 1", "Trailer: X", "B: 2", "A: 3"))).toEqual([
      "Host: App",
      "A: 1",
      "Trailer: X",
      "B: 2",
      "A: 3",
    ]);
  });

  test("loses what belongs to the hop, also by name", () => {
    const head = get(
      "Connection: keep-alive, X-Hop, host, content-length",
      "Keep-Alive: timeout=5",
      "Proxy-Connection: x",
      "Proxy-Authorization: x",
      "X-Hop: 1",
      "TE: gzip",
      "HTTP2-Settings: x",
      "Upgrade: h2c",
      "A: 1",
    );
    expect(onwards(head)).toEqual(["Host: App", "A: 1"]);
  });

  test("still says that it takes trailers", () => {
    expect(onwards(get("TE: gzip;q=0.5, trailers"))).toEqual(["Host: App", "TE: trailers"]);
  });

  test("is never believed about where it came from", () => {
    const head = get(
      "Forwarded: for=x",
      "X-Forwarded-For: 1",
      "x_forwarded_for: 1",
      "x-forwarded-port: 2",
      "X-Real-IP: 3",
      "Muster-User: 4",
    );
    expect(onwards(head, { dropPrefixes: ["muster-"] })).toEqual(["Host: App"]);
    const origin = { address: "2001:db8::7", scheme: "https", host: "App:8080" } as const;
    expect(onwards(head, { dropPrefixes: ["muster-"], origin })).toEqual([
      "Host: App",
      "X-Forwarded-For: 2001:db8::7",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Host: App:8080",
      'Forwarded: for="[2001:db8::7]";host="App:8080";proto=https',
    ]);
  });

  test("gets its framing anew, and keeps a length of zero apart from none", () => {
    expect(onwards(post("Content-Length: 007"))).toEqual(["Host: App", "Content-Length: 7"]);
    expect(onwards(post("Transfer-Encoding: Chunked"))).toEqual(["Host: App", "Transfer-Encoding: chunked"]);
    expect(onwards(post("Content-Length: 0"))).toEqual(["Host: App", "Content-Length: 0"]);
    expect(onwards(post())).toEqual(["Host: App"]);
  });

  test("asks for its upgrade again, without h2c", () => {
    expect(onwards(get("Connection: Upgrade", "Upgrade: h2c, websocket", "Sec-WebSocket-Key: k"))).toEqual([
      "Host: App",
      "Sec-WebSocket-Key: k",
      "Connection: Upgrade",
      "Upgrade: websocket",
    ]);
  });

  test("passes its expectation on, on HTTP/1.1 only", () => {
    expect(onwards(post("Expect: 100-continue", "Content-Length: 1"))).toContain("Expect: 100-continue");
    const old = request("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    expect(onwards(old)).toEqual(["Host: a"]);
  });

  test("is edited, added to and sent to another host as the policy says", () => {
    const cookies = (each: Field) => {
      if (each.lower !== "cookie") return each;
      const rest = withoutCookies(each.value, (name) => name === "ours");
      return rest === undefined ? undefined : field("Cookie", rest);
    };
    const policy: RequestForwarding = {
      host: "127.0.0.1:3000",
      dropNames: new Set(["authorization"]),
      edit: cookies,
      add: [field("Muster-User", "ada")],
      connection: "close",
    };
    expect(onwards(get("Authorization: x", "Cookie: ours=1", "Cookie: a=b; ours=2;c=d"), policy)).toEqual([
      "Host: 127.0.0.1:3000",
      "Cookie: a=b; c=d",
      "Connection: close",
      "Muster-User: ada",
    ]);
  });
});

describe("a response", () => {
  const forVisitor = (text: string, policy: ResponseForwarding, method = "GET") => {
    const head = parseResponseHead(Buffer.from(text), { method, version: "1.1", upgrade: "websocket" });
    if (head.kind !== "response") throw new Error(JSON.stringify(head));
    return lines(forwardedResponse(head, policy));
  };

  test("loses what belongs to the hop and says what becomes of the connection", () => {
    const text =
      "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\nA: 1\r\nContent-Length: 3\r\n\r\n";
    expect(forVisitor(text, { connection: "keep-alive" })).toEqual([
      "A: 1",
      "Content-Length: 3",
      "Connection: keep-alive",
    ]);
    expect(forVisitor(text, { connection: "close" })).toEqual([
      "A: 1",
      "Content-Length: 3",
      "Connection: close",
    ]);
  });

  test("keeps its chunks", () => {
    expect(
      forVisitor("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", { connection: "keep-alive" }),
    ).toEqual(["Transfer-Encoding: chunked", "Connection: keep-alive"]);
  });

  test("describes the length of a body only where one could be", () => {
    const length = "Content-Length: 5\r\n\r\n";
    const policy = { connection: "keep-alive" } as const;
    expect(forVisitor(`HTTP/1.1 200 OK\r\n${length}`, policy, "HEAD")).toContain("Content-Length: 5");
    expect(forVisitor(`HTTP/1.1 304 X\r\n${length}`, policy)).toContain("Content-Length: 5");
    expect(forVisitor(`HTTP/1.1 204 X\r\n${length}`, policy)).toEqual(["Connection: keep-alive"]);
    expect(forVisitor(`HTTP/1.1 103 X\r\nLink: x\r\n${length}`, policy)).toEqual(["Link: x"]);
  });

  test("switches protocols", () => {
    const text =
      "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
    expect(forVisitor(text, { connection: "upgrade" })).toEqual([
      "Sec-WebSocket-Accept: x",
      "Connection: Upgrade",
      "Upgrade: websocket",
    ]);
  });

  test.each([
    ["a=b; Domain=example.com; Path=/", "a=b; Path=/"],
    ["a=b;domain=.example.com", "a=b"],
    ["a=b; \tDOMAIN \t= x; Secure", "a=b; Secure"],
    ["a=b; domain", "a=b"],
    ["a=b; Domain=x; Domain=y", "a=b"],
    ['a="x; Domain=y"', 'a="x'],
    ["domain=1; Path=/domain", "domain=1; Path=/domain"],
    ["a=b; Path=/; HttpOnly", "a=b; Path=/; HttpOnly"],
  ])("sets the cookie %j for its own host alone", (cookie, kept) => {
    expect(
      forVisitor(`HTTP/1.1 200 OK\r\nSet-Cookie: ${cookie}\r\nContent-Length: 0\r\n\r\n`, {
        connection: "close",
      })[0],
    ).toBe(`Set-Cookie: ${kept}`);
  });
});

describe("writing", () => {
  const token = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/).map((name) => `X-${name}`);
  const value = fc.stringMatching(
    /^([\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff\t]{0,20}[\x21-\x7e\x80-\xff])?)?$/,
  );
  const target = fc.stringMatching(/^\/[!-"$-~]{0,40}$/);
  const fields = fc.array(fc.tuple(token, value), { maxLength: 20 });
  const FUZZ = { seed: 20_260_604, numRuns: 300 };

  test("and reading a request again gives the same", () => {
    fc.assert(
      fc.property(fc.constantFrom("GET", "POST", "PROPFIND"), target, fields, (method, path, pairs) => {
        const all = [field("Host", "a"), ...pairs.map(([name, text]) => field(name, text))];
        const bytes = serializeRequest({ method, target: path, version: "1.1" }, all);
        const head = parseRequestHead(bytes);
        if (head.kind !== "request") throw new Error(JSON.stringify(head));
        expect([head.method, head.target, head.headBytes]).toEqual([method, path, bytes.length]);
        expect(lines(head.fields)).toEqual(lines(all));
        expect(serializeRequest(head, head.fields)).toEqual(bytes);
      }),
      FUZZ,
    );
  });

  test("a field that was read is written as its name and value alone, whatever stood around them", () => {
    const name = fc.oneof(
      token,
      fc.constantFrom("content-type", "CONTENT-TYPE", "Content-Type", "Muster-Password"),
    );
    const blank = fc.constantFrom("", " ", "  ", "\t", " \t ");
    fc.assert(
      fc.property(name, value, blank, blank, (named, text, before, after) => {
        const head = parseRequestHead(
          Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${named}:${before}${text}${after}\r\n\r\n`, "latin1"),
        );
        if (head.kind !== "request") throw new Error(JSON.stringify(head));
        const read = head.fields[1];
        expect([read?.name, read?.lower, read?.value]).toEqual([named, named.toLowerCase(), text]);
        expect(read?.line).toBe(`${named}: ${text}\r\n`);
      }),
      FUZZ,
    );
  });

  test("lent bytes hold a head and the beginning of its body, however long", () => {
    for (const length of [0, 3, 40_000]) {
      const text = responseText({ status: 200, reason: "OK" }, [field("X-Long", "\u00e9".repeat(length))]);
      expect(Buffer.from(lentBytes(text)).toString("latin1")).toBe(text);
      expect(Buffer.from(lentBytes(text, Buffer.from("body"))).toString("latin1")).toBe(`${text}body`);
    }
  });

  test("and reading a response again gives the same", () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 999 }), fields, (status, pairs) => {
        const all = pairs.map(([name, text]) => field(name, text));
        const bytes = serializeResponse({ status, reason: "Any" }, all);
        const head = parseResponseHead(bytes, { method: "GET", version: "1.1", upgrade: undefined });
        if (head.kind !== "response") throw new Error(JSON.stringify(head));
        expect(serializeResponse(head, head.fields)).toEqual(bytes);
      }),
      FUZZ,
    );
  });

  test.each([
    ["a\r\nb", "x"],
    ["a:", "x"],
    ["", "x"],
    ["a", "x\r\nSet-Cookie: y"],
    ["a", "x\ny"],
    ["a", "x\0"],
    ["a", "\u{1f600}"],
  ])("no field %j: %j", (name, text) => {
    expect(() => field(name, text)).toThrow();
  });

  test("no first line that would split the head", () => {
    const line = { method: "GET", target: "/", version: "1.1" } as const;
    expect(() => serializeRequest({ ...line, target: "/ HTTP/1.1\r\nA: b" }, [])).toThrow();
    expect(() => serializeRequest({ ...line, target: "/\n" }, [])).toThrow();
    expect(() => serializeRequest({ ...line, method: "GET /" }, [])).toThrow();
    expect(() => serializeResponse({ status: 200, reason: "OK\r\nA: b" }, [])).toThrow();
    expect(() => serializeResponse({ status: 20, reason: "" }, [])).toThrow();
  });
});
