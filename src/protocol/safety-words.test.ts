import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { safetyWordList, safetyWords } from "./safety-words.ts";

const words = safetyWordList();

test("the list never changes", () => {
  const digest = createHash("sha256").update(words.join(" ")).digest("hex");
  expect(digest).toBe("fdebf96e4a510f7580b680e1f6189145b4567af4aefb7477953743d8a63408e5");
});

test("2,048 short words, no two with the same first four letters", () => {
  expect(words).toHaveLength(2048);
  expect(words.filter((word) => !/^[a-z]{3,8}$/.test(word))).toEqual([]);
  expect(new Set(words.map((word) => word.slice(0, 4))).size).toBe(2048);
});

test("eleven bits make a word, from the front of the key", () => {
  expect(safetyWords(new Uint8Array(32))).toEqual(Array(5).fill(words[0]));
  expect(safetyWords(new Uint8Array(32).fill(0xff))).toEqual(Array(5).fill(words[2047]));
  // 00000000001 00000000010 00000000011 00000000100 00000000101, and one bit that is not looked at
  const key = Uint8Array.from([0x00, 0x20, 0x08, 0x01, 0x80, 0x40, 0x0b, 0xff]);
  expect(safetyWords(key)).toEqual([1, 2, 3, 4, 5].map((index) => words[index] ?? ""));
});

test("a key that is too short is a fault of the program", () => {
  expect(() => safetyWords(new Uint8Array(6))).toThrow(RangeError);
});
