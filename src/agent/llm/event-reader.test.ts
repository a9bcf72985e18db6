import { expect, test } from "bun:test";
import { array, assert, nat, property, stringMatching } from "fast-check";
import { utf8 } from "../../protocol/bytes.ts";
import { EventReader } from "./event-reader.ts";

function read(text: string, size = text.length): string[] {
  const reader = new EventReader();
  const bytes = utf8(text);
  const events: string[] = [];
  for (let at = 0; at < bytes.length; at += Math.max(1, size)) {
    events.push(...reader.push(bytes.subarray(at, at + Math.max(1, size))));
  }
  return events;
}

test.each([
  ["data: a\n\ndata: b\n\n", ["a", "b"]],
  ["data:a\r\n\r\n", ["a"]],
  ["data:  a\n\n", [" a"]],
  ["data: a\ndata: b\n\n", ["a\nb"]],
  [": comment\nevent: x\nid: 7\nretry: 1\ndata: a\n\n", ["a"]],
  ["data\n\n", [""]],
  ["event: x\n\n", []],
  ["data: a", []],
  ["data: a\n", []],
  ["\n\n\n", []],
  ["data: ü€\n\n", ["ü€"]],
])("%j is %j", (text, events) => {
  expect(read(text)).toEqual(events);
});

test("events are the same however their bytes come", () => {
  assert(
    property(array(stringMatching(/^[a-zäß{}":]{1,12}$/)), nat(7), (texts, size) => {
      expect(read(texts.map((text) => `data: ${text}\n\n`).join(""), size)).toEqual(texts);
    }),
    { seed: 11 },
  );
});

test("what has no end is a fault and not memory", () => {
  const line = utf8("x".repeat(64 * 1024));
  const reader = new EventReader();
  expect(() => {
    for (let n = 0; n < 64; n++) reader.push(line);
  }).toThrow("too long");
  const many = new EventReader();
  expect(() => {
    for (let n = 0; n < 64; n++) many.push(utf8(`data: ${"x".repeat(64 * 1024)}\n`));
  }).toThrow("too long");
});

test("what is no text is a fault", () => {
  expect(() => new EventReader().push(Uint8Array.of(0x64, 0xff, 0x0a))).toThrow("no text");
});

test("an event of nothing but empty lines is no way to be endless", () => {
  const events = new EventReader(10_000);
  expect(() => events.push(utf8("data:\n".repeat(11_000)))).toThrow("an event is too long");
});
