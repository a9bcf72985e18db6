import { expect, test } from "bun:test";
import { assert, integer, ipV6, property, uint8Array } from "fast-check";
import { isInRange, parseIp, parseIpRange } from "./ip-range.ts";

function holds(range: string, address: string): boolean | undefined {
  const [of, at] = [parseIpRange(range), parseIp(address)];
  return of === undefined || at === undefined ? undefined : isInRange(at, of);
}

test.each([
  ["10.0.0.0/8", "10.255.3.4", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.0.0.0/8", "::ffff:10.1.2.3", true],
  ["172.16.0.0/12", "172.31.255.255", true],
  ["172.16.0.0/12", "172.32.0.0", false],
  ["192.0.2.7", "192.0.2.7", true],
  ["192.0.2.7/32", "192.0.2.6", false],
  ["192.0.2.6/31", "192.0.2.7", true],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["::/0", "203.0.113.9", true],
  ["fd00::/8", "fdff:1::2", true],
  ["fd00::/8", "fe00::", false],
  ["2001:db8:0:0::/64", "2001:DB8::ffff:0:0:1", true],
  ["::1", "0:0:0:0:0:0:0:1", true],
])("%s holds %s: %p", (range, address, expected) => {
  expect(holds(range, address)).toBe(expected);
});

test.each([
  "",
  "localhost",
  "10",
  "10.0.0",
  "10.0.0.0.0",
  "256.0.0.1",
  "01.2.3.4",
  "1.2.3.4 ",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/-1",
  "10.0.0.0/08",
  "10.0.0.0/8/8",
  "10.0.0.1/8",
  "fd00::1/8",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "12345::",
  "g::",
  "::1.2.3",
  "1.2.3.4::",
  "fe80::1%eth0",
  "::/129",
  "1".repeat(10_000),
])("%p is no range", (text) => {
  expect(parseIpRange(text)).toBeUndefined();
});

test("every address is in every range that was made of it, and in none beside that", () => {
  const bytes = uint8Array({ minLength: 16, maxLength: 16 });
  assert(
    property(bytes, integer({ min: 1, max: 128 }), (address, bits) => {
      const range = { bytes: address.map((byte, at) => byte & (0xff00 >> clamp(bits - 8 * at))), bits };
      expect(isInRange(address, range)).toBe(true);
      const other = Uint8Array.from(address);
      const at = (bits - 1) >> 3;
      other[at] = (other[at] ?? 0) ^ (0x80 >> ((bits - 1) & 7));
      expect(isInRange(other, range)).toBe(false);
    }),
    { seed: 20, numRuns: 200 },
  );
});

test("an IPv6 address that is written in full reads as its bytes", () => {
  assert(
    property(ipV6(), (text) => {
      const url = URL.canParse(`http://[${text}]`) ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
      expect(parseIp(text)).toBeDefined();
      expect(parseIp(text)).toEqual(parseIp(url));
    }),
    { seed: 20, numRuns: 200 },
  );
});

function clamp(bits: number): number {
  return Math.max(0, Math.min(8, bits));
}
