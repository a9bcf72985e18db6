import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  checkHostName,
  hostNameProblem,
  HOST_NAME_MAX,
  isHostName,
  isNumberedFrom,
  isUserName,
  nameFromFolder,
  numbered,
  RESERVED_NAMES,
} from "./names.ts";

test.each(["ab", "a1", "0x", "my-blog", "a-b-c", "a".repeat(30)])("%j is a host name", (name) => {
  expect(hostNameProblem(name)).toBeUndefined();
});

test.each([
  ["", "2 to 30"],
  ["a", "2 to 30"],
  ["a".repeat(31), "2 to 30"],
  ["-a", "begin and end"],
  ["a-", "begin and end"],
  ["a--b", "two hyphens"],
  ["xn--a", "two hyphens"],
  ["Ab", "a-z, 0-9"],
  ["a_b", "a-z, 0-9"],
  ["a.b", "a-z, 0-9"],
  ["ab\n", "a-z, 0-9"],
  ["bücher", "a-z, 0-9"],
  ["www", "reserved"],
  ["muster", "reserved"],
  ["isatap", "reserved"],
  ["mta-sts", "reserved"],
])("%j is no host name: %s", (name, problem) => {
  expect(hostNameProblem(name)).toContain(problem);
  expect(() => checkHostName(name)).toThrow(problem);
});

test("user names have 3 to 32 characters of the same grammar", () => {
  expect(["abc", "a".repeat(32), "a-b"].every(isUserName)).toBe(true);
  expect(["ab", "a".repeat(33), "a--b", "admin", "Ann"].some(isUserName)).toBe(false);
});

test.each([
  ["My Blog", "my-blog"],
  ["  __site__  ", "site"],
  ["a--b", "a-b"],
  ["Über uns", "ber-uns"],
  ["api", "api-2"],
  ["x".repeat(29) + "-yz", "x".repeat(29)],
  ["日本語", undefined],
  ["-", undefined],
  ["q", undefined],
])("folder %j becomes %j", (folder, name) => {
  expect(nameFromFolder(folder)).toBe(name);
});

test("whatever a folder is called, its name is a host name or nothing", () => {
  const folder = fc.oneof(fc.string({ maxLength: 60 }), fc.constantFrom(...RESERVED_NAMES));
  fc.assert(
    fc.property(folder, (text) => {
      const name = nameFromFolder(text);
      expect(name === undefined || isHostName(name)).toBe(true);
    }),
    { seed: 7, numRuns: 1000 },
  );
});

test("a numbered name is a host name of its base, and keeps its length", () => {
  const name = fc.stringMatching(/^[a-z0-9](-?[a-z0-9]){1,20}$/).filter(isHostName);
  fc.assert(
    fc.property(name, fc.integer({ min: 2, max: 99_999 }), (base, n) => {
      const next = numbered(base, n);
      expect(next.length).toBeLessThanOrEqual(HOST_NAME_MAX);
      expect(isHostName(next)).toBe(true);
      expect(isNumberedFrom(base, next)).toBe(true);
    }),
    { seed: 7, numRuns: 500 },
  );
});

test.each([
  ["pi", "pi", true],
  ["pi", "pi-2", true],
  ["pi", "pi-1", false],
  ["pi", "pi-02", false],
  ["pi", "pi2", false],
  ["pi", "other-2", false],
])("with base %j, %j counts: %p", (base, name, counts) => {
  expect(isNumberedFrom(base, name)).toBe(counts);
});
