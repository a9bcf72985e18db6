// The configuration as it holds: every setting with its value and where that came from. Flags beat the
// environment, the environment beats the file, the file beats what is built in.
import { MusterError } from "../../protocol/errors.ts";
import { checkPrivate } from "../../store/private-files.ts";
import { findConfig, type ConfigPlace } from "./find-config.ts";
import { fromText, shapeProblem, type Value } from "./setting-shapes.ts";
import { isForLater, nameProblem, SETTINGS, type Setting } from "./settings.ts";
import { isTable, parseToml, tomlLines } from "./toml-source.ts";

export type Origin =
  | { kind: "flag"; flag: string }
  | { kind: "environment"; variable: string }
  | { kind: "file"; path: string; line: number }
  | { kind: "built in" };

export interface Known {
  key: string;
  value: Value;
  origin: Origin;
  secret: boolean;
}

/** A value that a flag gave, by key. Undefined means that the flag was not given. */
export type Flags = Readonly<Record<string, { flag: string; value: Value | undefined }>>;

export class Config {
  /** The file that was read. */
  readonly path: string | undefined;
  readonly #known: ReadonlyMap<string, Known>;

  constructor(path: string | undefined, known: readonly Known[]) {
    this.path = path;
    this.#known = new Map(known.map((each) => [each.key, each]));
  }

