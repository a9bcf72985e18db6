// Transcripts of the CLI: what was typed, what came out. One file is one story over one home.
//
//   # a remark                  % a set-up, by name
//   $ muster rm shop            what is typed (quotes as in a shell)
//   Removed shop.               standard output
//   ! muster: error: …          standard error
//   [exit 1]                    unless it is 0

import { runCli } from "../run-cli.ts";
import { fakeSurroundings, type FakeSurroundings } from "./fake-surroundings.ts";

export type SetUps = Readonly<Record<string, (surroundings: FakeSurroundings) => void>>;

/** The transcript as it really runs: equal to `text` when all is as written there. */
export async function replay(text: string, setUps: SetUps): Promise<string> {
  const surroundings = fakeSurroundings();
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("$ muster"))
      lines.push("", line, ...(await runLine(line.slice("$ muster".length), surroundings)));
    else if (line.startsWith("% ")) {
      const setUp = setUps[line.slice(2)];
      if (setUp === undefined) throw new Error(`no set-up is called "${line.slice(2)}"`);
      setUp(surroundings);
      lines.push("", line);
    } else if (line.startsWith("# ")) lines.push("", line);
  }
  // Remarks, set-ups and the command they belong to stand together.
  return `${lines
    .join("\n")
    .trim()
    .replaceAll(/^([#%] .*)\n\n(?=[#%$] )/gm, "$1\n")}\n`;
}

async function runLine(line: string, surroundings: FakeSurroundings): Promise<string[]> {
  surroundings.stdout.text = "";
  surroundings.stderr.text = "";
  const exitCode = await runCli(wordsOf(line), surroundings);
  return [
    ...outputLines(surroundings.stdout.text),
    ...outputLines(surroundings.stderr.text).map((error) => `! ${error}`),
    ...(exitCode === 0 ? [] : [`[exit ${exitCode}]`]),
  ];
}

function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
}

function outputLines(text: string): string[] {
  if (text === "") return [];
  return text.replace(/\n$/, "").replaceAll("\u001b", "␛").split("\n");
}
