// What the documents point at is there.
import { expect, test } from "bun:test";
import { Glob } from "bun";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const root = join(import.meta.dir, "../..");

test("every relative link and picture of the documents leads to a file", async () => {
  const broken: string[] = [];
  for await (const file of new Glob("{*.md,docs/**/*.md,bench/*.md,examples/**/*.md}").scan(root)) {
    const text = await Bun.file(join(root, file)).text();
    for (const [, target = ""] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      if (!existsSync(join(root, dirname(file), target))) broken.push(`${file}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

test("every source file that a document names is there", async () => {
  const broken: string[] = [];
  for await (const file of new Glob("{*.md,docs/**/*.md}").scan(root)) {
    const text = await Bun.file(join(root, file)).text();
    for (const [, path = ""] of text.matchAll(/`((?:src|test|web|scripts|bench)\/[\w./-]+\.\w+)`/g)) {
      if (!existsSync(join(root, path))) broken.push(`${file}: ${path}`);
    }
  }
  expect(broken).toEqual([]);
});

test("the list of decisions has each of them by its own title", async () => {
  const folder = join(root, "docs/decisions");
  const lines = [];
  for (const path of [...new Glob("0*.md").scanSync({ cwd: folder, absolute: true })].toSorted()) {
    const [, number = "", title = ""] = /^# (\d{3}) (.+)\n/.exec(await Bun.file(path).text()) ?? [];
    lines.push(`- [${number}](${basename(path)}) ${title}`);
  }
  const list = await Bun.file(join(folder, "README.md")).text();
  expect(list.split("\n").filter((line) => line.startsWith("- "))).toEqual(lines);
});
