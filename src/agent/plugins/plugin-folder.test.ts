import { afterEach, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseToml, tomlLines } from "../../program/config/toml-source.ts";
import { FakeTime } from "../../trunk/testing.ts";
import { realWorld } from "../../world/real.ts";
import { Notices } from "../notices.ts";
import { HELLO, hearer, testParts, until } from "./plugin.fixture.ts";
import { PluginFolder } from "./plugin-folder.ts";

const EXAMPLES = resolve(import.meta.dir, "../../../examples/plugins");
const FOREVER = "while :; do read -r line || exit; done";
const open: { folder: PluginFolder; time: FakeTime; path: string }[] = [];
afterEach(async () => {
  for (const { folder, time, path } of open.splice(0)) {
    const closed = folder.close();
    await until("its end", () => (time.advance(1000), folder.capabilities.length === 0));
    await closed;
    rmSync(path, { recursive: true, force: true });
  }
});

function home(): { folder: PluginFolder; time: FakeTime; notices: Notices; path: string } {
  const path = mkdtempSync(join(tmpdir(), "muster-plugins-"));
  const time = new FakeTime();
  const notices = new Notices();
  const toml = { parse: parseToml, lines: tomlLines };
  const parts = { ...testParts(time), disk: realWorld.disk, notices, toml, changed() {} };
  const folder = new PluginFolder({ ...parts, folder: path });
  open.push({ folder, time, path });
  return { folder, time, notices, path };
}

function write(path: string, name: string, protocol = name): void {
  mkdirSync(join(path, name), { recursive: true, mode: 0o755 });
  chmodSync(join(path, name), 0o755);
  const script = JSON.stringify(`${HELLO}; ${FOREVER}`);
  writeFileSync(
    join(path, name, "plugin.toml"),
    `name = "${name}"\n[[capabilities]]\nprotocol = "${protocol}"\nversion = "1.0.0"\n[run]\ncommand = ["/bin/sh", "-c", ${script}]\n`,
    { mode: 0o644 },
  );
}

const offers = (folder: PluginFolder): string[] => folder.capabilities.map(({ offer }) => offer.protocol);

test("a home without plugins has none, and no folder is needed", async () => {
  const { folder, path, notices } = home();
  rmSync(path, { recursive: true });
  await folder.look();
  expect(offers(folder)).toEqual([]);
  expect(notices.all()).toEqual([]);
});

test("one with an error is told with file and line and left out; the others run", async () => {
  const { folder, path, notices } = home();
  write(path, "good");
  write(path, "bad", "NOT A PROTOCOL");
  await folder.look();
  await until("the good one", () => offers(folder).includes("good"));
  expect(offers(folder)).toEqual(["good"]);
  expect(notices.all()).toEqual([
    expect.stringContaining(`${path}/bad/plugin.toml:3: \`capabilities.0.protocol\``),
  ]);
});

test("a manifest beside the folders is told, until it is gone", async () => {
  const { folder, path, notices } = home();
  writeFileSync(join(path, "plugin.toml"), "");
  await folder.look();
  expect(notices.all()).toEqual([
    `${path}/plugin.toml is no plugin: each has a folder of its own in ${path}`,
  ]);
  rmSync(join(path, "plugin.toml"));
  await folder.look();
  expect(notices.all()).toEqual([]);
});

test("a manifest that is no file is not read, and told", async () => {
  const { folder, path, notices } = home();
  mkdirSync(join(path, "odd", "plugin.toml"), { recursive: true, mode: 0o755 });
  await folder.look();
  expect(notices.all()).toEqual([`a plugin is left out: ${path}/odd/plugin.toml is no file`]);
});

test("a program of its own that others may write is not run, until that is mended", async () => {
  const { folder, time, path, notices } = home();
  write(path, "own");
  writeFileSync(join(path, "own", "serve.sh"), `${HELLO}\n${FOREVER}\n`);
  chmodSync(join(path, "own", "serve.sh"), 0o666);
  const manifest = (version: string): string =>
    `name = "own"\n[[capabilities]]\nprotocol = "own"\nversion = "${version}"\n[run]\ncommand = ["/bin/sh", "./serve.sh"]\n`;
  writeFileSync(join(path, "own", "plugin.toml"), manifest("1.0.0"), { mode: 0o644 });
  await folder.look();
  expect(offers(folder)).toEqual([]);
  expect(notices.all()).toEqual([
    `a plugin is left out: ${path}/own/serve.sh can be written by others on this machine: chmod go-w`,
  ]);
  chmodSync(join(path, "own", "serve.sh"), 0o644);
  time.advance(5000);
  await until("the mended one", () => offers(folder).includes("own"));
  expect(notices.all()).toEqual([]);
});

test("of a thousand the first 64 by name run, and the rest are told", async () => {
  const { folder, time, path, notices } = home();
  for (let n = 0; n < 1000; n++) mkdirSync(join(path, `p${String(n).padStart(4, "0")}`), { mode: 0o755 });
  write(path, "p0063", "last");
  write(path, "p0064", "toomany");
  await folder.look();
  await until("the last that has room", () => offers(folder).includes("last"));
  expect(offers(folder)).toEqual(["last"]);
  expect(notices.all()).toEqual([`${path} has more than 64 plugins: p0064 and those behind it are left out`]);
  for (let n = 64; n < 1000; n++)
    rmSync(join(path, `p${String(n).padStart(4, "0")}`), { recursive: true, force: true });
  time.advance(5000);
  await until("word that there is room", () => notices.all().length === 0);
});

