import { expect, test } from "bun:test";
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCode } from "../protocol/errors.ts";
import { realLargeFiles } from "./large-files.ts";

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "muster-large-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => "", systemCode);

test("a file grows where it ended, and what is behind that place goes", () =>
  inFolder(async (folder) => {
    const path = join(folder, "growing");
    const file = await realLargeFiles.openGrowing(path, 0);
    await file.write([Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4, 5)], 0);
    await file.sync();
    expect(await file.read(1, 3)).toEqual(Uint8Array.of(2, 3, 4));
    expect(await file.read(5, 3)).toHaveLength(0);
    await file.close();
    const again = await realLargeFiles.openGrowing(path, 4);
    await again.truncate(3);
    await again.write([Uint8Array.of(9)], 3);
    await again.close();
    expect(new Uint8Array(await readFile(path))).toEqual(Uint8Array.of(1, 2, 3, 9));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  }));

test("no link is followed where a file is to grow", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "mine"), "mine");
    await symlink(join(folder, "mine"), join(folder, "growing"));
    expect(await codeOf(realLargeFiles.openGrowing(join(folder, "growing"), 0))).toBe("ELOOP");
    expect(await readFile(join(folder, "mine"), "utf8")).toBe("mine");
  }));

test("a move replaces nothing", () =>
  inFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await writeFile(from, "new");
    await writeFile(to, "mine");
    expect(await codeOf(realLargeFiles.moveNew(from, to))).toBe("EEXIST");
    expect(await readFile(to, "utf8")).toBe("mine");
    await realLargeFiles.moveNew(from, join(folder, "free"));
    expect(await readFile(join(folder, "free"), "utf8")).toBe("new");
    expect(await codeOf(stat(from))).toBe("ENOENT");
  }));

test("a folder tells what may still be written there", () =>
  inFolder(async (folder) => {
    expect(await realLargeFiles.freeBytes(folder)).toBeGreaterThan(0);
  }));
