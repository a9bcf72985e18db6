import { describe, expect, test } from "bun:test";
import { parseRequestHead, type RequestHead } from "../../http1/request-head.ts";
import { readServicePath, type ServicePath } from "../../protocol/service-address.ts";
import { bearerOf, isOfBrowser, serviceAnswer, serviceRequest } from "./service-path.ts";

const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

function requestOf(fields: string, target = "/d/pi/api/x?y"): RequestHead {
  const head = parseRequestHead(latin1(`GET ${target} HTTP/1.1\r\nHost: hub.test\r\n${fields}\r\n`));
  if (head.kind !== "request") throw new Error(head.kind);
  return head;
}

const PATH = readServicePath("/d/pi/api/x?y") as ServicePath; // it is one

test("the ticket stands in the place of a bearer, once", () => {
  expect(bearerOf(requestOf("Authorization: Bearer mtk1_a-b_c.d\r\n"))).toBe("mtk1_a-b_c.d");
  expect(bearerOf(requestOf("authorization: bearer  mtk1_x.y\r\n"))).toBe("mtk1_x.y");
  for (const fields of [
    "",
    "Authorization: Basic YTpi\r\n",
    "Authorization: Bearer\r\n",
    "Authorization: Bearer a b\r\n",
    "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n",
    "Muster-Ticket: mtk1_x.y\r\n",
  ]) {
    expect(bearerOf(requestOf(fields))).toBeUndefined();
  }
});

test("what a browser sends by itself gives it away", () => {
  for (const fields of ["Cookie: a=1\r\n", "Origin: null\r\n", "Sec-Fetch-Mode: navigate\r\n"]) {
    expect(isOfBrowser(requestOf(fields))).toBe(true);
  }
  expect(isOfBrowser(requestOf("Accept: text/html\r\nReferer: http://a.test/\r\n"))).toBe(false);
});

test("the device gets the path of the service and the ticket in its own field, and no other", () => {
  const asked = requestOf("Authorization: Bearer t\r\nMuster-Ticket: forged\r\nX-Own: 1\r\nx-own: 2\r\n");
  const request = serviceRequest(asked, PATH, "t");
  expect(request.target).toBe("/x?y");
  expect(request.fields.map(({ name, value }) => `${name}: ${value}`)).toEqual([
    "Host: hub.test",
    "X-Own: 1",
    "x-own: 2",
    "Muster-Ticket: t",
  ]);
});

describe("an answer below /d/", () => {
  const answer = (text: string, fields = ""): string => {
    const passed = serviceAnswer(requestOf(fields), PATH).pass(latin1(text));
    if (passed === undefined) throw new Error("it is no answer");
    return Buffer.from(passed).toString("latin1");
  };

  test("is shut in a sandbox, whatever the service says, and changes nothing of the hub's origin", () => {
    const text = answer(
      "HTTP/1.1 200 OK\r\nContent-Security-Policy: default-src *\r\nX-Content-Type-Options: none\r\n" +
        'Set-Cookie: a=1\r\nClear-Site-Data: "*"\r\nStrict-Transport-Security: max-age=1\r\nX-Own: 1\r\n' +
        "Content-Length: 2\r\n\r\nok",
    );
    expect(text).toContain("Content-Security-Policy: sandbox; frame-ancestors 'none'\r\n");
    expect(text).toContain("X-Content-Type-Options: nosniff\r\n");
    expect(text).not.toMatch(/set-cookie|clear-site-data|strict-transport|nosniff, none/i);
    expect(text).toContain("X-Own: 1\r\n");
    expect(text).toEndWith("\r\n\r\nok");
  });

  test("lets the leave to send a body through, and no hints about paths that are others here", () => {
    const passing = serviceAnswer(requestOf("Expect: 100-continue\r\n"), PATH);
    const pass = (text: string): string => Buffer.from(passing.pass(latin1(text)) ?? []).toString("latin1");
    expect(pass("HTTP/1.1 100 Continue\r\nSet-Cookie: a=1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLin")).toBe(
      "HTTP/1.1 100 Continue\r\n\r\n",
    );
    const rest = pass("k: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    expect(rest).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(rest).toEndWith("\r\n\r\nok");
  });

  test("leads to paths of the service, and elsewhere as it says", () => {
    const to = (location: string): string | undefined =>
      /Location: (.*)\r/.exec(
        answer(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`),
      )?.[1];
    expect(to("/login?x")).toBe("/d/pi/api/login?x");
    expect(to("next")).toBe("next");
    expect(to("//evil.test/")).toBe("//evil.test/");
    expect(to("https://other.test/")).toBe("https://other.test/");
    for (const own of ["http://hub.test/login?x", "HTTPS://HUB.test/login?x"]) {
      expect(to(own)).toBe("/d/pi/api/login?x");
    }
    expect(to("http://hub.test")).toBe("/d/pi/api/");
    for (const other of [
      "http://hub.test:81/x",
      "http://hub.test@evil.test/",
      "http://hub.test.evil.test/x",
      "http:///x",
    ]) {
      expect(to(other)).toBe(other);
    }
  });

  test("of another protocol is passed where it was asked for, with all behind it, and nowhere else", () => {
    const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    const text = answer(`${switching}raw`, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    expect(text).toStartWith("HTTP/1.1 101 ");
    expect(text).toContain("Upgrade: websocket\r\n");
    expect(text).toEndWith("\r\n\r\nraw");
    expect(() => answer(switching)).toThrow("no answer");
  });
});