test("a plugin that offers more than there is room for is left out, until there is", async () => {
  const { folder, time, path, notices } = home();
  const manifest = (name: string, count: number): string =>
    `name = "${name}"\n${Array.from({ length: count }, (_, at) => `[[capabilities]]\nprotocol = "${name}.c${at}"\nversion = "1.0.0"\n`).join("")}`;
  for (const [name, count] of [
    ["a", 40],
    ["b", 9],
    ["c", 8],
  ] as const) {
    write(path, name);
    const run = `[run]\ncommand = ["/bin/sh", "-c", ${JSON.stringify(`${HELLO}; ${FOREVER}`)}]\n`;
    writeFileSync(join(path, name, "plugin.toml"), manifest(name, count) + run, { mode: 0o644 });
  }
  await folder.look();
  await until("those that have room", () => offers(folder).length === 48);
  expect(notices.all()).toEqual([
    `a plugin is left out: ${path}/b/plugin.toml: the plugins offer 40 of at most 48 capabilities already`,
  ]);
  rmSync(join(path, "a"), { recursive: true });
  time.advance(5000);
  await until("the other, that has room now", () => (time.advance(1000), offers(folder).includes("b.c0")));
  expect(notices.all()).toEqual([]);
});

test("a mistake that is mended is mended at the next look, and one that is taken away is gone", async () => {
  const { folder, time, path, notices } = home();
  write(path, "one", "BAD");
  await folder.look();
  write(path, "one", "mended");
  time.advance(5000);
  await until("the mended one", () => offers(folder).includes("mended"));
  expect(notices.all()).toEqual([]);
  rmSync(join(path, "one"), { recursive: true });
  time.advance(5000);
  await until("its end", () => offers(folder).length === 0);
});

test("a look at what has not changed starts nothing anew", async () => {
  const { folder, path } = home();
  write(path, "one");
  await folder.look();
  await until("the plugin", () => offers(folder).length === 1);
  const [before] = folder.capabilities;
  await folder.look();
  expect(folder.capabilities[0]).toBe(before as NonNullable<typeof before>); // it was awaited
  utimesSync(join(path, "one", "plugin.toml"), 1, 1);
  await folder.look();
  await until("another life of it", () => {
    const [now] = folder.capabilities;
    return now !== undefined && now !== before;
  });
});

test("two folders of one name are one plugin, and the second is told", async () => {
  const { folder, path, notices } = home();
  write(path, "a", "first");
  write(path, "b", "second");
  writeFileSync(
    join(path, "b", "plugin.toml"),
    'name = "a"\n[[capabilities]]\nprotocol = "second"\nversion = "1.0.0"\n[run]\ncommand = ["true"]\n',
  );
  await folder.look();
  expect(notices.all()).toEqual([expect.stringContaining('there is a plugin "a" already, in a')]);
});

test.each(["plugin.toml", ""])("one that others on this machine may write is not run: %p", async (file) => {
  const { folder, path, notices } = home();
  write(path, "open");
  chmodSync(join(path, "open", file), 0o777);
  await folder.look();
  expect(notices.all()).toEqual([expect.stringContaining("can be written by others")]);
});

test("a manifest without end is refused unread", async () => {
  const { folder, path, notices } = home();
  write(path, "huge");
  writeFileSync(join(path, "huge", "plugin.toml"), "#".repeat(20_000));
  await folder.look();
  expect(notices.all()).toEqual([expect.stringContaining("more than 16384 bytes")]);
});

test.skipIf(Bun.which("python3") === null)("the example in Python counts words as it reads", async () => {
  const { folder, path } = home();
  cpSync(join(EXAMPLES, "word-count"), join(path, "word-count"), { recursive: true });
  chmodSync(join(path, "word-count"), 0o755);
  chmodSync(join(path, "word-count", "plugin.toml"), 0o644);
  await folder.look();
  await until("the plugin", () => offers(folder).includes("text.count"));
  const heard = hearer();
  folder.capabilities[0]?.call({ payload: { text: "to be or\nnot to be" }, caller: "me" }, heard);
  await until("its end", () => heard.isOver);
  expect(heard).toMatchObject({ parts: [{ words: 3 }, { words: 6 }], payload: { words: 6, distinct: 4 } });
  const refused = hearer();
  folder.capabilities[0]?.call({ payload: 7, caller: "me" }, refused);
  await until("its end", () => refused.isOver);
  expect(refused.failure).toMatchObject({ code: "invalid" });
});

test.skipIf(Bun.which("node") === null)(
  "the example in JavaScript answers a query and a control call",
  async () => {
    const { folder, path } = home();
    cpSync(join(EXAMPLES, "disk-report"), join(path, "disk-report"), { recursive: true });
    chmodSync(join(path, "disk-report"), 0o755);
    chmodSync(join(path, "disk-report", "plugin.toml"), 0o644);
    await folder.look();
    await until("the plugin", () => offers(folder).includes("disk.clean"));
    expect(folder.capabilities[0]?.offer.class).toBe("control");
    const report = await folder.queries["disk.report"]?.({}, "all");
    expect(report).toMatchObject({ items: [{ id: "/", used: expect.any(Number) }] });
    const cache = join(path, "disk-report", "cache");
    mkdirSync(cache);
    writeFileSync(join(cache, "old"), "");
    const heard = hearer();
    folder.capabilities[0]?.call({ payload: {}, caller: "me" }, heard);
    await until("its end", () => heard.isOver);
    expect(heard).toMatchObject({ parts: [{ removed: "old" }], payload: { removed: 1 } });
  },
);
