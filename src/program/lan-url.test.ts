import { describe, expect, test } from "bun:test";
import { lanUrl } from "./lan-url.ts";

const interfaces = [
  { name: "lo", address: "127.0.0.1", internal: true },
  { name: "docker0", address: "172.17.0.1", internal: false },
  { name: "eth0", address: "fe80::1", internal: false },
  { name: "eth0", address: "fd00::5", internal: false },
  { name: "eth0", address: "192.168.1.50", internal: false },
];

describe("the address for the local network", () => {
  test.each<[string[], string | undefined]>([
    [["127.0.0.1", "::1"], undefined],
    [["localhost", "127.0.0.1", "::1"], undefined],
    [["0.0.0.0", "::1"], "http://192.168.1.50:8080"],
    [["::"], "http://192.168.1.50:8080"],
    [["10.0.0.7", "127.0.0.1", "::1"], "http://10.0.0.7:8080"],
    [["fd00::7", "127.0.0.1", "::1"], "http://[fd00::7]:8080"],
  ])("of a hub bound to %p is %p", (hosts, url) => {
    expect(lanUrl({ hosts, port: 8080, interfaces })).toBe(url);
  });

  test("is an IPv6 one, or none but localhost, where there is nothing better", () => {
    const bound = { hosts: ["0.0.0.0"], port: 80 };
    const v6 = interfaces.filter(({ address }) => address.includes(":"));
    expect(lanUrl({ ...bound, interfaces: v6 })).toBe("http://[fd00::5]:80");
    expect(lanUrl({ ...bound, interfaces: [] })).toBe("http://localhost:80");
  });
});
