import { expect, test } from "bun:test";
import { toBase64Url, utf8 } from "./bytes.ts";
import { decodeTicket, encodeTicket } from "./ticket.ts";

const claims = {
  share: "s1",
  host: "shop.example",
  visitor: "user:7",
  nonce: new Uint8Array(32).fill(3),
  expiresAt: 1_800_000_000_000,
};
const signature = new Uint8Array(64).fill(9);

test("a ticket comes back as it was written", () => {
  expect(decodeTicket(encodeTicket(claims, signature))).toEqual({ claims, signature });
});

const good = encodeTicket(claims, signature);
test.each([
  "",
  ".",
  "a.b.c",
  `${good}.x`,
  good.slice(0, -1),
  `${toBase64Url(utf8("{"))}.${toBase64Url(signature)}`,
  `${toBase64Url(utf8('{"share":"s1"}'))}.${toBase64Url(signature)}`,
  "x".repeat(5000),
])("%j is no ticket", (text) => {
  expect(decodeTicket(text)).toBeUndefined();
});
