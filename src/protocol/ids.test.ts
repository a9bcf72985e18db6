import { expect, test } from "bun:test";
import { fromHex } from "./bytes.ts";
import { beginsId, deviceIdOf, isDeviceId, parseDeviceId } from "./ids.ts";

// SHA-256 of nothing, and its base32 by RFC 4648 ("4OYMIQUY7QOBJGX36TEJS35ZEQT24QPEMSNZGTFESWMRW6CSXBKQ").
const EMPTY_HASH =
  fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") ?? new Uint8Array();
const ID = "4oymiqu-y7qobjg-x36tejs-35zeqt2";

test("an id is the start of the digest in base32, in four groups", () => {
  expect(deviceIdOf(EMPTY_HASH)).toBe(ID);
  expect(isDeviceId(ID)).toBe(true);
});

test("only a whole digest makes an id", () => {
  expect(() => deviceIdOf(new Uint8Array(31))).toThrow(RangeError);
});

test.each([ID, ID.toUpperCase(), ID.replaceAll("-", ""), ` ${ID.replaceAll("-", " ")}\n`])(
  "%j is read as the id",
  (text) => {
    expect(parseDeviceId(text)).toBe(ID);
  },
);

test.each(["", "home", ID.slice(1), `${ID}a`, ID.replace("4", "0"), `${ID}-`.repeat(2), "-".repeat(10_000)])(
  "%j is no id",
  (text) => {
    expect(parseDeviceId(text)).toBeUndefined();
    expect(isDeviceId(text)).toBe(false);
  },
);

test("only some letters of an id mean it: one or two are more likely a name that was mistyped", () => {
  expect(["4oym", "4OYMIQU", "4oymiqu-y7"].map((typed) => beginsId(ID, typed))).toEqual([true, true, true]);
  expect(["", "4", "4oy", "4oyx"].map((typed) => beginsId(ID, typed))).toEqual([false, false, false, false]);
});
