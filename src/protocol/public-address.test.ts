import { expect, test } from "bun:test";
import { isPublicAddress } from "./public-address.ts";

test("addresses of the public internet, and those that are not", () => {
  const open = ["1.1.1.1", "104.16.0.1", "172.15.0.1", "172.32.0.1", "223.255.255.255", "2606:4700::6810:1"];
  const closed = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "198.19.0.1",
    "203.0.113.7",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00::1",
    "ff02::1",
    "::ffff:8.8.8.8",
    "2001:db8::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:0:1::",
    "",
    "localhost",
    "1.1.1",
    "1.1.1.256",
    "1.1.1.1.1",
    "0x7f.0.0.1",
  ];
  expect(open.filter((address) => !isPublicAddress(address))).toEqual([]);
  expect(closed.filter(isPublicAddress)).toEqual([]);
});
