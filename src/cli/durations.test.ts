import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { ago, parseDuration, shortDuration, until } from "./durations.ts";

const BOUNDS = { name: "--expires", min: "1m", max: "7d" };

test("a duration is a whole number and one unit", () => {
  expect(parseDuration("90s", BOUNDS)).toBe(90_000);
  expect(parseDuration("15m", BOUNDS)).toBe(900_000);
  expect(parseDuration("2h", BOUNDS)).toBe(7_200_000);
  expect(parseDuration("7d", BOUNDS)).toBe(604_800_000);
  expect(parseDuration("1w", BOUNDS)).toBe(604_800_000);
});

test("anything else is refused with the forms that work", () => {
  for (const text of ["", "2", "h", "2 h", "2H", "-2h", "+2h", "1.5h", "1h30m", "2hours", "0x2h", "٢h"]) {
    expect(() => parseDuration(text, BOUNDS)).toThrow("--expires does not take");
  }
});

test("the bounds themselves are in, one step beyond is out", () => {
  expect(parseDuration("60s", BOUNDS)).toBe(60_000);
  expect(parseDuration("168h", BOUNDS)).toBe(604_800_000);
  expect(() => parseDuration("59s", BOUNDS)).toThrow("must be at least 1m, not 59s");
  expect(() => parseDuration("169h", BOUNDS)).toThrow("must be at most 7d, not 169h");
  expect(() => parseDuration("999999999d", BOUNDS)).toThrow("must be at most 7d, not 999999999d");
});

test("an arbitrary text is a duration within the bounds or a usage error", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,8}[smhdw]$/)), (text) => {
      try {
        const ms = parseDuration(text, BOUNDS);
        return ms >= 60_000 && ms <= 604_800_000;
      } catch (thrown) {
        return typeof thrown === "object" && thrown !== null && "code" in thrown && thrown.code === "usage";
      }
    }),
    { seed: 20_261_120 },
  );
});

test("ages are rounded down to the largest unit", () => {
  const shown = [0, 999, 59_999, 60_000, 3_599_999, 3_600_000, 47 * 3_600_000, 48 * 3_600_000].map(
    shortDuration,
  );
  expect(shown).toEqual(["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 d"]);
});

test("a moment ago, and a clock that runs ahead, are now", () => {
  expect(ago("2026-11-20T12:00:00.500Z", Date.parse("2026-11-20T12:00:01Z"))).toBe("now");
  expect(ago("2026-11-20T13:00:00Z", Date.parse("2026-11-20T12:00:00Z"))).toBe("now");
  expect(ago("2026-11-20T11:59:57Z", Date.parse("2026-11-20T12:00:00Z"))).toBe("3 s ago");
});

test("what ends in a moment less than 15 minutes still ends in 15 min", () => {
  expect(until("2026-11-20T12:15:00Z", Date.parse("2026-11-20T12:00:00.100Z"))).toBe("in 15 min");
  expect(until("2026-11-20T12:15:00Z", Date.parse("2026-11-20T12:15:00Z"))).toBe("over");
});
