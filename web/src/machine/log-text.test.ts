import { expect, test } from "bun:test";
import { LOG_TEXT_MAX, LogText } from "./log-text.ts";

function shown(...pieces: (string | Uint8Array)[]): string {
  const log = new LogText();
  for (const piece of pieces) {
    log.push({ from: "stdout", bytes: typeof piece === "string" ? new TextEncoder().encode(piece) : piece });
  }
  return log.parts.map(({ text }) => text).join("");
}

test("letters and sequences that are cut between pieces come out whole, or not at all", () => {
  const [first, ...rest] = new TextEncoder().encode("é");
  expect(
    shown(Uint8Array.of(first ?? 0), Uint8Array.from(rest), "\u001B[3", "1mred\u001B[0m\u0007 end"),
  ).toBe("éred end");
  expect(shown("a\u001B]0;title\u0007b\u001B(Bc\u0000\u009B2Jd")).toBe("abc2Jd");
});

test("a line that is written over again is replaced, and line ends are one", () => {
  expect(shown("a\r\nb", "\r", "\nc 10%\rc 20%", "\rc 100%\n")).toBe("a\nb\nc 100%\n");
  expect(shown("x\ny 1\r", "y 2\rend\n")).toBe("x\nend\n");
});

test("both streams keep their order and their names", () => {
  const log = new LogText();
  for (const [from, text] of [
    ["stdout", "a"],
    ["stdout", "b"],
    ["stderr", "wrong\n"],
    ["stdout", "c"],
  ] as const) {
    log.push({ from, bytes: new TextEncoder().encode(text) });
  }
  expect(log.parts).toEqual([
    { from: "stdout", text: "ab" },
    { from: "stderr", text: "wrong\n" },
    { from: "stdout", text: "c" },
  ]);
});

test("no more than the end is kept, from the beginning of a line", () => {
  const log = new LogText();
  const line = `${"x".repeat(99)}\n`;
  for (let at = 0; at < 60; at++)
    log.push({ from: "stdout", bytes: new TextEncoder().encode(line.repeat(100)) });
  const text = log.parts.map((part) => part.text).join("");
  expect(text.length).toBeLessThanOrEqual(LOG_TEXT_MAX);
  expect(text.length).toBeGreaterThan(LOG_TEXT_MAX - 10_000);
  expect([text.length % 100, log.isCut]).toEqual([0, true]);
});
