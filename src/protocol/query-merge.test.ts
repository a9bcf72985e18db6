import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { mergeParts, type DevicePart } from "./query-merge.ts";
import { isBehind } from "./task-cursor.ts";

const at = (minute: number): string => `2026-11-20T10:${String(minute).padStart(2, "0")}:00.000Z`;
const task = (id: string, minute: number, more: object = {}) => ({ id, updated_at: at(minute), ...more });

test("lists: the latest change first, then the latest id, as a device has its own", () => {
  const { items } = mergeParts("ListTasks", [
    { device: "pi", data: { items: [task("b", 5), task("a", 5), task("c", 9)] } },
    { device: "gpu", data: { items: [task("d", 5)] } },
  ]);
  expect(items.map(({ id, device }) => `${String(id)}@${device}`)).toEqual(["c@pi", "d@gpu", "b@pi", "a@pi"]);
});

test("searches: by rank, and nobody is better than 1", () => {
  const { items } = mergeParts("SearchKnowledgebase", [
    { device: "liar", data: { items: [task("a", 1, { rank: 1e9 }), task("n", 1, { rank: "high" })] } },
    { device: "pi", data: { items: [task("b", 2, { rank: 1 }), task("c", 3, { rank: 0.5 })] } },
  ]);
  expect(items.map(({ id }) => id)).toEqual(["b", "a", "c", "n"]);
});

test("searches: texts found by words and by meaning stand in one list, with how each device searched", () => {
  const found = (id: string, rank: number, ...found_by: string[]) => task(id, 1, { rank, found_by });
  const both = { items: [found("a", 0.66, "words", "meaning"), found("b", 0.4, "meaning")] };
  const merged = mergeParts("SearchKnowledgebase", [
    { device: "pi", data: { ...both, searched_by: ["meaning", "words", "magic"] } },
    {
      device: "nas",
      data: { items: [found("c", 1, "words"), found("d", 0.5, "words")], searched_by: ["words"] },
    },
    { device: "old", data: { items: [task("e", 2, { rank: 0.45 })] } },
    { device: "liar", data: { items: [], searched_by: "all", note: "x".repeat(5000) } },
  ]);
  expect(merged.items.map(({ id }) => id)).toEqual(["c", "a", "d", "e", "b"]);
  expect(merged.searched_by).toEqual({ nas: ["words"], pi: ["words", "meaning"] });
  expect(merged.notes).toEqual({ liar: "x".repeat(300) });
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

test("pages follow each other without a gap or a double, while devices come and go", () => {
  const all = { pi: [task("e", 9), task("c", 5), task("a", 1)], gpu: [task("d", 5), task("b", 5)] };
  const page = (cursor: string | null | undefined, devices: readonly (keyof typeof all)[]) => {
    const [ms = "", id = ""] = (cursor ?? "9999999999999.z").split(".");
    const parts = devices.map((device) => {
      const behind = all[device].filter((one) => {
        const changed = Date.parse(one.updated_at);
        return changed < Number(ms) || (changed === Number(ms) && one.id < id);
      });
      return { device, data: { items: behind.slice(0, 2), cursor: behind.length > 2 ? "more" : null } };
    });
    return mergeParts("ListTasks", parts, 2);
  };
  const first = page(null, ["pi", "gpu"]);
  expect(first.items.map(({ id }) => id)).toEqual(["e", "d"]);
  const second = page(first.cursor, ["gpu", "pi"]);
  expect(second.items.map(({ id }) => id)).toEqual(["c", "b"]);
  const alone = page(second.cursor, ["pi"]);
  expect(alone).toMatchObject({ items: [{ id: "a" }], cursor: null });
});

test("whatever devices come and go, no task stands on two pages, and none of a device that stays is missed", () => {
  const device = fc.record({
    minutes: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 }),
    /** On which pages it is there; always behind the end of this. */
    isThere: fc.array(fc.boolean(), { maxLength: 6 }),
  });
  fc.assert(
    fc.property(
      fc.array(device, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 5 }),
      (given, limit) => {
        const devices = given.map(({ minutes, isThere }, at) => ({
          name: `device-${at}`,
          isThere,
          tasks: minutes
            .map((minute, n) => task(`${n}${at}`, minute))
            .toSorted((one, other) => (isBehind(other, `${Date.parse(one.updated_at)}.${one.id}`) ? -1 : 1)),
        }));
        const seen: string[] = [];
        let cursor: string | null | undefined;
        for (let page = 0; cursor !== null || page < 6; page++) {
          const parts = devices
            .filter(({ isThere }) => isThere[page] ?? true)
            .map(({ name, tasks }) => {
              const behind = tasks.filter((one) => isBehind(one, cursor));
              const items = behind.slice(0, limit);
              return { device: name, data: { items, cursor: behind.length > limit ? "more" : null } };
            });
          const merged = mergeParts("ListTasks", parts, limit);
          seen.push(...merged.items.map(({ id }) => String(id)));
          const last = merged.items.at(-1);
          // Where all that are here have said all, somebody else may be back.
          cursor = merged.cursor ?? null;
          if (cursor === null && page < 6 && last !== undefined) {
            cursor = `${Date.parse(String(last["updated_at"]))}.${String(last["id"])}`;
          } else if (cursor === null) break;
        }
        expect(new Set(seen).size).toBe(seen.length);
        const stayed = devices.filter(({ isThere }) => !isThere.includes(false));
        for (const { tasks } of stayed) for (const { id } of tasks) expect(seen).toContain(id);
      },
    ),
    { numRuns: 200, seed: 5 },
  );
});

test("times are compared as times, however they are written; what has none comes last", () => {
  const items = ["2026-11-20T10:00:00Z", "2026-11-20T10:00:00.500Z", "2026-11-20T12:00:00.000+03:00", "soon"];
  const parts = [
    { device: "pi", data: { items: items.map((updated_at, id) => ({ id: `${id}`, updated_at })) } },
  ];
  const merged = mergeParts("ListTasks", parts);
  expect(merged.items.map(({ id }) => id)).toEqual(["1", "0", "2", "3"]);
  expect(merged.cursor).toBeNull();
});

test("a search is cut to what was asked for, the best of all devices", () => {
  const of = (device: string, rank: number) => ({ device, data: { items: [task("a", 1, { rank })] } });
  const { items } = mergeParts("SearchKnowledgebase", [of("pi", 0.5), of("gpu", 1), of("nas", 0.1)], 2);
  expect(items.map(({ device }) => device)).toEqual(["gpu", "pi"]);
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
