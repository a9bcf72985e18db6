import { afterEach, expect, test } from "bun:test";
import { nodeCrypto } from "../../identity/crypto-node.ts";
import { openSqlite } from "../../world/sqlite.ts";
import type { SqliteDatabase } from "../../world/world.ts";
import { PassageIndex } from "./passage-index.ts";
import { TextIndex, type IndexedText } from "./text-index.ts";
import { packVector } from "./vectors.ts";

const databases: SqliteDatabase[] = [];
afterEach(() => {
  for (const database of databases.splice(0)) database.close();
});

const crypto = nodeCrypto((length) => new Uint8Array(length));
const vector = (...values: number[]): Uint8Array => packVector(values) ?? new Uint8Array();
const SPACE = { model: "m", dimensions: 2, yardsticks: [vector(1, 0), vector(0, 1)] };

function indexes(most?: { passages: number; vectorBytes: number }) {
  const db = openSqlite(":memory:");
  databases.push(db);
  const texts = new TextIndex(db);
  const passages = new PassageIndex(db, crypto, most);
  return {
    texts,
    passages,
    put: (...put: IndexedText[]) => texts.change({ put, remove: [] }),
    begun() {
      passages.begin(SPACE);
      while (passages.cutSome(8));
    },
    embedAll() {
      for (;;) {
        const batch = passages.pending(8);
        if (batch.length === 0) return;
        passages.keep(batch.map(({ hash, text }) => ({ hash, vector: vector(text.length, 1) })));
      }
    },
  };
}

const text = (name: string, body: string, title = name): IndexedText => ({
  path: `/t/${name}.md`,
  shown: `t/${name}.md`,
  title,
  body,
  size: body.length,
  modifiedAt: 5,
});
const paragraphs = (count: number): string =>
  Array.from({ length: count }, (_, n) => `Paragraph ${n}. ${"x".repeat(1100)}`).join("\n\n");

test("nothing is there until a model has begun, then all texts are cut", () => {
  const { put, passages } = indexes();
  put(text("a", "alpha"), text("b", "beta"));
  expect(passages.space()).toBeUndefined();
  expect(passages.counts()).toEqual({ passages: 0, embedded: 0, leftOut: 0, uncutTexts: 2 });
  passages.begin(SPACE);
  expect(passages.space()).toEqual(SPACE);
  expect(passages.cutSome(1)).toBe(true);
  expect(passages.counts()).toMatchObject({ passages: 1, uncutTexts: 1 });
  put(text("c", "gamma"));
  while (passages.cutSome(8));
  expect(passages.counts()).toEqual({ passages: 3, embedded: 0, leftOut: 0, uncutTexts: 0 });
});

test("a passage goes with the title of its text, in the middle of it too, and whatever signs come before", () => {
  const { put, passages, begun } = indexes();
  put(text("a", `# House\n\n😀😀 ${"汉".repeat(399)}\n\nThe cellar is 😀 damp.`, "House"));
  begun();
  const texts = passages.pending(8).map((each) => each.text);
  expect(texts[0]).toStartWith("# House\n\n😀😀 汉");
  expect(texts.at(-1)).toEndWith("The cellar is 😀 damp.");
  expect(texts.at(-1)).toStartWith("House\n\n");
});

test("vectors belong to the content: a text that moves or changes elsewhere keeps them", () => {
  const { texts, put, passages, begun, embedAll } = indexes();
  const body = paragraphs(4);
  put(text("a", body, "T"));
  begun();
  embedAll();
  expect(passages.counts()).toMatchObject({ passages: 4, embedded: 4 });
  texts.change({ put: [text("moved", body, "T"), text("copy", body, "T")], remove: ["/t/a.md"] });
  while (passages.cutSome(8));
  passages.sweep();
  expect(passages.counts()).toMatchObject({ passages: 4, embedded: 4 });
  put(text("moved", `${body}\n\nOne more, and it is a new one. ${"y".repeat(1000)}`, "T"));
  while (passages.cutSome(8));
  passages.sweep();
  expect(passages.counts()).toMatchObject({ passages: 5, embedded: 4 });
  texts.change({ put: [], remove: ["/t/moved.md"] });
  passages.sweep();
  expect(passages.counts()).toMatchObject({ passages: 4, embedded: 4 });
  texts.change({ put: [], remove: ["/t/copy.md"] });
  passages.sweep();
  expect(passages.counts()).toEqual({ passages: 0, embedded: 0, leftOut: 0, uncutTexts: 0 });
});

test("a vector that comes when its passage is gone is passed over, and one that was refused is not asked for again", () => {
  const { texts, put, passages, begun } = indexes();
  put(text("a", "alpha"), text("b", "beta"));
  begun();
  const [first, second] = passages.pending(2);
  if (first === undefined || second === undefined) throw new Error("no passages");
  texts.change({ put: [], remove: ["/t/a.md"] });
  passages.sweep();
  passages.keep([
    { hash: first.hash, vector: vector(1, 1) },
    { hash: second.hash, vector: "refused" },
  ]);
  expect(passages.counts()).toEqual({ passages: 1, embedded: 0, leftOut: 1, uncutTexts: 0 });
  expect(passages.pending(8)).toEqual([]);
  expect(passages.vectors(0, 8)).toEqual([]);
});

test.each([
  ["passages", { passages: 5, vectorBytes: 1000 }],
  ["bytes", { passages: 1000, vectorBytes: 5 * SPACE.dimensions }],
])("where there is no room for more %s texts stay uncut, until others make room", (_, most) => {
  const { texts, put, passages, begun } = indexes(most);
  put(text("a", paragraphs(4)), text("b", paragraphs(3)), text("c", "gamma"));
  begun();
  expect(passages.counts()).toMatchObject({ passages: 4, uncutTexts: 2 });
  texts.change({ put: [], remove: ["/t/a.md"] });
  while (passages.cutSome(8));
  passages.sweep();
  expect(passages.counts()).toMatchObject({ passages: 4, uncutTexts: 0 });
});

test("a text has 500 passages at most", () => {
  const { put, passages, begun } = indexes();
  put(text("a", paragraphs(600)));
  begun();
  expect(passages.counts()).toMatchObject({ passages: 500, uncutTexts: 0 });
});

test("vectors are read in pieces, and lead to their texts", () => {
  const { put, passages, begun, embedAll } = indexes();
  put(text("a", "alpha", "A"), text("b", "beta", "B"), text("copy", "beta", "B"));
  begun();
  embedAll();
  const [first] = passages.vectors(0, 1);
  const [second, ...others] = passages.vectors(first?.id ?? 0, 8);
  expect(others).toEqual([]);
  const documents = passages.documentsWith(second?.id ?? 0, 8);
  expect(documents).toHaveLength(2);
  expect(passages.documentsWith(second?.id ?? 0, 1)).toEqual(documents.slice(0, 1));
  const placed = documents.map((document) => passages.placed(document, second?.id ?? 0));
  expect(placed.map((each) => each?.shown)).toEqual(["t/b.md", "t/copy.md"]);
  expect(placed[0]).toMatchObject({ title: "B", text: "beta", modifiedAt: 5 });
  expect(passages.placed(99, 1)).toBeUndefined();
});

test("another model begins anew", () => {
  const { put, passages, begun, embedAll } = indexes();
  put(text("a", "alpha"));
  begun();
  embedAll();
  passages.begin({ model: "other", dimensions: 3, yardsticks: [vector(1, 2, 3)] });
  expect(passages.space()).toMatchObject({ model: "other", dimensions: 3 });
  expect(passages.counts()).toEqual({ passages: 0, embedded: 0, leftOut: 0, uncutTexts: 1 });
});
