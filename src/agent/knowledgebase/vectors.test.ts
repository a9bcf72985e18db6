import { expect, test } from "bun:test";
import { array, assert, double, property } from "fast-check";
import { cosine, dimensionsOf, packVector, unitVector } from "./vectors.ts";

const packed = (values: readonly number[]): Uint8Array => {
  const made = packVector(values);
  if (made === undefined) throw new Error("a vector without a direction");
  return made;
};

test("a vector takes a byte for each number and four more", () => {
  expect(packed([0.1, -0.2, 0.3])).toHaveLength(7);
  expect(dimensionsOf(packed([1, 2, 3]))).toBe(3);
});

test("the cosine of what is kept is close to the cosine of what came", () => {
  const exact = (a: readonly number[], b: readonly number[]): number => {
    const dot = (x: readonly number[], y: readonly number[]): number =>
      x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };
  const vector = array(double({ min: -1, max: 1, noNaN: true }), { minLength: 64, maxLength: 64 }).filter(
    (values) => values.some((value) => Math.abs(value) > 0.01),
  );
  assert(
    property(vector, vector, (a, b) => {
      expect(Math.abs(cosine(unitVector(packed(a)), packed(b)) - exact(a, b))).toBeLessThan(0.01);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test("how long a vector is does not matter, and a view into other bytes is read in its place", () => {
  expect(cosine(unitVector(packed([1e-9, 0])), packed([1e9, 0]))).toBeCloseTo(1, 5);
  const shifted = new Uint8Array(9);
  shifted.set(packed([3, 4]), 3);
  expect(cosine(unitVector(packed([3, 4])), shifted.subarray(3))).toBeCloseTo(1, 5);
});

test("what has no direction is none", () => {
  for (const values of [[], [0, 0], [Number.NaN, 1], [Infinity, 1], [1, Number.NaN]]) {
    expect(packVector(values)).toBeUndefined();
  }
});
