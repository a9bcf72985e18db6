import { expect, test } from "bun:test";
import { readServiceEntry, usualType } from "./service-entry.ts";

test("an entry is a name, a port and what speaks there", () => {
  expect(readServiceEntry("flowmap-api:8092")).toEqual({ name: "flowmap-api", port: 8092, type: "http" });
  expect(readServiceEntry("db:15432/tcp")).toEqual({ name: "db", port: 15_432, type: "tcp" });
  expect(readServiceEntry("a.b_c:1/http")).toEqual({ name: "a.b_c", port: 1, type: "http" });
});

test("without a word the port says what speaks there, and the entry why", () => {
  expect(readServiceEntry("postgres:5432")).toEqual({
    name: "postgres",
    port: 5432,
    type: "tcp",
    knownFor: "PostgreSQL",
  });
  expect(readServiceEntry("postgres:5432/http")).toEqual({ name: "postgres", port: 5432, type: "http" });
  expect(usualType(80)).toEqual({ type: "http" });
});

test("whatever else is no entry, and is told what is wrong", () => {
  const wrong: [string, RegExp][] = [
    ["", /form/],
    ["api", /form/],
    ["api:", /form/],
    ["api:x", /form/],
    ["api:80:90", /form/],
    ["api:-1", /form/],
    ["api:8e3", /form/],
    ["api:0", /port/],
    ["api:65536", /port/],
    [":80", /name/],
    ["API:80", /name/],
    ["-api:80", /name/],
    [`${"a".repeat(65)}:80`, /name/],
    ["../x:80", /name/],
    ["api:80/udp", /type/],
    ["api:80/", /type/],
    ["api:80/tcp/http", /type/],
  ];
  for (const [text, problem] of wrong) {
    const read = readServiceEntry(text);
    expect("problem" in read ? read.problem : text).toMatch(problem);
  }
});
