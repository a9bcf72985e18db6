// `muster config show|path|example`: the settings that hold, where each came from, and every one there is.

import { configFile } from "../config-file.ts";
import { printJson, type Invocation } from "../invocation.ts";
import { plainLine } from "../plain-text.ts";
import type { ConfigView } from "../surroundings.ts";
import { tableLines } from "../table.ts";

export interface ConfigFlags {
  config?: string | undefined;
  wide?: true | undefined;
}

export async function configShow(invocation: Invocation, flags: ConfigFlags): Promise<void> {
  const { path, values } = await read(invocation, flags);
  if (invocation.json) return printJson(invocation, { path, values });
  const { out } = invocation;
  const rows = values.map(({ key, value, origin }) => [
    { text: key, style: "bold" as const },
    { text: JSON.stringify(value) },
    { text: origin, style: "dim" as const },
  ]);
  const headings = ["setting", "value", "from"];
  for (const line of tableLines(out, rows, { headings, wide: flags.wide === true })) out.line(line);
}

export async function configPath(invocation: Invocation, flags: ConfigFlags): Promise<void> {
  const { path } = await read(invocation, flags);
  if (invocation.json) return printJson(invocation, { path });
  if (path !== null) return invocation.out.line(path);
  invocation.err.line("There is no muster.toml; what is built in holds.");
  const moved = invocation.surroundings.environment["MUSTER_HOME"] ?? "";
  const home = moved === "" ? "~/.muster" : plainLine(invocation.home);
  invocation.err.line(`Begin one: muster config example > ${home}/muster.toml`);
}

export async function configExample(invocation: Invocation): Promise<void> {
  const text = await invocation.surroundings.exampleConfig();
  if (invocation.json) return printJson(invocation, { example: text });
  invocation.out.write(text);
}

function read(invocation: Invocation, flags: ConfigFlags): Promise<ConfigView> {
  return invocation.surroundings.readConfig({
    home: homeIfAny(invocation),
    ...configFile(invocation, flags.config),
  });
}

/** Without HOME the places in it are left out; the others are looked at all the same. */
function homeIfAny(invocation: Invocation): string | undefined {
  const { environment } = invocation.surroundings;
  const named = ["MUSTER_HOME", "HOME", "USERPROFILE"].some((name) => (environment[name] ?? "") !== "");
  return named ? invocation.home : undefined;
}
