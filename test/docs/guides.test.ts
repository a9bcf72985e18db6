// The guides are true: what they mark to be run is run against a real fleet in a home of its own, in one shell
// from top to bottom, and prints at least what they say; all other shell is at least shell.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { Glob } from "bun";
import { Home, PROGRAM } from "../e2e/harness.ts";

const folder = resolve(import.meta.dir, "../../docs/guides");
const guides = [...new Glob("*.md").scanSync(folder)].toSorted();

interface Block {
  /** After the three backticks: "sh", "sh run", "json". */
  info: string;
  text: string;
}

function blocksIn(markdown: string): Block[] {
  return Array.from(markdown.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm), ([, info = "", text = ""]) => ({
    info,
    text,
  }));
}

const blocksOf = (guide: string) => blocksIn(readFileSync(join(folder, guide), "utf8"));

test("there is a guide for each platform, for scripts, for tasks, for assistants, for models, for plugins, for the life of a device and for what fails", () => {
  expect(guides).toEqual(
    "assistants containers devices linux macos model-servers models phone plugins raspberry-pi scripts services sharing-a-device tasks vps when-it-fails wsl2"
      .split(" ")
      .map((name) => `${name}.md`),
  );
});

for (const guide of guides) {
  test(`the shell in ${guide} is shell, and in a language that a test knows`, () => {
    for (const { info, text } of blocksOf(guide)) {
      expect(info).toMatch(/^(?:sh|sh run|json|powershell|toml)$/);
      if (!info.startsWith("sh")) continue;
      const checked = Bun.spawnSync(["sh", "-n"], { stdin: new TextEncoder().encode(text) });
      expect([guide, text, checked.stderr.toString()]).toEqual([guide, text, ""]);
    }
  });

  test(`each command in ${guide} is one that there is`, () => {
    for (const { info, text } of blocksOf(guide)) {
      if (!info.startsWith("sh")) continue;
      for (const [, words = ""] of text.matchAll(/(?:^|[ /(])muster((?: [a-z][a-z-]*)+)/gm)) {
        const [command = "", second = ""] = words.trim().split(" ");
        const help = helpOf(command);
        expect([guide, words, help === ""]).toEqual([guide, words, false]);
        if (GROUPS.has(command)) expect(`${guide}: ${help}`).toMatch(new RegExp(`^  ${second} `, "m"));
      }
    }
  });
}

const GROUPS = new Set(["service", "device", "config"]);
const helps = new Map<string, string>();

function helpOf(command: string): string {
  const known = helps.get(command) ?? Bun.spawnSync([PROGRAM, command, "--help"]).stdout.toString();
  helps.set(command, known);
  return known;
}

const missing = Bun.which("jq") === null ? " (needs jq)" : "";
describe.skipIf(missing !== "")(`what the guides let run${missing}`, () => {
  for (const guide of guides) {
    const blocks = blocksOf(guide);
    if (!blocks.some(({ info }) => info === "sh run")) continue;
    test(`${guide} does what it says`, async () => {
      await using home = new Home(["sh"]);
      const programs = join(home.folder, "bin");
      mkdirSync(programs);
      symlinkSync(PROGRAM, join(programs, "muster"));
      const env = { PATH: `${programs}:${process.env["PATH"] ?? ""}`, HOME: home.folder };
      for (const [at, { info, text }] of blocks.entries()) {
        if (info !== "sh run") continue;
        const ran = await home.run(["-euc", text], { env });
        expect([text, ran.code, ran.stderr]).toEqual([text, 0, ran.stderr]);
        const next = blocks[at + 1];
        if (next?.info === "json") expect(missingIn(JSON.parse(next.text), ran.json)).toEqual([]);
      }
    }, 60_000);
  }
});

/** Paths that the example has and the real answer has not, or has of another type. */
function missingIn(example: unknown, real: unknown, path = ""): string[] {
  if (Array.isArray(example)) {
    if (!Array.isArray(real)) return [path];
    return example.flatMap((each, at) => missingIn(each, real[at], `${path}[${at}]`));
  }
  if (typeof example === "object" && example !== null) {
    if (typeof real !== "object" || real === null) return [path];
    const fields = new Map<string, unknown>(Object.entries(real));
    return Object.entries(example).flatMap(([key, value]) =>
      fields.has(key) ? missingIn(value, fields.get(key), `${path}.${key}`) : [`${path}.${key}`],
    );
  }
  return example === null || typeof example === typeof real ? [] : [path];
}
