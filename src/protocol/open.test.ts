import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodeFin, encodeFin } from "./fin.ts";
import { decodeOpen, encodeOpen, type Open } from "./open.ts";
import { LINK_KINDS } from "./views.ts";

const word = fc.stringMatching(/^[!-~]{1,60}$/);
const open = fc.record({
  target: word,
  https: fc.boolean(),
  secure: fc.boolean(),
  visitorCloses: fc.boolean(),
  visitor: word,
  host: word,
  link: fc.constantFrom(...LINK_KINDS),
  requestId: word,
});

test("an OPEN comes back as it was sent", () => {
  fc.assert(
    fc.property(open, (sent) => {
      expect(decodeOpen(encodeOpen(sent))).toEqual(sent);
    }),
    { seed: 7 },
  );
});

test.each([
  ["visitor", "10.0.0.1\r\nX-Evil: 1"],
  ["visitor", ""],
  ["host", "a b"],
  ["requestId", "r\u0000"],
  ["requestId", "r\u00e9"],
])("an OPEN whose %s is %j is refused", (name, value) => {
  const good: Open = {
    target: "t",
    https: true,
    secure: true,
    visitorCloses: false,
    visitor: "::1",
    host: "h",
    link: "hub",
    requestId: "r",
  };
  expect(decodeOpen(encodeOpen({ ...good, [name]: value }))).toBeUndefined();
});

test("a FIN comes back as it was sent, its time in whole milliseconds", () => {
  const sent = { status: 206, firstByteMs: 12.4, length: 2 ** 40, close: true };
  expect(decodeFin(encodeFin(sent))).toEqual({ ...sent, firstByteMs: 12 });
});

test.each([
  "",
  "200 1 2",
  "200 1 2 ",
  " 200 1 2 -",
  "200  2 -",
  "200 1 99999999999999999999 -",
  "2e2 1 2 -",
  "200 1 2 -\n",
  "200 1 2 - x",
  "99 1 2 -",
  "200 -1 2 -",
  "200 1 2.5 -",
  "0200 1 2 -",
  "200 1 2 z",
])("a FIN of %j is refused", (text) => {
  expect(decodeFin(new TextEncoder().encode(text))).toBeUndefined();
});

test.each([
  "",
  "t",
  "t\n-\n::1\nh\nhub",
  "t\n-\n::1\nh\nhub\nr\n",
  "t\n-\n::1\nh\nhub\nr\nmore",
  "\n-\n::1\nh\nhub\nr",
  "t\n-\n\nh\nhub\nr",
  "t\n-\n::1\nh\nmoon\nr",
])("an OPEN of %j is refused", (text) => {
  expect(decodeOpen(new TextEncoder().encode(text))).toBeUndefined();
});

test("an OPEN that is too long is refused", () => {
  expect(decodeOpen(new TextEncoder().encode(`t\n-\n::1\n${"h".repeat(5000)}\nhub\nr`))).toBeUndefined();
});
