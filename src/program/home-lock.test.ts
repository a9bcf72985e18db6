import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realWorld } from "../world/real.ts";
import { holderOf, lockHome } from "./home-lock.ts";

const folder = mkdtempSync(join(tmpdir(), "muster-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { openSqlite } = realWorld;
let homes = 0;
const home = () => join(folder, `${(homes += 1)}.db`);

test("a home has one holder, who is named to whoever comes second, and the next may come when it has gone", () => {
  const path = home();
  const first = lockHome(openSqlite, path, { pid: 4711, runs: "agent" });
  expect(() => lockHome(openSqlite, path, { pid: 99, runs: "agent" })).toThrow(
    "another agent (process 4711) already runs in this home",
  );
  first.release();
  const next = lockHome(openSqlite, path, { pid: 99, runs: "hub" });
  expect(() => lockHome(openSqlite, path, { pid: 4711, runs: "agent" })).toThrow("a hub (process 99)");
  next.release();
});

test("a damaged lock is named, and left for a person to remove", () => {
  const path = home();
  writeFileSync(path, "no database at all, but long enough to be read as one".repeat(40), { mode: 0o600 });
  for (const look of [
    () => lockHome(openSqlite, path, { pid: 1, runs: "agent" }),
    () => holderOf(openSqlite, path),
  ]) {
    expect(look).toThrow(`"${path}" is damaged`);
  }
});

test("a home that nobody holds has no holder, whoever held it before", () => {
  const path = home();
  const lock = lockHome(openSqlite, path, { pid: 4711, runs: "hub" });
  expect(holderOf(openSqlite, path)).toEqual({ pid: 4711, runs: "hub" });
  lock.release();
  expect(holderOf(openSqlite, path)).toBeUndefined();
  // Looking leaves it free.
  lockHome(openSqlite, path, { pid: 1, runs: "agent" }).release();
});
