import { expect, test } from "bun:test";
import { utf8 } from "../../protocol/bytes.ts";
import { bytesOf, headOf, OutputTail, textOf } from "./task-output.ts";

test("pieces are put together in their order, whichever output they are from", () => {
  const piece = (from: "stdout" | "stderr", text: string) => ({
    from,
    bytes: Buffer.from(text).toString("base64url"),
  });
  expect(textOf(bytesOf([piece("stdout", "a\n"), piece("stderr", "b\n")]))).toBe("a\nb\n");
  expect(() => bytesOf([{ from: "stdout", bytes: "*" }])).toThrow("can't be read");
});

test("pages of any size hold whole characters, and all of them together say it all", () => {
  const whole = "aé日🦉".repeat(20);
  const bytes = utf8(whole);
  for (const maxBytes of [4, 5, 6, 7, 8, 1000]) {
    let read = "";
    for (let at = 0; at < bytes.length;) {
      const page = headOf(bytes.subarray(at), maxBytes);
      expect(page.length).toBeLessThanOrEqual(maxBytes);
      read += textOf(page);
      at += page.length;
    }
    expect(read).toBe(whole);
  }
});

test("where nothing is a character, pages still go on", () => {
  const bytes = new Uint8Array(10).fill(0x80);
  expect(headOf(bytes, 1).length).toBe(1);
  expect(headOf(bytes, 6).length).toBe(6);
});

test("of much output the end is kept, and from the middle of a character its rest is not shown", () => {
  const tail = new OutputTail(5);
  tail.add(utf8("abc"));
  expect([tail.text, tail.bytes]).toEqual(["abc", 3]);
  tail.add(utf8("déf日"));
  expect([tail.text, tail.bytes]).toEqual(["f日", 5]); // and one byte of é
});
