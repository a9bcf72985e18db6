import { expect, test } from "bun:test";
import { Addresses, type AddressOptions } from "./addresses.ts";

const options: AddressOptions = {
  port: 8080,
  https: false,
  domain: undefined,
  publicPort: undefined,
  ownAddresses: () => ["192.168.1.50"],
};
const local = new Addresses(options);
const open = new Addresses({ ...options, port: 443, https: true, domain: "example.com" });

test("without a domain every address is one of loopback", () => {
  expect(local.hubUrl).toBe("http://localhost:8080");
  expect(local.pageUrl).toBe("http://muster.localhost:8080");
  expect(local.shareUrl("shop")).toBe("http://shop.localhost:8080/");
  expect(local.deviceHost("pi")).toBe("");
});

test("with a domain the page is a sibling of the shares", () => {
  expect(open.hubUrl).toBe("https://example.com");
  expect(open.pageUrl).toBe("https://muster.example.com");
  expect(open.shareUrl("shop")).toBe("https://shop.example.com/");
  expect(open.deviceHost("pi")).toBe("pi.example.com");
});

test("a service has a host beside its device's, where its name is one of a host", () => {
  expect(open.serviceUrl({ service: "grafana", device: "pi" })).toBe("https://grafana--pi.example.com/");
  expect(local.serviceUrl({ service: "grafana", device: "pi" })).toBe("http://grafana--pi.localhost:8080/");
  expect(open.serviceUrl({ service: "a_b", device: "pi" })).toBeUndefined();
  const apart = new Addresses({
    ...options,
    https: true,
    port: 443,
    domain: "example.com",
    shareDomain: "example.net",
  });
  expect(apart.serviceUrl({ service: "grafana", device: "pi" })).toBe("https://grafana--pi.example.net/");
});

test("a port that is not the scheme's own is shown", () => {
  const proxied = new Addresses({ ...options, https: true, domain: "example.com", publicPort: 8443 });
  expect(proxied.shareUrl("shop")).toBe("https://shop.example.com:8443/");
});

test.each([
  ["localhost:8080", { kind: "own", page: false }],
  ["LOCALHOST", { kind: "own", page: false }],
  ["muster.localhost:8080", { kind: "own", page: true }],
  ["127.0.0.1:8080", { kind: "own", page: false }],
  ["[::1]:8080", { kind: "own", page: false }],
  ["192.168.1.50:8080", { kind: "own", page: false }],
  ["shop.localhost:8080", { kind: "label", label: "shop" }],
  ["a.b.localhost", { kind: "unknown" }],
  ["example.com", { kind: "unknown" }],
  ["10.0.0.1", { kind: "unknown" }],
  ["", { kind: "unknown" }],
] as const)("the local hub takes %s as it should", (host, meaning) => {
  expect(local.meaning(host)).toEqual(meaning);
});

test.each([
  ["example.com", { kind: "own", page: false }],
  ["muster.example.com", { kind: "own", page: true }],
  ["shop.example.com:443", { kind: "label", label: "shop" }],
  ["x.shop.example.com", { kind: "unknown" }],
  ["notexample.com", { kind: "unknown" }],
  ["muster.localhost", { kind: "own", page: false }],
] as const)("the hub with a domain takes %s as it should", (host, meaning) => {
  expect(open.meaning(host)).toEqual(meaning);
});

test("a registration names this hub and its scheme", () => {
  expect(local.isOwn("http://localhost:8080")).toBe(true);
  expect(local.isOwn("http://127.0.0.1:9999")).toBe(true);
  expect(open.isOwn("https://example.com:443")).toBe(true);
  expect(open.isOwn("http://example.com:80")).toBe(false);
  expect(open.isOwn("https://shop.example.com:443")).toBe(false);
  expect(open.isOwn("https://evil.example:443")).toBe(false);
  expect(open.isOwn("nonsense")).toBe(false);
});

test("shares with a domain of their own live there, and nothing else does", () => {
  const addresses = new Addresses({
    port: 443,
    https: true,
    domain: "example.com",
    shareDomain: "example.net",
    publicPort: undefined,
    ownAddresses: () => [],
  });
  expect(addresses.shareUrl("docs")).toBe("https://docs.example.net/");
  expect(addresses.deviceHost("pi")).toBe("pi.example.com");
  expect(addresses.meaning("docs.example.net")).toEqual({ kind: "label", label: "docs" });
  expect(addresses.meaning("muster.example.net")).toEqual({ kind: "label", label: "muster" });
  expect(addresses.meaning("example.net")).toEqual({ kind: "unknown" });
});
