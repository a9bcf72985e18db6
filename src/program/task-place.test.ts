import { expect, test } from "bun:test";
import { homedir } from "node:os";
import { taskPlace } from "./task-place.ts";

test("tasks are kept in the home, in a file, or in PostgreSQL", () => {
  expect(taskPlace(undefined, "/h")).toEqual({ kind: "sqlite", path: "/h/tasks.db" });
  expect(taskPlace("", "/h")).toEqual({ kind: "sqlite", path: "/h/tasks.db" });
  expect(taskPlace("sqlite:/data/t.db", "/h")).toEqual({ kind: "sqlite", path: "/data/t.db" });
  expect(taskPlace("sqlite:~/t.db", "/h")).toEqual({ kind: "sqlite", path: `${homedir()}/t.db` });
  expect(taskPlace("sqlite:t.db", "/h")).toEqual({ kind: "sqlite", path: "/h/t.db" });
  expect(taskPlace("postgres://me@db/tasks", "/h").kind).toBe("postgres");
});

test("what is neither is refused, without its password", () => {
  for (const url of ["mysql://me:hidden@db/x", "postgres:", "tasks.db", "sqlite:"]) {
    let message = "";
    try {
      taskPlace(url, "/h");
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("MUSTER_DATABASE_URL");
    expect(message).not.toContain("hidden");
  }
});
