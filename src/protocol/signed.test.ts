import { expect, test } from "bun:test";
import { toHex, utf8 } from "./bytes.ts";
import { signedBytes } from "./signed.ts";
import type { SignedFields } from "./signed.ts";

const bytes = (length: number): Uint8Array => new Uint8Array(length);

const ticket: SignedFields<"ticket"> = {
  share: "s",
  host: "h",
  visitor: "v",
  nonce: bytes(32),
  expiresAt: 1,
};

const handshake: SignedFields<"register"> = {
  sessionKind: "attach",
  protocol: 1,
  hubKey: bytes(32),
  hubNonce: bytes(32),
  deviceNonce: bytes(32),
  deviceKey: bytes(32),
  session: 0,
  dialled: "http://localhost:80",
  binding: bytes(0),
};

test("the bytes are the purpose and every field, each with its length", () => {
  const part = (hex: string): string => (hex.length / 2).toString(16).padStart(8, "0") + hex;
  const parts = [
    toHex(utf8("muster/v1/ticket")),
    toHex(utf8("s")),
    toHex(utf8("h")),
    toHex(utf8("v")),
    "00".repeat(32),
    "0000000000000001",
  ];
  expect(toHex(signedBytes("ticket", ticket))).toBe(parts.map(part).join(""));
});

test("the order in which fields are given does not matter", () => {
  const reversed = Object.fromEntries(Object.entries(ticket).reverse()) as SignedFields<"ticket">;
  expect(signedBytes("ticket", reversed)).toEqual(signedBytes("ticket", ticket));
});

test("moving a letter from one field to the next changes the bytes", () => {
  const a = signedBytes("ticket", { ...ticket, share: "ab", host: "c" });
  const b = signedBytes("ticket", { ...ticket, share: "a", host: "bc" });
  expect(a).not.toEqual(b);
});

test("a key list of other grouping has other bytes", () => {
  const base = {
    logId: bytes(32),
    signerKey: bytes(32),
    queryId: "q",
    queryType: "t",
    paramsHash: bytes(32),
  };
  const one = signedBytes("query", { ...base, devices: [bytes(32)] });
  const two = signedBytes("query", { ...base, devices: [bytes(32), bytes(32)] });
  expect(two.length - one.length).toBe(36);
});

const misfits: [string, Record<string, unknown>][] = [
  ["hubNonce is not 32 bytes long", { hubNonce: bytes(31) }],
  ["hubNonce is not 32 bytes long", { hubNonce: bytes(33) }],
  ["deviceNonce is not 32 bytes long", { deviceNonce: bytes(0) }],
  ["deviceKey is missing", { deviceKey: "AAAA" }],
  ["binding is not 0 to 64 bytes long", { binding: bytes(65) }],
  ["sessionKind is none of", { sessionKind: "root" }],
  ["sessionKind is none of", { sessionKind: undefined }],
  ["session is no whole number", { session: -1 }],
  ["session is no whole number", { session: 1.5 }],
  ["session is no whole number", { session: 2 ** 53 }],
  ["protocol is no whole number", { protocol: "1" }],
  ["dialled is missing", { dialled: "" }],
  ["dialled is longer than 512 bytes", { dialled: "ä".repeat(257) }],
  ["dialled is not well-formed text", { dialled: "\uD800" }],
  ["extra is not a field of it", { extra: 1 }],
];

test.each(misfits)("%s", (message, change) => {
  const fields = { ...handshake, ...change } as SignedFields<"register">;
  expect(() => signedBytes("register", fields)).toThrow(message);
});

test("a missing field is refused", () => {
  const { hubKey: _, ...rest } = handshake;
  expect(() => signedBytes("register", rest as SignedFields<"register">)).toThrow("hubKey is missing");
});
