import { expect, test } from "bun:test";
import { groupCommit } from "./group-commit.ts";

test("a lone call is committed at once; what comes during the pause after it shares one commit", async () => {
  const groups: number[][] = [];
  let over = Promise.withResolvers<void>();
  const put = groupCommit<number, number>({
    commit: (items) => {
      groups.push(items);
      return Promise.resolve(items.map((item) => 2 * item));
    },
    pause: () => over.promise,
  });
  expect(await put(1)).toBe(2);
  const later = [put(2), put(3)];
  await Promise.resolve();
  expect(groups).toEqual([[1]]);
  over.resolve();
  over = Promise.withResolvers<void>();
  expect(await Promise.all(later)).toEqual([4, 6]);
  expect(groups).toEqual([[1], [2, 3]]);
});

test("a commit that fails fails its own group alone", async () => {
  let full = true;
  const put = groupCommit<number, number>({
    commit: (items) => (full ? Promise.reject(new Error("no space")) : Promise.resolve(items)),
  });
  expect(await put(1).catch((error: unknown) => String(error))).toContain("no space");
  full = false;
  expect(await put(2)).toBe(2);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("no timers");
    },
  ],
  ["rejects", () => Promise.reject(new Error("no timers"))],
])("a commit that throws and a pause that %s hold up nothing that comes after", async (_what, pause) => {
  let broken = true;
  const put = groupCommit<number, number>({
    commit: (items) => {
      if (broken) throw new Error("no space");
      return Promise.resolve(items);
    },
    pause,
  });
  expect(await put(1).catch((error: unknown) => String(error))).toContain("no space");
  broken = false;
  expect(await Promise.all([put(2), put(3)])).toEqual([2, 3]);
  expect(await put(4)).toBe(4);
});
