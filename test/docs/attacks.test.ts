// Each attack that the document names is made by a test of that title.
import { expect, test } from "bun:test";
import { Glob } from "bun";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");

test("every attack in the document has the test that it names", async () => {
  let titles = "";
  for await (const file of new Glob("{src,test,web}/**/*.test.ts").scan(root)) {
    titles += await Bun.file(join(root, file)).text();
  }
  const rows = (await Bun.file(join(root, "docs/attacks.md")).text()).split("\n");
  const named = rows.flatMap((row) => {
    const cell = row.startsWith("| ")
      ? (row.split(" | ").at(-1) ?? "")
      : row.startsWith("What a peer")
        ? row
        : "";
    return [...cell.matchAll(/`([^`]+)`/g)].map(([, title = ""]) => title);
  });
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((title) => !titles.includes(title))).toEqual([]);
});
