import { describe, expect, test } from "bun:test";
import { RateLimiter, sourceOf } from "./rate-limit.ts";

function clockAt(start = 0): { monotonic(): number; advance(ms: number): void } {
  let now = start;
  return {
    monotonic: () => now,
    advance: (ms) => {
      now += ms;
    },
  };
}

describe("a rate limiter", () => {
  test("grants the burst, then one use for each share of the time", () => {
    const clock = clockAt();
    const limiter = new RateLimiter(clock, { burst: 10, refillMs: 60_000 });
    for (let use = 0; use < 10; use++) expect(limiter.take("a")).toBe(0);
    expect(limiter.take("a")).toBe(6_000);
    clock.advance(5_999);
    expect(limiter.take("a")).toBe(1);
    clock.advance(1);
    expect(limiter.take("a")).toBe(0);
    expect(limiter.take("a")).toBe(6_000);
  });

  test("counts each source by itself", () => {
    const limiter = new RateLimiter(clockAt(), { burst: 1, refillMs: 1_000 });
    expect(limiter.take("a")).toBe(0);
    expect(limiter.take("a")).toBeGreaterThan(0);
    expect(limiter.take("b")).toBe(0);
  });

  test("never holds more sources than its bound, and forgets the one quiet for longest", () => {
    const clock = clockAt();
    const limiter = new RateLimiter(clock, { burst: 1, refillMs: 1_000_000, sourcesMax: 3 });
    for (const source of ["a", "b", "c"]) {
      limiter.take(source);
      clock.advance(1);
    }
    limiter.take("a");
    limiter.take("d");
    expect(limiter.sources).toBe(3);
    expect(limiter.take("a")).toBeGreaterThan(0);
    expect(limiter.take("b")).toBe(0);
  });

  test("drops buckets that are full again as new sources come", () => {
    const clock = clockAt();
    const limiter = new RateLimiter(clock, { burst: 1, refillMs: 1_000 });
    for (let source = 0; source < 1_000; source++) limiter.take(`old ${source}`);
    clock.advance(1_000);
    for (let source = 0; source < 1_000; source++) limiter.take(`new ${source}`);
    expect(limiter.sources).toBe(1_000);
  });
});

test("a source is an IPv4 address or an IPv6 customer's /64, however it is written", () => {
  expect(sourceOf("192.0.2.1")).toBe("192.0.2.1");
  expect(sourceOf("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(sourceOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(sourceOf("2001:DB8:1:2::9")).toBe("2001:db8:1:2::/64");
  expect(sourceOf("2001:0db8:0001:0002::1")).toBe("2001:db8:1:2::/64");
  expect(sourceOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
  expect(sourceOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  expect(sourceOf("::1")).toBe("0:0:0:0::/64");
});
