import { expect, test } from "bun:test";
import { shellArgument, shellWord } from "./shell-word.ts";

test("a shell takes every word for itself, whatever stands in it", async () => {
  const words = ["plain", "", "it's", "a b", "$(id)", "`id`", 'say "x"', "a\nb", "*", "~", "\\", "!!", "ü"];
  const shell = Bun.spawn(["sh", "-c", `printf '%s\\0' ${words.map(shellWord).join(" ")}`]);
  expect((await new Response(shell.stdout).text()).split("\0").slice(0, -1)).toEqual(words);
});

test("only what needs it is quoted, and a dash at the beginning makes no option", () => {
  expect([shellWord("a-b.c@d:1/2"), shellWord("-x"), shellArgument("-x"), shellArgument("a b")]).toEqual([
    "a-b.c@d:1/2",
    "-x",
    "-- -x",
    "'a b'",
  ]);
});