  /** In the order of the table. */
  get all(): Known[] {
    return [...this.#known.values()];
  }

  text(key: string): string | undefined {
    const value = this.#known.get(key)?.value;
    return typeof value === "string" ? value : undefined;
  }

  number(key: string): number | undefined {
    const value = this.#known.get(key)?.value;
    return typeof value === "number" ? value : undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.#known.get(key)?.value;
    return typeof value === "boolean" ? value : undefined;
  }

  texts(key: string): readonly string[] {
    const value = this.#known.get(key)?.value;
    return Array.isArray(value) ? value : [];
  }
}

const FILE_MAX_BYTES = 64 * 1024;
const WRITABLE_BY_OTHERS = 0o022;

/** Throws `invalid` with file and line, `usage` for a variable or a missing file, `state_unsafe`. */
export async function readConfig(place: ConfigPlace, flags: Flags = {}): Promise<Config> {
  const path = await findConfig(place);
  const fromFile = path === undefined ? [] : await readFile(place, path);
  const layers = [...fromFlags(flags), ...fromEnvironment(place.environment), ...fromFile, ...builtIn()];
  const known: Known[] = [];
  for (const setting of SETTINGS) {
    const seen = new Set<string>();
    for (const each of layers) {
      if (!matches(setting.key, each.key) || seen.has(each.key)) continue;
      seen.add(each.key);
      known.push(each);
    }
  }
  return new Config(path, known);
}

function fromFlags(flags: Flags): Known[] {
  return Object.entries(flags).flatMap(([key, { flag, value }]) => {
    if (value === undefined) return [];
    const setting = settingOf(key);
    const problem = setting === undefined ? "is no setting" : shapeProblem(setting.shape, value);
    if (problem !== undefined) throw new MusterError("usage", `${flag} ${problem}`);
    return [{ key, value, origin: { kind: "flag", flag } as const, secret: setting?.secret === true }];
  });
}

function fromEnvironment(environment: ConfigPlace["environment"]): Known[] {
  return SETTINGS.flatMap(({ key, shape, variable, secret }) => {
    const text = variable === undefined ? "" : (environment[variable] ?? "");
    if (variable === undefined || text === "") return [];
    const value = fromText(shape, text);
    const problem = shapeProblem(shape, value);
    if (problem !== undefined) throw new MusterError("usage", `the variable ${variable} ${problem}`);
    // Checked: its shape allows nothing else.
    return [
      {
        key,
        value: value as Value,
        origin: { kind: "environment", variable } as const,
        secret: secret === true,
      },
    ];
  });
}

function builtIn(): Known[] {
  return SETTINGS.flatMap(({ key, fallback }) =>
    fallback === undefined || key.includes("*") || isForLater({ key })
      ? []
      : [{ key, value: fallback, origin: { kind: "built in" } as const, secret: false }],
  );
}

async function readFile({ disk }: ConfigPlace, path: string): Promise<Known[]> {
  const info = await disk.info(path);
  if (info === undefined) throw new MusterError("invalid", `"${path}" went away while it was read`);
  if (info.size > FILE_MAX_BYTES) {
    throw new MusterError("invalid", `"${path}" has more than ${FILE_MAX_BYTES} bytes`);
  }
  // Whoever may write it may let commands run here.
  if ((info.mode & WRITABLE_BY_OTHERS) !== 0) checkPrivate(path, info);
  const text = new TextDecoder().decode(await disk.read(path)).replace(/^\uFEFF/, "");
  const known = readText(path, text);
  if (known.some((each) => each.secret)) checkPrivate(path, info);
  return known;
}

/** What the text of a muster.toml says. Throws `invalid` with the line. */
export function readText(path: string, text: string): Known[] {
  const parsed = parseToml(text);
  if (!parsed.ok) throw refused(path, parsed.error.line, parsed.error.message);
  const lines = tomlLines(text);
  const known: Known[] = [];
  const walk = (table: Record<string, unknown>, prefix: string): void => {
    for (const [name, value] of Object.entries(table)) {
      const key = prefix + name;
      const line = lines.get(key) ?? 1;
      const setting = settingOf(key);
      if (setting !== undefined) {
        const problem = shapeProblem(setting.shape, value) ?? wrongName(setting.key, key);
        if (problem !== undefined) throw refused(path, line, `\`${key}\` ${problem}`);
        // Checked: its shape allows nothing else.
        const origin = { kind: "file", path, line } as const;
        known.push({ key, value: value as Value, origin, secret: setting.secret === true });
      } else if (isTable(value) && isSection(key)) walk(value, `${key}.`);
      else throw refused(path, line, unknownKey(key, value));
    }
  };
  walk(parsed.value, "");
  return known;
}

function refused(path: string, line: number, what: string): MusterError {
  return new MusterError("invalid", `${path}:${line}: ${what}`, {
    hint: "`muster config example` shows every setting",
  });
}

function unknownKey(key: string, value: unknown): string {
  if (isSection(key)) return `\`${key}\` must be a table: [${key}]`;
  const near = SETTINGS.map((setting) => setting.key).find((known) => distance(known, key) <= 2);
  const what = isTable(value) ? `there is no section [${key}]` : `there is no setting \`${key}\``;
  return near === undefined ? what : `${what}; did you mean \`${near}\`?`;
}

export function settingOf(key: string): Setting | undefined {
  return SETTINGS.find((setting) => matches(setting.key, key));
}

function isSection(key: string): boolean {
  const depth = key.split(".").length;
  return SETTINGS.some((setting) => {
    const parts = setting.key.split(".");
    return parts.length > depth && matches(parts.slice(0, depth).join("."), key);
  });
}

/** `*` stands for one name, which may hold dots where nothing follows it (`offer."llm.chat"`). */
function matches(pattern: string, key: string): boolean {
  const wanted = pattern.split(".");
  const parts = key.split(".");
  if (wanted.at(-1) === "*" && parts.length > wanted.length) {
    parts.splice(wanted.length - 1, parts.length, parts.slice(wanted.length - 1).join("."));
  }
  return wanted.length === parts.length && wanted.every((part, at) => part === "*" || part === parts[at]);
}

function wrongName(pattern: string, key: string): string | undefined {
  const at = pattern.split(".").indexOf("*");
  const name = at < 0 ? undefined : key.split(".")[at];
  const problem = name === undefined ? undefined : nameProblem(name);
  return problem === undefined ? undefined : `has a bad name: "${name}" ${problem}`;
}

/** Edits between two short keys (Levenshtein). */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of a.split("").entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split("").entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
