import { afterEach, expect, test } from "bun:test";
import { rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endAll, folder, opened, write } from "./knowledgebase.fixture.ts";

afterEach(endAll);

test("texts are found by their words, with title, place, snippet and rank", async () => {
  const path = folder({
    "home/router.md": "# The router\n\nIt stands in the cellar. Restart it by its plug.\n",
    "backup.txt": "Backups run each night to the nas.",
  });
  const { search } = await opened([path]);
  const [found, ...others] = await search("cellar");
  expect(others).toEqual([]);
  expect(found).toMatchObject({
    title: "The router",
    path: `${path.slice(path.lastIndexOf("/") + 1)}/home/router.md`,
    snippet: expect.stringContaining("stands in the cellar"),
    rank: 1,
  });
  expect(found?.id).toMatch(/^[\w-]{16}$/);
  expect(Date.parse(found?.updated_at ?? "")).toBeGreaterThan(0);
  expect((await search("backup")).map(({ title }) => title)).toEqual(["backup"]);
});

test("what has all words comes before what has some, and ranks are between 0 and 1", async () => {
  const path = folder({
    "both.md": "red and green",
    "red.md": "red red red",
    "title.md": "# red green\n",
    "none.md": "blue",
  });
  const { search } = await opened([path]);
  const found = await search("red green");
  expect(found.map(({ title }) => title)).toEqual(["red green", "both", "red"]);
  for (const { rank } of found) expect(rank >= 0 && rank <= 1).toBe(true);
  expect(found[1]?.rank).toBeGreaterThanOrEqual(0.5);
  expect(found[2]?.rank).toBeLessThanOrEqual(0.5);
  expect(await search("red", 1)).toHaveLength(1);
});

test("what has only words that are everywhere ranks low, what has the rare one higher", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`${n}.md`, `how do I get to the ${n}`]),
  );
  const path = folder({
    ...files,
    "rare.md": `A long text with the cistern in it. ${"And more. ".repeat(50)}`,
  });
  const { search } = await opened([path]);
  const found = await search("how do I get to the cistern of the house", 5);
  expect(found[0]?.title).toBe("rare");
  expect(found[1]?.rank).toBeLessThan(0.25);
});

test.each([
  '"',
  "* OR",
  "NEAR(",
  "title:x",
  "-",
  "",
  "   ",
  "'; DROP TABLE texts",
  "a AND",
  "\u0000",
  "a\u0000b",
  "ü",
])("%j is words and no expression", async (q) => {
  const { made } = await opened([folder({ "z.md": "nothing of it" })]);
  const params = { q: q === "" ? " " : q };
  expect(await made.answers.SearchKnowledgebase(params, "all")).toEqual({
    items: [],
    searched_by: ["words"],
  });
});

test.each([
  {},
  { q: 5 },
  { q: "" },
  { q: "a", limit: 0 },
  { q: "a", limit: 1000 },
  { q: "x".repeat(2000) },
  null,
])("what is no search is refused", async (params) => {
  const { made } = await opened([folder({})]);
  const refused: unknown = await made.answers
    .SearchKnowledgebase(params, "all")
    .catch((error: unknown) => error);
  expect(String(refused)).toContain("q must be a text");
});

test("hidden files, links, other kinds and what is too long are not read", async () => {
  const outside = folder({ "secret.md": "needle" });
  const path = folder({
    ".hidden.md": "needle",
    ".git/notes.md": "needle",
    "image.png": "needle",
    "long.md": `needle ${"x".repeat(2 * 1024 * 1024)}`,
    "seen.md": "needle",
    "identity/x.md": "needle",
  });
  writeFileSync(join(path, "broken.md"), Uint8Array.of(0xff, 0xfe, 0x6e));
  symlinkSync(join(outside, "secret.md"), join(path, "link.md"));
  symlinkSync(outside, join(path, "folder"));
  symlinkSync(path, join(path, "loop"));
  const { search } = await opened([path]);
  expect((await search("needle")).map(({ title }) => title).toSorted()).toEqual(["seen", "x"]);
});

test("only what changed is read again, and what is gone is not found", async () => {
  const path = folder({ "a.md": "alpha", "b.md": "beta" });
  const { made, search, read } = await opened([path]);
  expect(read).toHaveLength(2);
  await made.look();
  expect(read).toHaveLength(2);
  write(path, "a.md", "gamma");
  utimesSync(join(path, "a.md"), 1_000_000, 1_000_000);
  rmSync(join(path, "b.md"));
  write(path, "c.md", "delta");
  await made.look();
  expect(read).toHaveLength(4);
  expect(await search("alpha")).toEqual([]);
  expect(await search("beta")).toEqual([]);
  expect(await search("gamma")).toHaveLength(1);
  expect(await search("delta")).toHaveLength(1);
});

test("a folder in another is there once, one that is missing is none", async () => {
  const path = folder({ "in/a.md": "alpha" });
  const { search } = await opened([path, join(path, "in"), join(path, "none")]);
  expect(await search("alpha")).toHaveLength(1);
});

test("the index outlives the agent, and a damaged one is made anew", async () => {
  const path = folder({ "a.md": "alpha" });
  const index = join(folder({}), "index.db");
  const first = await opened([path], { indexPath: index });
  await first.made.close();
  const second = await opened([path], { indexPath: index });
  expect(second.read).toEqual([]);
  expect(await second.search("alpha")).toHaveLength(1);
  await second.made.close();
  writeFileSync(index, "no database at all".repeat(1000));
  const third = await opened([path], { indexPath: index });
  expect(await third.search("alpha")).toHaveLength(1);
});

test("more than one step of texts", async () => {
  const files = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`${n}.md`, `text ${n}`]));
  const { search } = await opened([folder(files)]);
  expect(await search("text", 100)).toHaveLength(100);
});
