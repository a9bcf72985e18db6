import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { mergeParts, type DevicePart } from "./query-merge.ts";

const at = (minute: number): string => `2026-11-20T10:${String(minute).padStart(2, "0")}:00.000Z`;
const task = (id: string, minute: number, more: object = {}) => ({ id, updated_at: at(minute), ...more });

test("lists: the latest change first, then by device and id", () => {
  const { items } = mergeParts("ListTasks", [
    { device: "pi", data: { items: [task("b", 5), task("a", 5), task("c", 9)] } },
    { device: "gpu", data: { items: [task("d", 5)] } },
  ]);
  expect(items.map(({ id, device }) => `${String(id)}@${device}`)).toEqual(["c@pi", "d@gpu", "a@pi", "b@pi"]);
});

test("searches: by rank, and nobody is better than 1", () => {
  const { items } = mergeParts("SearchKnowledgebase", [
    { device: "liar", data: { items: [task("a", 1, { rank: 1e9 }), task("n", 1, { rank: "high" })] } },
    { device: "pi", data: { items: [task("b", 2, { rank: 1 }), task("c", 3, { rank: 0.5 })] } },
  ]);
  expect(items.map(({ id }) => id)).toEqual(["b", "a", "c", "n"]);
});

test("stats: each device's own, and the sums", () => {
  const { items, total } = mergeParts("GetTaskStats", [
    { device: "pi", data: { stats: { running: 1, completed: 4 } } },
    { device: "gpu", data: { stats: { running: 2, completed: 1e3, failed: "many" } } },
    { device: "odd", data: "nothing" },
  ]);
  expect(items.map(({ device }) => device)).toEqual(["gpu", "odd", "pi"]);
  expect(total).toEqual({ pending: 0, running: 3, completed: 1004, failed: 0, cancelled: 0 });
});

test("an item is of the device that sent it, whatever it says", () => {
  const { items } = mergeParts("ListTasks", [
    { device: "pi", data: { items: [task("a", 1, { device: "gpu" })] } },
  ]);
  expect(items).toMatchObject([{ device: "pi" }]);
});

test("a custom answer may be anything: a list, a value, an object", () => {
  const of = (data: unknown) => mergeParts("Custom", [{ device: "pi", data }]).items;
  expect(of([{ x: 1 }, 2])).toEqual([
    { x: 1, device: "pi" },
    { value: 2, device: "pi" },
  ]);
  expect(of("text")).toEqual([{ value: "text", device: "pi" }]);
  expect(of({ a: 1 })).toEqual([{ a: 1, device: "pi" }]);
});

test("the order in which the parts came does not matter", () => {
  const item = fc.record({ id: fc.uuid(), updated_at: fc.constantFrom(at(1), at(2)), rank: fc.double() });
  const parts = fc.uniqueArray(
    fc.record({
      device: fc.string(),
      data: fc.record({ items: fc.uniqueArray(item, { selector: ({ id }) => id }) }),
    }),
    { selector: ({ device }) => device, maxLength: 5 },
  );
  fc.assert(
    fc.property(parts, fc.constantFrom("ListTasks", "SearchTasks"), (given: DevicePart[], type) => {
      expect(mergeParts(type, given.toReversed())).toEqual(mergeParts(type, given));
    }),
    { numRuns: 200, seed: 3 },
  );
});
