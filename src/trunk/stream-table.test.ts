import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { StreamTable } from "./stream-table.ts";

const RUNS = { seed: 11, numRuns: 300 };

/** Few enough to crowd and to come again, up to the last id there is. */
const id = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 40 }).map((number) => number * 2048),
  fc.integer({ min: 0, max: 40 }).map((number) => 0xffff_ffff - number),
);

test("what is in the table is what a Map would hold, whatever came and went", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), id), { maxLength: 400 }), (steps) => {
      const table = new StreamTable<{ id: number }>();
      const model = new Map<number, { id: number }>();
      for (const [comes, number] of steps) {
        if (!comes) {
          table.delete(number);
          model.delete(number);
        } else if (!model.has(number)) {
          const stream = { id: number };
          table.add(stream);
          model.set(number, stream);
        }
        expect(table.size).toBe(model.size);
        expect(table.get(number)).toBe(model.get(number));
      }
      for (const [number, stream] of model) expect(table.get(number)).toBe(stream);
      expect(new Set(table.all())).toEqual(new Set(model.values()));
    }),
    RUNS,
  );
});

test("streams that come and go in their order are found, many at once or none", () => {
  const table = new StreamTable<{ id: number }>();
  for (const [from, to] of [
    [1, 2049],
    [2049, 2051],
    [2051, 4000],
  ] as const) {
    for (let number = from; number < to; number += 2) table.add({ id: number });
    for (let number = from; number < to; number += 2) {
      expect(table.has(number)).toBe(true);
      table.delete(number);
      expect(table.has(number)).toBe(false);
    }
    expect(table.size).toBe(0);
  }
});

test("a list of its streams stays as it is while they go", () => {
  const table = new StreamTable<{ id: number }>();
  for (let number = 1; number <= 9; number += 1) table.add({ id: number });
  const all = table.all();
  for (const stream of all) table.delete(stream.id);
  expect(all.length).toBe(9);
  expect(table.size).toBe(0);
  table.add({ id: 3 });
  table.clear();
  expect(table.has(3)).toBe(false);
});
