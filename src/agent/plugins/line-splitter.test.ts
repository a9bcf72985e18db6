import { expect, test } from "bun:test";
import { array, assert, nat, property, stringMatching } from "fast-check";
import { utf8 } from "../../protocol/bytes.ts";
import { LineSplitter } from "./line-splitter.ts";

function split(maxBytes: number, pieces: readonly Uint8Array[]): { lines: string[]; overlong: string[] } {
  const lines: string[] = [];
  const overlong: string[] = [];
  const text = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);
  const splitter = new LineSplitter(maxBytes, {
    line: (bytes) => lines.push(text(bytes)),
    overlong: (bytes) => overlong.push(text(bytes)),
  });
  for (const piece of pieces) splitter.push(piece);
  return { lines, overlong };
}

test("lines are whole, however their bytes come", () => {
  assert(
    property(array(stringMatching(/^[ -~]{0,20}$/)), array(nat(30)), (lines, cuts) => {
      const bytes = utf8(lines.map((line) => `${line}\n`).join(""));
      const pieces: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) {
        pieces.push(bytes.slice(at, at + cut));
        at += cut;
      }
      pieces.push(bytes.slice(at));
      expect(split(20, pieces)).toEqual({ lines, overlong: [] });
    }),
    { seed: 7 },
  );
});

test("of a line over the bound the beginning is told once, and the next one is whole", () => {
  const pieces = ["abc", "def", "ghi\nxy", "z\n"].map(utf8);
  expect(split(4, pieces)).toEqual({ lines: ["xyz"], overlong: ["abcd"] });
});

test("a gigabyte without an end is held no longer than its bound", () => {
  const piece = new Uint8Array(1024 * 1024).fill(0x61);
  let told = 0;
  const splitter = new LineSplitter(1024, { line() {}, overlong: ({ length }) => (told += length) });
  for (let n = 0; n < 1024; n++) splitter.push(piece);
  expect(told).toBe(1024);
});

test("a long line that comes byte by byte is a line", () => {
  const byte = new Uint8Array(1).fill(0x78);
  const pieces = [...Array.from({ length: 1_000_000 }, () => byte), utf8("\n")];
  expect(split(1_000_000, pieces).lines).toEqual(["x".repeat(1_000_000)]);
});
