import { expect, test } from "bun:test";
import { Glob } from "bun";
import { dirname, join, relative } from "node:path";
import { ROOMS } from "./rooms.ts";

const root = join(import.meta.dir, "..", "..");
const transpiler = new Bun.Transpiler({ loader: "tsx" });

interface Import {
  from: string;
  to: string;
}

/** What only tests use: they may touch anything. */
const FOR_TESTS = /\.(test|fixture)\.tsx?$|\/testing(-[\w-]+)?(\.ts$|\/)/;

/** Imports of code: the transpiler drops `import type`, which every room may use on world.ts. */
async function importsOf(pattern: string): Promise<Import[]> {
  const found: Import[] = [];
  for await (const file of new Glob(pattern).scan(root)) {
    if (FOR_TESTS.test(file)) continue;
    const text = await Bun.file(join(root, file)).text();
    for (const { path } of transpiler.scanImports(text)) found.push({ from: file, to: path });
  }
  return found;
}

function roomOf(file: string): string {
  return file.split("/")[1] ?? "";
}

test("every import of a room is in its row of the table", async () => {
  const broken: string[] = [];
  for (const { from, to } of await importsOf("src/*/**/*.ts")) {
    const room = roomOf(from);
    const row = ROOMS[room];
    if (row === undefined) {
      broken.push(`${from}: the room "${room}" is not in the table`);
    } else if (to.startsWith(".")) {
      const target = relative(root, join(root, dirname(from), to));
      if (target === "package.json" && room === "program") continue;
      const other = target.startsWith("src/") ? roomOf(target) : target;
      if (other !== room && !row.may.includes(other)) broken.push(`${from} imports ${target}: ${row.why}`);
    } else if (
      !row.packages.includes("*") &&
      !row.packages.some((name) => to === name || to.startsWith(`${name}/`))
    ) {
      broken.push(`${from} imports ${to}: ${row.why}`);
    }
  }
  expect(broken).toEqual([]);
});

test("the page imports protocol, identity and the client library only", async () => {
  const allowed = ["protocol", "identity", "client"];
  const broken: string[] = [];
  for (const { from, to } of await importsOf("web/src/**/*.{ts,tsx}")) {
    if (!to.startsWith(".")) continue;
    const target = relative(root, join(root, dirname(from), to));
    if (target.startsWith("src/") && !allowed.includes(roomOf(target)))
      broken.push(`${from} imports ${target}`);
  }
  expect(broken).toEqual([]);
});

/** What reaches the real clock, timers, randomness, network, disk or processes behind the world's back. */
const REAL = [
  /\bDate\.now\(/,
  /\bnew Date\(\)/,
  /\bperformance\.now\(/,
  /\bsetTimeout\(/,
  /\bsetInterval\(/,
  /\bsetImmediate\(/,
  /\bMath\.random\(/,
  /\bcrypto\.getRandomValues\(/,
  /\bBun\.(listen|connect|serve|spawn|spawnSync|file|write|sleep)\b/,
  /\bprocess\.(env|argv|kill|on|exit)\b/,
  // A method of that name is none, nor is a call that stands in a page's script.
  /(^|[^.\w])(?<!async )fetch\((?!\w+[?]?:|"\/)/,
];

test("only the adapters and the entry touch the real world", async () => {
  const broken: string[] = [];
  for await (const file of new Glob("src/*/**/*.ts").scan(root)) {
    if (["world", "program"].includes(roomOf(file)) || FOR_TESTS.test(file)) continue;
    const lines = (await Bun.file(join(root, file)).text()).split("\n");
    lines.forEach((line, index) => {
      if (/^\s*(\/\/|\*|\/\*)/.test(line)) return;
      if (REAL.some((pattern) => pattern.test(line))) broken.push(`${file}:${index + 1}: ${line.trim()}`);
    });
  }
  expect(broken).toEqual([]);
});

test("no file imports a barrel and none is one", async () => {
  const broken: string[] = [];
  for await (const file of new Glob("src/**/*.ts").scan(root)) {
    const text = await Bun.file(join(root, file)).text();
    if (/^export \* from/m.test(text)) broken.push(file);
  }
  expect(broken).toEqual([]);
});

test("a task's keeper, started for every task, loads no package and little of the program", async () => {
  const files = new Set<string>();
  const packages = new Set<string>();
  const load = async (file: string): Promise<void> => {
    if (files.has(file)) return;
    files.add(file);
    for (const { path } of transpiler.scanImports(await Bun.file(join(root, file)).text())) {
      if (path.startsWith(".")) await load(join(dirname(file), path));
      else if (!path.startsWith("node:")) packages.add(path);
    }
  };
  await load("src/program/keep-task.ts");
  expect([...packages]).toEqual([]);
  // Each costs a third of a millisecond where nothing is compiled.
  expect(files.size).toBeLessThan(20);
});
