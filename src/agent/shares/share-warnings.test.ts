import { expect, test } from "bun:test";
import { leftOutWarnings } from "./share-warnings.ts";

const BEFORE = "muster: warning: ".length;

function warned(paths: readonly string[], leftOutCount = paths.length): string {
  const leftOut = paths.map((path) => ({ path }));
  return leftOutWarnings({ leftOut, leftOutCount, complete: true }).join("\n");
}

test("what is not served is named as far as one line has room", () => {
  expect(warned([])).toBe("");
  expect(warned([".env"])).toBe("not served (hidden or outside): .env");
  expect(warned([".env", ".git", ".cache"])).toBe("not served (hidden or outside): .env, .git, .cache");
  const many = warned([".env", ".git", ".gitignore", ".npmrc"], 1_200);
  expect(many).toBe("not served (hidden or outside): .env, .git and 1198 more");
  expect(BEFORE + many.length).toBeLessThanOrEqual(80);
});

test("one name is always there, however long", () => {
  const long = "a/rather/long/path/to/a/.hidden-file";
  expect(warned([long, ".env"])).toBe(`not served (hidden or outside): ${long} and 1 more`);
});
