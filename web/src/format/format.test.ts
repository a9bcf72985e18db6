import { expect, test } from "bun:test";
import { healthParts, latency, percent, size } from "./size.ts";
import { shortId } from "./short-id.ts";
import { ago, countdown, day, exact, hour, span, until } from "./time.ts";

const NOW = Date.parse("2026-11-20T12:00:00.000Z");
const at = (offsetMs: number): string => new Date(NOW + offsetMs).toISOString();

test("a span has one unit and is rounded down", () => {
  expect([0, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 172_799_999, 172_800_000].map(span)).toEqual([
    "0 s",
    "0 s",
    "1 s",
    "59 s",
    "1 min",
    "59 min",
    "1 h",
    "47 h",
    "2 d",
  ]);
});

test("an age is never negative, and never is never", () => {
  expect(ago(at(-3000), NOW)).toBe("3 s ago");
  expect(ago(at(5000), NOW)).toBe("0 s ago");
  expect(ago(null, NOW)).toBe("never");
});

test("an expiry counts down and ends", () => {
  expect(until(at(7_300_000), NOW)).toBe("in 2 h");
  expect(until(at(0), NOW)).toBe("expired");
});

test("the exact time has seconds and its zone", () => {
  expect(exact("2026-11-20T12:00:05.000Z", "en-GB", "UTC")).toBe("20 Nov 2026, 12:00:05 UTC");
  expect(exact(null)).toBe("never");
});

test("a countdown ends at nothing, and not a second early", () => {
  expect([300_000, 249_001, 59_999, 1, 0, -5].map(countdown)).toEqual([
    "5:00",
    "4:10",
    "1:00",
    "0:01",
    "0:00",
    "0:00",
  ]);
});

test("a message has its hour, a day its name", () => {
  expect(hour(NOW, "en-GB", "UTC")).toBe("12:00");
  expect(day(NOW, "en-GB", "UTC")).toMatch(/^Friday,? 20 November 2026$/);
});

test("sizes have three digits at most and their unit", () => {
  expect([0, 999, 1000, 9949, 9951, 212e9, 999.6e9, 1.44e12].map(size)).toEqual([
    "0 B",
    "999 B",
    "1.0 kB",
    "9.9 kB",
    "10 kB",
    "212 GB",
    "1.0 TB",
    "1.4 TB",
  ]);
});

test("a part of nothing is no percent", () => {
  expect(percent(1, 0)).toBe(0);
  expect(percent(1, 3)).toBe(33);
});

test("latencies say their unit", () => {
  expect([0.4, 41.4, 9999, 12_345].map(latency)).toEqual(["<1 ms", "41 ms", "9999 ms", "12.3 s"]);
});

test("a machine's health is one line", () => {
  const health = {
    uptime_s: 1,
    load_1m: 0.42,
    cpus: 8,
    memory_used: 41,
    memory_total: 100,
    disk_free: 212e9,
    disk_total: 512e9,
  };
  expect(healthParts(health).join(" · ")).toBe("load 0.4 of 8 · mem 41 % · 212 GB free");
});

test("an id is shown by its first group", () => {
  expect(shortId("abcdefg-hijklmn-opqrstu-vwxyz23")).toBe("abcdefg");
  expect(shortId("0123456789abcdef")).toBe("01234567");
});
