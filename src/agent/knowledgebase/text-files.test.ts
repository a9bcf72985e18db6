import { expect, test } from "bun:test";
import type { FileInfo } from "../../world/world.ts";
import { textFiles, type TextDisk, type TextFile } from "./text-files.ts";

const info = (kind: "file" | "folder"): FileInfo => ({ kind, size: 1, modifiedAt: 1, mode: 0o644, inode: 1 });

/** Each folder holds a text and another folder, without end. */
const endless: TextDisk = {
  realPath: async (path) => path,
  list: async () => ["a.md", "more"],
  info: async (path) =>
    path.endsWith(".md") ? info("file") : /(?:^|\/)(?:more|root)$/.test(path) ? info("folder") : undefined,
  open: () => Promise.reject(new Error("nothing is read here")),
};

async function all(disk: TextDisk, entries: number): Promise<TextFile[]> {
  const found: TextFile[] = [];
  for await (const file of textFiles(disk, "/root", { entries })) found.push(file);
  return found;
}

test("a folder without end is followed to its bound in depth", async () => {
  expect((await all(endless, 1000)).length).toBe(17);
});

test("and no further than the budget goes", async () => {
  expect((await all(endless, 4)).length).toBe(2);
  expect(await all(endless, 0)).toEqual([]);
});
