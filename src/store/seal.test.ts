import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { isRowId, newRowId } from "./row-id.ts";
import { createSealer } from "./seal.ts";

const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
const sealer = createSealer(new Uint8Array(32).fill(7), random);
const PLACE = ["shares", "proof_key", "abc"];

test("what was sealed opens in its place", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.string(), { maxLength: 4 }),
      (secret, place) => {
        expect(sealer.open(place, sealer.seal(place, secret))).toEqual(new Uint8Array(secret));
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

test("it opens nowhere else, under no other key, and not once a bit has changed", () => {
  const secret = Uint8Array.of(1, 2, 3);
  const sealed = sealer.seal(PLACE, secret);
  const refused = expect.objectContaining({ code: "state_corrupt" });
  expect(() => sealer.open(["shares", "proof_key", "abd"], sealed)).toThrow(refused);
  expect(() => sealer.open(["shares", "proof_keya", "bc"], sealed)).toThrow(refused);
  expect(() => createSealer(new Uint8Array(32).fill(8), random).open(PLACE, sealed)).toThrow(refused);
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => sealer.open(PLACE, changed)).toThrow(refused);
    expect(() => sealer.open(PLACE, sealed.slice(0, at))).toThrow(refused);
  }
});

test("the same secret twice looks different, and never shows itself", () => {
  const secret = new TextEncoder().encode("a secret to look for");
  const [first, second] = [sealer.seal(PLACE, secret), sealer.seal(PLACE, secret)];
  expect(first).not.toEqual(second);
  expect(Buffer.from(first).includes(Buffer.from(secret))).toBe(false);
});

test("a secret that is too short is refused", () => {
  expect(() => createSealer(new Uint8Array(31), random)).toThrow("31 bytes");
});

test("row ids are ten characters of the alphabet, each used", () => {
  const ids = Array.from({ length: 500 }, () => newRowId(random));
  expect(ids.every(isRowId)).toBe(true);
  expect(new Set(ids.join("")).size).toBe(32);
  expect(isRowId("ABCDEFGHIJ")).toBe(false);
});
