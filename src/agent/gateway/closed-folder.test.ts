import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

test("a folder around it names it as left out", async () => {
  const scan = await scanFolder(withoutFolder(realDisk, home), folder);
  expect(scan?.leftOut.map((each) => each.path)).toEqual(["alias", "innocent.txt", "state"]);
});

test("a file that is swapped for one of ours while it is opened stays closed", async () => {
  let closed = 0;
  const swapped = withoutFolder(
    {
      ...realDisk,
      open: async () => ({
        ...(await realDisk.open(join(home, "identity"))),
        realPath: join(home, "identity"),
        close: async () => void closed++,
      }),
    },
    home,
  );
  await expect(swapped.open(join(folder, "state-of-the-art", "index.html"))).rejects.toMatchObject({
    code: "ENOENT",
  });
  expect(closed).toBe(1);
});
