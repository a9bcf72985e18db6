import { describe, expect, test } from "bun:test";
import { parseRequestHead, type RequestHead } from "../../http1/request-head.ts";
import { utf8 } from "../../protocol/bytes.ts";
import { pageAnswer, pagePath, pageRequest, PAGE_SANDBOX, type PagePath } from "./page-path.ts";

const PATH = pathOf("/p/id/a");

function pathOf(target: string): PagePath {
  const path = pagePath(target);
  if (path === undefined) throw new Error(`${target} is no page's path`);
  return path;
}

describe("a path below /p/", () => {
  const rows: [target: string, shareId: string | undefined, target: string, whole: string][] = [
    ["/p/abc123/", "abc123", "/", "/p/abc123/"],
    ["/p/abc/x/y?z=1", "abc", "/x/y?z=1", "/p/abc/x/y?z=1"],
    ["/p/abc", "abc", "", "/p/abc/"],
    ["/p/abc?q", "abc", "", "/p/abc/?q"],
    ["/p/abc//evil.test/", "abc", "//evil.test/", "/p/abc//evil.test/"],
    ["/p/", undefined, "", ""],
    ["/p", undefined, "", ""],
    ["/p/a.b/", undefined, "", ""],
    ["/p/%61/", undefined, "", ""],
    ["/P/abc/", undefined, "", ""],
    [`/p/${"a".repeat(65)}/`, undefined, "", ""],
  ];
  for (const [given, shareId, target, whole] of rows) {
    test(`${given.slice(0, 30)} is ${shareId === undefined ? "none" : `share ${shareId}, ${target || "no path"}`}`, () => {
      expect(pagePath(given)).toEqual(shareId === undefined ? undefined : { shareId, target, whole });
    });
  }
});

test("the device gets neither cookies nor credentials of the hub's host, nor an upgrade", () => {
  const asked = requestOf(
    "Cookie: a=1\r\nCOOKIE: b=2\r\nAuthorization: Bearer x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAccept: */*\r\n",
  );
  const request = pageRequest(asked, PATH);
  expect(request.target).toBe("/a");
  expect(request.upgrade).toBeUndefined();
  expect(request.fields.map(({ lower }) => lower)).toEqual(["host", "connection", "accept"]);
});

describe("the answer", () => {
  const asked = requestOf("");
  const passed = (...pieces: string[]) => {
    const head = pageAnswer(asked, PATH);
    return pieces.map((piece) => {
      const bytes = head.pass(utf8(piece));
      return bytes === undefined ? undefined : new TextDecoder("latin1").decode(bytes);
    });
  };

  test("is shut in the sandbox beside the page's own policy", () => {
    const [text = ""] = passed(
      "HTTP/1.1 200 OK\r\nContent-Security-Policy: default-src 'self'\r\nContent-Length: 2\r\n\r\nhi",
    );
    expect(text).toContain("Content-Security-Policy: default-src 'self'\r\n");
    expect(text).toContain(`Content-Security-Policy: ${PAGE_SANDBOX}\r\n`);
    expect(text).toContain("X-Content-Type-Options: nosniff\r\n");
    expect(text?.endsWith("\r\n\r\nhi")).toBe(true);
  });

  test("does nothing to the hub's origin", () => {
    const [text = ""] = passed(
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nClear-Site-Data: "*"\r\nStrict-Transport-Security: max-age=1\r\n' +
        "Service-Worker-Allowed: /\r\nAlt-Svc: h3\r\nContent-Length: 0\r\n\r\n",
    );
    expect(text).not.toMatch(/set-cookie|clear-site|strict-transport|service-worker|alt-svc/i);
  });

  test("redirects below its own place, and elsewhere where it says so", () => {
    const to = (location: string) =>
      /Location: (.*)\r\n/.exec(
        passed(`HTTP/1.1 302 F\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`)[0] ?? "",
      )?.[1];
    expect(to("/x/")).toBe("/p/id/x/");
    expect(to("./x/")).toBe("./x/");
    expect(to("https://other.test/")).toBe("https://other.test/");
    expect(to("//other.test/")).toBe("//other.test/");
  });

  test("is the same however its bytes are cut, its body untouched", () => {
    const whole =
      "HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    const expected = passed(whole)[0];
    for (let cut = 1; cut < whole.length; cut += 1) {
      expect(passed(whole.slice(0, cut), whole.slice(cut)).join("")).toBe(expected ?? "");
    }
    expect(expected).toContain("2\r\nhi\r\n0\r\n\r\n");
    expect(expected).not.toContain("103");
  });

  test("that is none is told as such", () => {
    expect(passed("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")[0]).toBeUndefined();
    expect(passed("garbage\r\n\r\n")[0]).toBeUndefined();
    expect(passed("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")[0]).toBeUndefined();
    expect(passed(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}`)[0]).toBeUndefined();
    expect(passed("HTTP/1.1 103 H\r\n\r\n".repeat(20))[0]).toBeUndefined();
  });
});

function requestOf(fields: string): RequestHead {
  const head = parseRequestHead(utf8(`GET /p/id/a HTTP/1.1\r\nHost: hub.test\r\n${fields}\r\n`));
  if (head.kind !== "request") throw new Error("no request");
  return head;
}
