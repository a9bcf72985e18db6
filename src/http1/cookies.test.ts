import { describe, expect, test } from "bun:test";

import { cookieValue, withoutCookies } from "./cookies.ts";

describe("taking our cookies out", () => {
  const isOurs = (name: string) => name.startsWith("muster");

  test.each([
    ["a=b", "a=b"],
    ["muster=1", undefined],
    ["muster=1; a=b", "a=b"],
    ["a=b;muster-x=1 ;\tc=d=e", "a=b; c=d=e"],
    ["a=b; muster", "a=b"],
    ["a=muster=1", "a=muster=1"],
    [" muster =1;; a=", "a="],
    ["", undefined],
  ])("of %j leaves %j", (value, rest) => {
    expect(withoutCookies(value, isOurs)).toBe(rest);
  });
});

test("the first cookie of a name is the one", () => {
  expect(cookieValue("xa=0; a=1; a=2", "a")).toBe("1");
  expect(cookieValue("a = x=y ; b", "a")).toBe("x=y");
  expect(cookieValue("b; a=", "a")).toBe("");
  expect(cookieValue("ab=1; b", "b")).toBeUndefined();
});
