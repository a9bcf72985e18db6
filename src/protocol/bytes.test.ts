import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  concat,
  equalBytes,
  equalSecretBytes,
  fromBase64Url,
  fromHex,
  fromUtf8,
  lv,
  someBytes,
  toBase64Url,
  toHex,
  u32,
  u64,
  utf8,
} from "./bytes.ts";

const RUNS = { seed: 7, numRuns: 300 };
const bytes = fc.uint8Array({ maxLength: 80 });

test("hex and base64url give back what they were made of, and agree with the platform", () => {
  fc.assert(
    fc.property(bytes, (value) => {
      expect(fromHex(toHex(value))).toEqual(value);
      expect(fromBase64Url(toBase64Url(value))).toEqual(value);
      expect(toBase64Url(value)).toBe(Buffer.from(value).toString("base64url"));
      expect(toHex(value)).toBe(Buffer.from(value).toString("hex"));
    }),
    RUNS,
  );
});

test("a text that reads as bytes is the one text for them", () => {
  const text = fc.string({
    unit: fc.constantFrom("A", "B", "a", "0", "-", "_", "=", "+", "/", " ", "\n"),
    maxLength: 8,
  });
  fc.assert(
    fc.property(text, (value) => {
      const decoded = fromBase64Url(value);
      if (decoded !== undefined) expect(toBase64Url(decoded)).toBe(value);
    }),
    { seed: 7, numRuns: 2000 },
  );
});

test.each(["A", "AB", "AA=", "AA==", "A+/A", "AAAA\n", "AAAAA", "ä", "AAB"])(
  "base64url %j is refused",
  (text) => {
    expect(fromBase64Url(text)).toBeUndefined();
  },
);

test("where the platform does not read base64url, the same texts are read, and no others", () => {
  const native = Uint8Array.fromBase64;
  const readWithout = (text: string): Uint8Array | undefined => {
    Object.assign(Uint8Array, { fromBase64: undefined });
    try {
      return fromBase64Url(text);
    } finally {
      Object.assign(Uint8Array, { fromBase64: native });
    }
  };
  const unit = fc.constantFrom(
    "A",
    "Q",
    "g",
    "z",
    "9",
    "-",
    "_",
    "=",
    "+",
    "/",
    " ",
    "\n",
    "ä",
    "\u0000",
    "\ud800",
  );
  const text = fc.oneof(bytes.map(toBase64Url), fc.string({ unit, maxLength: 9 }));
  fc.assert(
    fc.property(text, (value) => {
      const read = readWithout(value);
      expect(fromBase64Url(value)).toEqual(read);
      expect(read === undefined ? value : toBase64Url(read)).toBe(value);
    }),
    { seed: 7, numRuns: 3000 },
  );
});

test.each(["0", "0G", "AB", "0x", " 00"])("hex %j is refused", (text) => {
  expect(fromHex(text)).toBeUndefined();
});

test("bytes that are not UTF-8 have no text", () => {
  expect(fromUtf8(new Uint8Array([0xff]))).toBeUndefined();
  expect(fromUtf8(new Uint8Array([0xed, 0xa0, 0x80]))).toBeUndefined();
  expect(fromUtf8(utf8("\uFEFFa"))).toBe("\uFEFFa");
});

test("a length prefix is four bytes, big endian", () => {
  expect(toHex(lv(utf8("hi")))).toBe("000000026869");
  expect(toHex(lv(new Uint8Array(258)).subarray(0, 4))).toBe("00000102");
  expect([0, 255, 65_536, 0x7fff_ffff, 0xffff_ffff].map((value) => toHex(u32(value)))).toEqual([
    "00000000",
    "000000ff",
    "00010000",
    "7fffffff",
    "ffffffff",
  ]);
  expect(toHex(u64(Number.MAX_SAFE_INTEGER))).toBe("001fffffffffffff");
});

test("both comparisons agree with comparison byte by byte", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const same = toHex(a) === toHex(b);
      expect(equalBytes(a, b)).toBe(same);
      expect(equalSecretBytes(a, b)).toBe(same);
      expect(equalSecretBytes(a, concat(a))).toBe(true);
    }),
    RUNS,
  );
});

test("some of the bytes are those asked for, few or many", () => {
  const all = Uint8Array.from({ length: 3000 }, (_, at) => at);
  for (const [from, to] of [
    [0, 0],
    [7, 8],
    [1, 1001],
    [1, 1002],
    [0, 3000],
  ] as const) {
    expect(Buffer.from(someBytes(all, from, to)).equals(Buffer.from(all).subarray(from, to))).toBe(true);
    expect(someBytes(Buffer.from(all), from, to).length).toBe(to - from);
  }
});
