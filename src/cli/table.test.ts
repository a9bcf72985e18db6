import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { tableLines } from "./table.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

const ROWS = [
  [
    { text: "docs", style: "bold" as const },
    { text: "http://docs.localhost", short: "docs.localhost" },
    { text: "live" },
  ],
  [{ text: "日本" }, { text: "-" }, { text: "dead" }],
];

test("columns line up by what they take on the screen", () => {
  expect(tableLines(terminalOf(80), ROWS)).toEqual([
    "docs  http://docs.localhost  live",
    "日本  -                      dead",
  ]);
});

test("short forms come first, then the cut", () => {
  expect(tableLines(terminalOf(27), ROWS, { shorten: [1] })[0]).toBe("docs  docs.localhost  live");
  expect(tableLines(terminalOf(24), ROWS, { shorten: [1] })[0]).toBe("docs  docs.localhost  l…");
  expect(tableLines(terminalOf(10), ROWS, { shorten: [1] })[0]).toBe("docs  doc…");
  expect(tableLines(terminalOf(10), ROWS, { shorten: [1], wide: true })[0]).toBe(
    "docs  http://docs.localhost  live",
  );
});

test("a column in which no row says anything goes with its heading", () => {
  const rows = [[{ text: "a" }, { text: "" }, { text: "c" }]];
  expect(tableLines(terminalOf(80), rows, { headings: ["A", "B", "C"] })).toEqual(["A  C", "a  c"]);
});

test("what has no room in the last column goes on below itself where it is to be folded", () => {
  const rows = [[{ text: "ok" }, { text: "name" }, { text: "the machine answers, but nothing listens" }]];
  expect(tableLines(terminalOf(36), rows, { foldAfter: 0, indent: "  " })).toEqual([
    "  ok  name  the machine answers, but",
    "            nothing listens",
  ]);
  expect(tableLines(terminalOf(80), rows, { foldAfter: 0 })).toHaveLength(1);
});

test("a last column folds before a column of its choice is shortened, and is cut where no room is left", () => {
  const rows = [
    [
      { text: "identity", short: "id" },
      { text: "web, postgres", short: "2" },
      { text: "llm.chat, embeddings, notes" },
    ],
  ];
  const options = { shorten: [0, 1], foldAfter: 1 };
  expect(tableLines(terminalOf(60), rows, options)).toEqual([
    "identity  web, postgres  llm.chat, embeddings, notes",
  ]);
  expect(tableLines(terminalOf(46), rows, options)).toEqual([
    "id  web, postgres  llm.chat, embeddings, notes",
  ]);
  expect(tableLines(terminalOf(40), rows, options)).toEqual([
    "id  web, postgres  llm.chat, embeddings,",
    "                   notes",
  ]);
  expect(tableLines(terminalOf(30), rows, options)).toEqual(["id  2  llm.chat, embeddings,", "       notes"]);
  expect(tableLines(terminalOf(20), rows, options)).toEqual(["id  2  llm.chat, em…"]);
});

test("no line is ever wider than the terminal", () => {
  const cell = fc.record({ text: fc.string({ unit: "grapheme" }), short: fc.string({ maxLength: 3 }) });
  const rows = fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { maxLength: 5 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 60 }), (rows, columns) => {
      const terminal = terminalOf(columns);
      return tableLines(terminal, rows, { shorten: [2, 0] }).every((line) => terminal.width(line) <= columns);
    }),
    { seed: 20_261_120 },
  );
});

function terminalOf(columns: number): Terminal {
  const output = {
    write: () => undefined,
    bytes: () => Promise.resolve(),
    rows: undefined,
    isTerminal: true,
    columns,
  };
  return createTerminal(output, { NO_COLOR: "1" }, (text) => Bun.stringWidth(text));
}
