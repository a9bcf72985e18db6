import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { readPagePath } from "./page-path.ts";

const SEED = 11;
const characters = [
  "/",
  "..",
  ".",
  "%2e",
  "%2F",
  "%5c",
  "%00",
  "%25",
  "%c0%af",
  "%",
  "a",
  "b",
  "?",
  "é",
  "\\",
];

test("whatever the target, no name climbs, hides, holds a separator or ends early", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...characters), { maxLength: 12 }), (parts) => {
      const read = readPagePath(`/${parts.join("")}`);
      if (read.kind === "refused") return;
      for (const name of read.names) {
        expect(name).not.toMatch(/[/\\\0]/);
        expect(name === "" || name === "." || name === "..").toBe(false);
      }
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test("every name that may be served can be asked for", () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .filter((text) => text.isWellFormed() && !/^\.|[/\\\p{Cc}]/u.test(text));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 4 }), fc.boolean(), (names, folder) => {
      const path = names.map((each) => `/${encodeURIComponent(each)}`).join("");
      const target = `${path === "" ? "" : path}${folder || path === "" ? "/" : ""}?${"../".repeat(3)}`;
      expect(readPagePath(target)).toEqual({ kind: "path", names, folder: folder || path === "" });
    }),
    { seed: SEED },
  );
});
