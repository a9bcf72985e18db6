import { expect, test } from "bun:test";
import { utf8 } from "../../../src/protocol/bytes.ts";
import { TerminalText } from "./terminal-text.ts";

test("letters that are cut between pieces come whole", () => {
  const text = new TerminalText();
  const bytes = utf8("né 漢 😀 end");
  expect([...bytes].map((byte) => text.read(Uint8Array.of(byte))).join("")).toBe("né 漢 😀 end");
  expect(new TerminalText().read(Uint8Array.of(0x61, 0xff, 0x62))).toBe("a\uFFFDb");
});

test("what people write stays as it is", () => {
  const words = "👨‍👩‍👧‍👦 👍🏽 각 กำ้ हिन्दी a\u0301\u0327 \u001B[31mred\u001B[0m\r\n";
  expect(new TerminalText().read(utf8(words))).toBe(words);
});

test("marks upon one letter are bounded, however they are cut", () => {
  const whole = new TerminalText();
  expect(whole.read(utf8(`a${"\u0301".repeat(1000)}b`))).toBe(`a${"\u0301".repeat(16)}b`);
  const pieces = new TerminalText();
  const shown = Array.from({ length: 1000 }, () => pieces.read(utf8("\u0301\u200D\u007F"))).join("");
  expect(shown).toHaveLength(16);
  expect(pieces.read(utf8("b\u0301"))).toBe("b\u0301");
});
