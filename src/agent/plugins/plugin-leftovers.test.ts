import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT_LOG } from "../../protocol/log.ts";
import { realWorld } from "../../world/real.ts";
import { PluginLeftovers } from "./plugin-leftovers.ts";

function setting(marks: Record<number, string>) {
  const folder = mkdtempSync(join(tmpdir(), "muster-leftovers-"));
  const path = join(folder, "plugins.json");
  const ended: number[] = [];
  const leftovers = () =>
    new PluginLeftovers({
      disk: realWorld.disk,
      processes: { startMark: (pid) => marks[pid], signalGroup: (pid) => void ended.push(pid) },
      log: SILENT_LOG,
      path,
    });
  return { leftovers, path, ended, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

test("what an earlier agent left is ended, but no other process of that id", async () => {
  const marks: Record<number, string> = { 10: "a", 11: "b", 12: "c" };
  using given = setting(marks);
  const first = given.leftovers();
  for (const pid of [10, 11, 12]) first.began(pid);
  first.ended(12);
  await first.settled();
  marks[11] = "another";
  await given.leftovers().clear();
  expect(given.ended).toEqual([10]);
});

test("where all have ended nothing is left to read", async () => {
  using given = setting({ 10: "a" });
  const first = given.leftovers();
  first.began(10);
  first.ended(10);
  await first.settled();
  expect(() => readFileSync(given.path)).toThrow("ENOENT");
  await given.leftovers().clear();
  expect(given.ended).toEqual([]);
});

test.each(["", "[", '[{"pid":1,"mark":"a"}]', '[{"pid":-5,"mark":"a"}]'])("%j ends nobody", async (text) => {
  using given = setting({ 1: "a" });
  writeFileSync(given.path, text);
  await given.leftovers().clear();
  expect(given.ended).toEqual([]);
});
