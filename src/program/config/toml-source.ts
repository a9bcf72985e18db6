// A TOML text, and on which line each of its keys stands. The runtime's parser tells neither lines nor where a
// text goes wrong, so both are found with the parser itself: it reads the text line by line longer, and what
// is new in it came with the lines since it last made sense.

export interface TomlError {
  line: number;
  message: string;
}

export type TomlResult = { ok: true; value: Record<string, unknown> } | { ok: false; error: TomlError };

export function parseToml(text: string): TomlResult {
  const value = tryParse(text);
  if (!(value instanceof Error)) return { ok: true, value };
  const { lastGood } = walk(text);
  return { ok: false, error: { line: lastGood + 1, message: reasonOf(value) } };
}

/** Line of each key, as "server.port"; the first is 1. For a text that parses. */
export function tomlLines(text: string): ReadonlyMap<string, number> {
  return walk(text).lines;
}

/** Reads ever more of the text. `lastGood`: lines of its longest beginning that makes sense. */
function walk(text: string): { lines: Map<string, number>; lastGood: number } {
  const all = text.split("\n");
  const lines = new Map<string, number>();
  let lastGood = 0;
  let read = "";
  for (const [at, line] of all.entries()) {
    read += `${line}\n`;
    const value = tryParse(read);
    if (value instanceof Error) continue;
    for (const key of keysOf(value, "")) {
      if (!lines.has(key)) lines.set(key, lastGood + 1);
    }
    lastGood = at + 1;
  }
  return { lines, lastGood: Math.min(lastGood, all.length - 1) };
}

function* keysOf(table: Record<string, unknown>, prefix: string): Generator<string> {
  for (const [name, value] of Object.entries(table)) {
    const key = prefix + name;
    yield key;
    if (isTable(value)) yield* keysOf(value, `${key}.`);
    // Tables in a list, by their place in it.
    if (Array.isArray(value) && value.every(isTable))
      yield* keysOf(Object.fromEntries(value.entries()), `${key}.`);
  }
}

export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function tryParse(text: string): Record<string, unknown> | Error {
  try {
    // TOML's top level is a table, always.
    return Bun.TOML.parse(text) as Record<string, unknown>;
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}

function reasonOf({ message }: Error): string {
  const reason = message.replace(/^TOML Parse error:\s*/i, "").split("\n")[0] ?? "";
  return reason === "" ? "this is no TOML" : reason.charAt(0).toLowerCase() + reason.slice(1);
}
