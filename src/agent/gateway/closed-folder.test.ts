import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemCode } from "../../protocol/errors.ts";
import type { OpenFile } from "../../world/world.ts";
import { realDisk } from "../../world/disk.ts";
import { withoutFolder } from "./closed-folder.ts";
import { ask, pageShare, startGateway } from "./gateway.fixture.ts";
import { scanFolder } from "./left-out.ts";

let folder = "";
let home = "";

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "muster-closed-")));
  home = join(folder, "state");
  mkdirSync(join(home, "hub"), { recursive: true });
  mkdirSync(join(folder, "state-of-the-art"));
  writeFileSync(join(home, "identity"), "key");
  writeFileSync(join(home, "hub", "index.html"), "secret");
  writeFileSync(join(folder, "state-of-the-art", "index.html"), "open");
  symlinkSync("state", join(folder, "alias"));
  symlinkSync("state/identity", join(folder, "innocent.txt"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("this program's own folder is not there, whatever leads to it", async () => {
  const shown = startGateway({ disk: withoutFolder(realDisk, home) });
  const status = async (root: string, target: string): Promise<number> =>
    (await ask(shown, pageShare(root), { target })).status;
  const targets = ["/state", "/state/", "/state/identity", "/state/hub/", "/alias/identity", "/innocent.txt"];
  for (const target of targets) expect(await status(folder, target)).toBe(404);
  expect(await status("/", `${home}/identity`)).toBe(404);
  expect(await status("/", `/proc/self/root${home}/identity`)).toBe(404);
  expect(await status(home, "/identity")).toBe(404);
  expect(await status(join(home, "identity"), "/")).toBe(404);
  expect(await status(join(home, "hub"), "/")).toBe(404);
  expect(await status(folder, "/state-of-the-art/")).toBe(200);
});

test("another home of Muster is not there either, in no page, listing or count", async () => {
  const outer = realpathSync(mkdtempSync(join(tmpdir(), "muster-homes-")));
  for (const [name, key] of [
    ["agent", "identity"],
    ["relay", "hub/key"],
  ] as const) {
    mkdirSync(join(outer, "deep", name, "hub"), { recursive: true });
    writeFileSync(join(outer, "deep", name, "lock.db"), "");
    writeFileSync(join(outer, "deep", name, key), "key");
  }
  writeFileSync(join(outer, "deep", "open.txt"), "open");
  symlinkSync("agent/identity", join(outer, "deep", "innocent.txt"));
  try {
    const shown = startGateway({ disk: realDisk });
    const get = (root: string, target: string) => ask(shown, pageShare(root), { target });
    const hidden = ["/deep/agent/", "/deep/agent/identity", "/deep/relay/hub/key", "/deep/innocent.txt"];
    for (const target of hidden) expect((await get(outer, target)).status).toBe(404);
    expect((await get(join(outer, "deep/agent"), "/identity")).status).toBe(404);
    const listing = await get(outer, "/deep/");
    expect(listing.status).toBe(200);
    expect(listing.body.toString()).toContain("open.txt");
    expect(listing.body.toString()).not.toMatch(/agent|relay|innocent/);
    const scan = await scanFolder(realDisk, outer);
    expect(scan?.leftOut.map((each) => each.path).sort()).toEqual([
      "deep/agent",
      "deep/innocent.txt",
      "deep/relay",
    ]);
    expect(scan?.files).toBe(1);
  } finally {
    rmSync(outer, { recursive: true, force: true });
  }
});

test("a folder around it names it as left out", async () => {
  const scan = await scanFolder(withoutFolder(realDisk, home), folder);
  expect(scan?.leftOut.map((each) => each.path)).toEqual(["alias", "innocent.txt", "state"]);
});

test("a file that is swapped for one of ours while it is opened stays closed", async () => {
  let closed = 0;
  const file: OpenFile = {
    info: { kind: "file", size: 3, modifiedAt: 0, mode: 0o600, inode: 1 },
    realPath: join(home, "identity"),
    read: async () => new Uint8Array(),
    close: async () => void closed++,
  };
  const swapped = withoutFolder({ ...realDisk, open: async () => file }, home);
  const code = await swapped.open(join(folder, "innocent.txt")).then(
    () => "opened",
    (error: unknown) => systemCode(error),
  );
  expect(code).toBe("ENOENT");
  expect(closed).toBe(1);
});
