import { expect, test } from "bun:test";
import { TASK_STATUSES } from "../../protocol/task-statuses.ts";
import { changesTo, isOver, mayChange, TASK_CHANGES, titleOf } from "./task.ts";

test("the whole table: a task begins once, ends once, and an end is for good", () => {
  const table = TASK_STATUSES.map((from) => [
    from,
    TASK_STATUSES.map((to) => (mayChange(from, to) ? 1 : 0)).join(""),
  ]);
  expect(table).toEqual([
    // pending, running, completed, failed, cancelled
    ["pending", "01011"],
    ["running", "00111"],
    ["completed", "00000"],
    ["failed", "00000"],
    ["cancelled", "00000"],
  ]);
  expect(Object.keys(TASK_CHANGES)).toEqual([...TASK_STATUSES]);
});

test("who asks backwards hears the same", () => {
  for (const to of TASK_STATUSES) {
    expect(changesTo(to)).toEqual(TASK_STATUSES.filter((from) => TASK_CHANGES[from].includes(to)));
  }
  expect(TASK_STATUSES.filter(isOver)).toEqual(["completed", "failed", "cancelled"]);
});

test("a title is one line, whatever was asked to run", () => {
  expect(titleOf({ argv: ["sh", "-c", "echo 'a b'\n\u001b[31m"], stdin: false })).toBe(
    "sh -c 'echo '\\''a b'\\'' [31m'",
  );
  expect(titleOf({ script: "x".repeat(500), stdin: false })).toHaveLength(120);
  expect(titleOf({ argv: [""], stdin: false })).toBe("''");
});
