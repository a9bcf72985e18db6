import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { Secret } from "../../identity/secret.ts";
import { utf8 } from "../../protocol/bytes.ts";
import { MusterError } from "../../protocol/errors.ts";
import { connectTunnel, proxyFor, proxyUrl, type Proxy } from "./proxy.ts";

const HUB = "https://muster.example.com";
const PROXY = "http://proxy.test:3128";

describe("the proxy of the environment", () => {
  test("is taken for https alone", () => {
    expect(proxyFor(HUB, { HTTPS_PROXY: PROXY })).toMatchObject({ host: "proxy.test", port: 3128 });
    expect(proxyFor("http://muster.example.com", { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY })).toBeUndefined();
    expect(proxyFor(HUB, {})).toBeUndefined();
    expect(proxyFor(HUB, { HTTPS_PROXY: "" })).toBeUndefined();
  });

  test("goes by the lower-case name first, and may come without a scheme or port", () => {
    expect(proxyFor(HUB, { https_proxy: "one", HTTPS_PROXY: "two" })).toMatchObject({
      host: "one",
      port: 80,
    });
    expect(proxyFor(HUB, { https_proxy: "[fd00::1]:8080" })).toMatchObject({ host: "fd00::1", port: 8080 });
  });

  test("is never in the way to this machine", () => {
    for (const own of ["localhost", "muster.localhost", "127.0.0.1", "127.8.8.8", "[::1]"]) {
      expect(proxyFor(`https://${own}:8443`, { HTTPS_PROXY: PROXY })).toBeUndefined();
    }
    // Only looks like this machine.
    expect(proxyFor("https://localhost.example.com", { HTTPS_PROXY: PROXY })).toBeDefined();
  });

  const excepted: [noProxy: string, direct: boolean][] = [
    ["*", true],
    ["example.com", true],
    [".example.com", true],
    ["*.example.com", true],
    ["MUSTER.EXAMPLE.COM", true],
    ["other.test, muster.example.com:443", true],
    ["muster.example.com:8443", false],
    ["ample.com", false],
    ["", false],
    [" , ,", false],
  ];
  for (const [noProxy, direct] of excepted) {
    test(`NO_PROXY "${noProxy}" ${direct ? "excepts" : "does not except"} the hub`, () => {
      expect(proxyFor(HUB, { HTTPS_PROXY: PROXY, NO_PROXY: noProxy }) === undefined).toBe(direct);
    });
  }

  test("is excepted by address too, of either family", () => {
    const env = { HTTPS_PROXY: PROXY, NO_PROXY: "192.0.2.7,fd00::7" };
    expect(proxyFor("https://192.0.2.7", env)).toBeUndefined();
    expect(proxyFor("https://[fd00::7]:8443", env)).toBeUndefined();
    expect(proxyFor("https://192.0.2.71", env)).toBeDefined();
  });

  test("that can't be used is refused without being quoted: it may hold a password", () => {
    for (const text of ["socks5://u:hunter2@proxy", "https://u:hunter2@proxy", "http://u:hunter2@"]) {
      const refused = failureOf(() => proxyFor(HUB, { HTTPS_PROXY: text }));
      expect(refused.code).toBe("invalid");
      expect(JSON.stringify(refused)).not.toContain("hunter2");
    }
  });

  test("keeps its credentials out of every printed form, and gives them whole to whom they are for", () => {
    const proxy = proxyFor(HUB, { HTTPS_PROXY: "http://us%40er:p%3Ass%20%25@proxy.test:1" });
    expect(`${inspect(proxy)} ${JSON.stringify(proxy)}`).not.toMatch(/us@er|p:ss/);
    expect(proxy?.credentials?.reveal()).toBe("us@er:p:ss %");
    expect(proxyUrl(proxy as Proxy).reveal()).toBe("http://us%40er:p%3Ass%20%25@proxy.test:1"); // given above
  });
});

describe("the tunnel", () => {
  const proxy: Proxy = { host: "proxy.test", port: 3128, credentials: new Secret("ü:pass") };
  const target = { host: "muster.example.com", port: 443 };
  const read = (answer: string) => connectTunnel(proxy, target).read(utf8(answer));

  test("is asked for by host and port, with the credentials", () => {
    const text = new TextDecoder().decode(connectTunnel(proxy, target).request);
    expect(text).toBe(
      "CONNECT muster.example.com:443 HTTP/1.1\r\nHost: muster.example.com:443\r\n" +
        `Proxy-Authorization: Basic ${Buffer.from("ü:pass").toString("base64")}\r\n\r\n`,
    );
    const plain = connectTunnel({ ...proxy, credentials: undefined }, { host: "fd00::1", port: 8443 });
    expect(new TextDecoder().decode(plain.request)).toBe(
      "CONNECT [fd00::1]:8443 HTTP/1.1\r\nHost: [fd00::1]:8443\r\n\r\n",
    );
  });

  test("begins right behind the head of a 2xx, whatever that says of a body", () => {
    const head = "HTTP/1.1 200 Connection established\r\nContent-Length: 10\r\n\r\n";
    expect(read(`${head}rest`)).toBe(head.length);
    expect(read(head.slice(0, -1))).toBe(0);
    const hint = "HTTP/1.1 103 Early Hints\r\n\r\n";
    expect(read(hint)).toBe(0);
    expect(read(hint + head)).toBe(hint.length + head.length);
    expect(read("HTTP/1.0 200 OK\r\n\r\n")).toBeGreaterThan(0);
  });

  test("is refused with the status, and with what to do about a 407", () => {
    expect(failureOf(() => read("HTTP/1.1 403 No\r\n\r\n")).message).toContain("status 403");
    const asked = failureOf(() => read("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n"));
    expect(asked.hint).toContain("USER:PASSWORD");
    expect(JSON.stringify(asked)).not.toContain('pass"');
    expect(failureOf(() => read("SSH-2.0-OpenSSH\r\n\r\n")).code).toBe("hub_unreachable");
    expect(failureOf(() => read(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}`)).code).toBe("hub_unreachable");
  });
});

function failureOf(run: () => unknown): MusterError {
  try {
    run();
  } catch (error) {
    if (error instanceof MusterError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
