// What a `plugin.toml` says: a name, what the plugin offers, and how it is run. One with an error is refused whole,
// with the line, so that a mistake is found where it was made.
import { z } from "zod";
import {
  CAPABILITIES_PER_DEVICE,
  CAPABILITY_CLASSES,
  capabilityProtocol,
  capabilityVersion,
  modelName,
  queryName,
  type CapabilityClass,
} from "../../protocol/capabilities.ts";
import { isLoopbackHost } from "./loopback.ts";

/** TOML is read by the runtime, which is handed in. */
export interface TomlReader {
  parse(
    text: string,
  ): { ok: true; value: Record<string, unknown> } | { ok: false; error: { line: number; message: string } };
  /** Line of each key, as "run.command" or "capabilities.0.version"; the first is 1. */
  lines(text: string): ReadonlyMap<string, number>;
}

export interface PluginCapability {
  protocol: string;
  version: string;
  class: CapabilityClass;
  models: readonly string[];
}

export interface PluginManifest {
  name: string;
  capabilities: readonly PluginCapability[];
  queries: readonly string[];
  run: { command: readonly string[] } | { url: string };
}

export type ManifestResult =
  | { ok: true; manifest: PluginManifest }
  | { ok: false; line: number; problem: string };

export const MANIFEST_MAX_BYTES = 16 * 1024;

/** What everybody knows need not be said; all else is trusted the least. */
const KNOWN_CLASSES: ReadonlyMap<string, CapabilityClass> = new Map([
  ["llm.chat", "compute"],
  ["embeddings", "compute"],
  ["knowledgebase", "read"],
  ["tasks", "read"],
]);

const word = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[^\0]*$/);
const capability = z.strictObject({
  protocol: capabilityProtocol,
  version: capabilityVersion,
  class: z.enum(CAPABILITY_CLASSES).optional(),
  models: z.array(modelName).max(64).optional(),
});
const shape = z.strictObject({
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?$/),
  capabilities: z.array(capability).max(CAPABILITIES_PER_DEVICE).optional(),
  queries: z
    .array(z.strictObject({ name: queryName }))
    .max(32)
    .optional(),
  run: z.strictObject({
    command: z.array(word).min(1).max(64).optional(),
    url: z.string().max(300).refine(isLocalUrl).optional(),
  }),
});

export function readManifest(text: string, toml: TomlReader): ManifestResult {
  const parsed = toml.parse(text);
  if (!parsed.ok) return { ok: false, line: parsed.error.line, problem: parsed.error.message };
  const read = shape.safeParse(parsed.value);
  if (!read.success) {
    // A misspelt key is two issues, and its own line says more than that of the table which lacks the right one.
    const { issues } = read.error;
    const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
    const path = issue?.path.map(String) ?? [];
    const stray = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
    const key = [...path, ...(stray === undefined ? [] : [stray])];
    return refused(
      toml.lines(text),
      key,
      stray === undefined ? meaningOf(parsed.value, key) : `is no setting; there are ${settingsAt(path)}`,
    );
  }
  const { name, capabilities = [], queries = [], run } = read.data;
  if ((run.command === undefined) === (run.url === undefined)) {
    return refused(toml.lines(text), ["run"], "must have either `command` or `url`");
  }
  if (capabilities.length === 0 && queries.length === 0) {
    return { ok: false, line: 1, problem: "it declares neither [[capabilities]] nor [[queries]]" };
  }
  const twice = capabilities.findIndex(({ protocol }, at) => {
    return capabilities.findIndex((other) => other.protocol === protocol) < at;
  });
  if (twice !== -1) return refused(toml.lines(text), ["capabilities", String(twice)], "is declared twice");
  return {
    ok: true,
    manifest: {
      name,
      capabilities: capabilities.map((one) => ({
        ...one,
        class: one.class ?? KNOWN_CLASSES.get(one.protocol) ?? "control",
        models: one.models ?? [],
      })),
      queries: queries.map((query) => query.name),
      // One of the two is there, as was checked.
      run: run.command === undefined ? { url: run.url ?? "" } : { command: run.command },
    },
  };
}

function refused(lines: ReadonlyMap<string, number>, key: readonly string[], what: string): ManifestResult {
  const shown = key.join(".");
  return { ok: false, line: lineOf(lines, key), problem: shown === "" ? what : `\`${shown}\` ${what}` };
}

/** Of the key itself, or of the table that lacks it. */
function lineOf(lines: ReadonlyMap<string, number>, key: readonly string[]): number {
  for (let length = key.length; length > 0; length--) {
    const line = lines.get(key.slice(0, length).join("."));
    if (line !== undefined) return line;
  }
  return 1;
}

const MEANINGS: Readonly<Record<string, string>> = {
  protocol: 'must be words of lower case, joined by dots or dashes, such as "llm.chat"',
  version: 'must be three numbers, such as "1.0.0"',
  class: `must be one of ${CAPABILITY_CLASSES.join(", ")}`,
  models: "must be a list of names of models",
  command: 'must be a list of words, such as ["./serve"]',
  url: 'must be an address of this machine, such as "http://127.0.0.1:9000"',
  run: "must be a table with `command` or `url`",
  capabilities: "must be tables: [[capabilities]]",
  queries: "must be tables: [[queries]]",
};

function settingsAt([table]: readonly string[]): string {
  if (table === "capabilities") return Object.keys(capability.shape).join(", ");
  if (table === "run") return Object.keys(shape.shape.run.shape).join(", ");
  return table === "queries" ? "name" : Object.keys(shape.shape).join(", ");
}

function meaningOf(value: unknown, key: readonly string[]): string {
  if (valueAt(value, key) === undefined) return "is missing";
  const last = key.findLast((part) => !/^\d+$/.test(part)) ?? "";
  if (last !== "name") return MEANINGS[last] ?? "does not fit";
  return key[0] === "queries"
    ? "must begin with a letter and have letters, digits, dots and dashes"
    : "must have 1 to 40 characters of a-z, 0-9, dots and dashes";
}

function valueAt(value: unknown, [first, ...rest]: readonly string[]): unknown {
  if (first === undefined || typeof value !== "object" || value === null) {
    return first === undefined ? value : undefined;
  }
  // A table or a list, whose entries are reached alike.
  return valueAt((value as Record<string, unknown>)[first], rest);
}

/** Nothing of a plugin is elsewhere: what is sent to it is as private as this machine. */
function isLocalUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === "http:" && isLoopbackHost(url.hostname) && url.username === "" && url.search === "";
}
