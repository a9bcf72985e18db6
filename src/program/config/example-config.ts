// `muster config example`: every setting that does something, each with a sentence and what it may look like, all of it commented
// out. What is left when the comment marks go is a file that is valid as it stands.
import type { Value } from "./setting-shapes.ts";
import { isForLater, SETTINGS, type Setting } from "./settings.ts";

const HEAD = `# Settings of Muster (muster.toml). Take the mark from a line to use it.
# Flags beat the environment, the environment beats this file.
# \`muster config show\` tells what holds.
# A file that holds a key or a token must be for you alone: chmod 600.
`;

const SECTION_NAMES: Readonly<Record<string, string>> = {
  services: "postgres",
};
const OFFER = "llm.chat";
const WIDTH = 100;

export function exampleConfig(): string {
  const lines = [HEAD];
  let section = "";
  for (const { key, about, example, fallback, variable } of inUse()) {
    const parts = key.split(".").map((part, at, all) => (part === "*" ? nameFor(all[at - 1] ?? "") : part));
    const name = parts.pop() ?? "";
    const header = parts.join(".");
    if (header !== section) lines.push(`#[${header}]`);
    section = header;
    const remarks = [
      fallback === undefined ? undefined : `Built in: ${literal(fallback)}.`,
      variable === undefined ? undefined : `Environment: ${variable}.`,
    ].filter((remark) => remark !== undefined);
    lines.push(...wrapped([about, ...remarks].join(" ")), `#${bare(name)} = ${literal(example)}`, "");
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

function inUse(): readonly Setting[] {
  return SETTINGS.filter((setting) => !isForLater(setting));
}

function nameFor(section: string): string {
  return SECTION_NAMES[section] ?? OFFER;
}

function bare(name: string): string {
  return /^[a-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

/** As TOML writes it; texts here need no escapes but those that JSON has too. */
export function literal(value: Value): string {
  return JSON.stringify(value);
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
