import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { ByteQueue } from "./byte-queue.ts";

function drain(queue: ByteQueue): number[] {
  const all: number[] = [];
  for (let bytes = queue.shift(); bytes !== undefined; bytes = queue.shift()) all.push(...bytes);
  return all;
}

test("bytes come out in the order in which they went in, whatever is put back", () => {
  const step = fc.oneof(
    fc.record({ push: fc.uint8Array({ maxLength: 3000 }) }),
    fc.record({ used: fc.integer({ min: 0, max: 2000 }) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const queue = new ByteQueue();
    const expected: number[] = [];
    const got: number[] = [];
    for (const one of steps) {
      if ("push" in one) {
        queue.push(one.push);
        expected.push(...one.push);
      } else {
        const bytes = queue.shift();
        if (bytes === undefined) continue;
        got.push(...bytes.subarray(0, one.used));
        queue.unshift(bytes.subarray(one.used));
      }
      expect(queue.length).toBe(expected.length - got.length);
    }
    expect([...got, ...drain(queue)]).toEqual(expected);
  });
  fc.assert(property, { seed: 3, numRuns: 200 });
});

test("what is pushed may be overwritten afterwards", () => {
  const queue = new ByteQueue();
  const bytes = new Uint8Array([1, 2, 3]);
  queue.push(bytes);
  bytes.fill(9);
  expect(drain(queue)).toEqual([1, 2, 3]);
});

test("many small pushes come out as few large pieces", () => {
  const queue = new ByteQueue();
  for (let count = 0; count < 64 * 1024; count += 1) queue.push(new Uint8Array([count]));
  let pieces = 0;
  while (queue.shift() !== undefined) pieces += 1;
  expect(pieces).toBeLessThan(10);
});
