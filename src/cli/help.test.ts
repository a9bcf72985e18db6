import { expect, test } from "bun:test";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeProgram } from "./program.ts";
import { runCli } from "./run-cli.ts";
import { fakeSurroundings } from "./testing/fake-surroundings.ts";

const PATHS = commandPaths(makeProgram(fakeSurroundings(), () => undefined));

test("every command has a summary, a description and, but for groups and version, an example", async () => {
  for (const path of PATHS) {
    const help = await helpOf(path);
    expect(help).toContain("Usage: muster");
    if (!["device", "version"].includes(path.join(" "))) expect(help).toContain("Examples:");
  }
});

test("no line of any help is wider than 80 columns", async () => {
  for (const path of PATHS) {
    const wide = (await helpOf(path)).split("\n").filter((line) => Bun.stringWidth(line) > 80);
    expect(wide).toEqual([]);
  }
});

test("the help of every command is as written in testdata/help", async () => {
  const file = join(import.meta.dir, "testdata", "help", "help.txt");
  const texts: string[] = [];
  for (const path of PATHS) texts.push(`$ muster ${[...path, "--help"].join(" ")}\n${await helpOf(path)}`);
  const real = texts.join("\n");
  if (Bun.env["UPDATE_TRANSCRIPTS"] === "1") writeFileSync(file, real);
  else expect(real).toBe(readFileSync(file, "utf8"));
});

test("`muster` alone, `muster help` and `muster --help` say the same", async () => {
  const alone = await outputOf([]);
  expect(await outputOf(["help"])).toBe(alone);
  expect(await outputOf(["--help"])).toBe(alone);
  expect(await outputOf(["help", "add"])).toBe(await outputOf(["add", "--help"]));
});

async function helpOf(path: readonly string[]): Promise<string> {
  return outputOf([...path, "--help"]);
}

async function outputOf(argv: readonly string[]): Promise<string> {
  const surroundings = fakeSurroundings();
  expect(await runCli(argv, surroundings)).toBe(0);
  expect(surroundings.stderr.text).toBe("");
  return surroundings.stdout.text;
}

function commandPaths(command: CommandUnknownOpts, path: string[] = []): string[][] {
  const inner = command.commands.filter((sub) => !sub.name().startsWith("__"));
  return [path, ...inner.flatMap((sub) => commandPaths(sub, [...path, sub.name()]))];
}
