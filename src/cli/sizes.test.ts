import { expect, test } from "bun:test";
import { percent, Rate, size, timeLeft } from "./sizes.ts";

test("bytes are shown in the unit that says most", () => {
  expect([0, 999, 1000, 1_048_576, 99_950_000, 3_500_000_000, 9e17].map(size)).toEqual([
    "0 bytes",
    "999 bytes",
    "1.0 kB",
    "1.0 MB",
    "100 MB",
    "3.5 GB",
    "900 PB",
  ]);
});

test("nothing is all there before it is", () => {
  expect([percent(0, 10), percent(9999, 10_000), percent(10, 10), percent(0, 0)]).toEqual([
    "0 %",
    "99 %",
    "100 %",
    "100 %",
  ]);
});

test("what is left is told in one unit", () => {
  expect([0.2, 89, 91, 5399, 7201].map(timeLeft)).toEqual(["1 s", "89 s", "2 min", "90 min", "3 h"]);
});

test("a rate is that of the last seconds, and none at first", () => {
  const rate = new Rate();
  expect(rate.add(0, 0)).toBeUndefined();
  expect(rate.add(1000, 1000)).toBe(1000);
  for (let second = 2; second <= 10; second++) rate.add(second * 1000, second * 5000);
  expect(rate.add(11_000, 55_000)).toBe(5000);
  // A restart at the beginning is no negative rate.
  expect(rate.add(12_000, 0)).toBe(0);
});
