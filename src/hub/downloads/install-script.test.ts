import { expect, test } from "bun:test";
import { installScript } from "./install-script.ts";

test("takes an address of letters and digits alone", () => {
  for (const url of [
    "https://muster.example.com",
    "http://localhost:8080",
    "http://[::1]:80",
    "https://a.b:1",
  ]) {
    expect(installScript(url).split("\n")[1]).toBe(`MUSTER_HUB_URL='${url}'`);
  }
  for (const url of [
    "https://a'; rm -rf /; '",
    "https://a\nrm",
    "https://a/b",
    "https://$(id)",
    "https://a`id`",
    "ftp://a",
    "https://",
    "https://a b",
    "https://a:123456",
  ]) {
    expect(() => installScript(url)).toThrow("cannot stand");
  }
});

test("does nothing but define functions before its last line", () => {
  const lines = installScript("https://a").trimEnd().split("\n");
  expect(lines.at(-1)).toBe('{ main "$@"; }');
  const outside = lines.filter((line) => /^[^\s#}]/.test(line) && !/^[a-z0-9_]+\(\) \{$/.test(line));
  expect(outside).toEqual(["MUSTER_HUB_URL='https://a'", "$token", "END", '{ main "$@"; }']);
});
